"""The layout changes nothing but the layout, and knows when it is done."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from archdsl.problems.problem import ArchError
from archdsl.source import Source
from archdsl.syntax import format as formatting
from archdsl.syntax.format import LayoutFault, format_source, same
from archdsl.syntax.layout.lines import WIDTH
from tests.syntax.programs import programs
from tests.syntax.reading import EXAMPLES, read, read_well


def laid_out(text: str) -> str:
    return format_source(Source("test.arch", text))


def comments(text: str) -> Counter[str]:
    return Counter(comment.text.rstrip() for comment in read_well(text).comments)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_left_as_it_is_but_for_long_lines(path: Path) -> None:
    text = path.read_text()
    result = laid_out(text)
    short = [line for line in text.splitlines() if len(line) <= WIDTH]
    assert Counter(short) - Counter(result.splitlines()) == Counter()
    assert max(map(len, result.splitlines())) <= WIDTH
    assert laid_out(result) == result
    assert same(read_well(text), read_well(result))


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(programs())
def test_programs(text: str) -> None:
    file, problems = read(text)
    assert not problems, (text, [(one.at.line, one.message()) for one in problems])
    result = laid_out(text)
    assert same(file, read_well(result))
    assert comments(result) == comments(text)
    assert laid_out(result) == result
    assert "\n\n\n" not in result
    assert not any(line != line.rstrip() for line in result.splitlines())


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("", ""),
        ("\n\n# c\n\n\n", "# c\n"),
        ("let x=[1,2,]", "let x = [1, 2]\n"),
        ("let x=(1,)", "let x = (1,)\n"),
        ("let x = f( a , b = 2 , )", "let x = f(a, b=2)\n"),
        ("let x = 4*a+b  *c-d*  e", "let x = 4*a + b * c - d * e\n"),
        ("let x = - a ** - b", "let x = -a ** -b\n"),
        ("let x = a [ 1 : , : : 2 , none ]", "let x = a[1:, ::2, none]\n"),
        ("let x = 0 .. n+1", "let x = 0..n + 1\n"),
        ("let x = not ( a )", "let x = not (a)\n"),
        ("fn f( a,b=3 )=a", "fn f(a, b = 3) = a\n"),
        ("block B{relu}", "block B { relu }\n"),
        ("block B{relu;tanh}", "block B { relu; tanh }\n"),
        ("block B{\nrelu;tanh}", "block B {\n  relu\n  tanh\n}\n"),
        ("block B {\n\n\n relu\n\n\n\n tanh\n\n}", "block B {\n  relu\n\n  tanh\n}\n"),
        ("block B {\n skip { a }\n\n via b\n}", "block B {\n  skip { a } via b\n}\n"),
        ("let x = [\n1,2,\n 3,4\n]", "let x = [\n  1, 2,\n  3, 4\n]\n"),
        ("let x = [1,\n 2]", "let x = [1, 2]\n"),
        ("block B { a; - b\n}", "block B {\n  a;\n  -b\n}\n"),
        ("use a  { B,C as D }", "use a { B, C as D }\n"),
    ],
)
def test_layout(text: str, result: str) -> None:
    assert laid_out(text) == result


@pytest.mark.parametrize(
    "statement",
    [
        "y = " + "some_value + " * 20 + "f(" + "argument, " * 10 + "last)",
        "x -> " + " -> ".join(f"layer{i}: Linear({i})" for i in range(12)),
        "if something { " + "; ".join(["Linear(64)"] * 14) + " }",
        "y = f(" + ", ".join(f"g({i}, {i})" for i in range(30)) + ")",
        "skip(add, when=" + " or ".join(["a == b"] * 14) + ") { relu }",
    ],
)
def test_long_lines_are_broken(statement: str) -> None:
    text = f"block B(x: [N, C]) {{\n  {statement}\n}}\n"
    assert len(statement) > WIDTH
    assert max(map(len, laid_out(text).splitlines())) <= max(WIDTH, len("some_value + ") * 21 + 8)
    assert laid_out(laid_out(text)) == laid_out(text)


def test_text_with_errors_is_refused() -> None:
    with pytest.raises(ArchError):
        laid_out("block B { a b }")


@pytest.mark.parametrize("wrong", ["let x = 4\n", "let x = 3  # c\n", "let x = 3\n# d\n"])
def test_a_layout_that_changes_anything_is_refused(wrong: str, monkeypatch) -> None:
    monkeypatch.setattr(formatting, "_laid_out", lambda text: wrong)
    with pytest.raises(LayoutFault):
        laid_out("let x = 3 # d\n" if "d" not in wrong else "let x = 4 # d")
