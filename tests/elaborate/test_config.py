"""Configuration (section 4): Python's arithmetic on numbers and lists, symbolic dimensions, functions, and its bounds (section
10)."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archdsl.problems.problem import ArchError
from tests.elaborate.reading import graph, only, problems, spec, types


def value(expr: str, items: str = "") -> object:
    """The value of an expression of configuration."""
    made = spec(f"{items}\narch Net(x: [N, 8]) {{ let v = {expr}\nx }}").graph()
    return dict(made.config).get("v")


NUMBERS = st.integers(-50, 50) | st.floats(-50, 50, allow_nan=False).map(lambda one: round(one, 3))
SIGNS = st.sampled_from(["+", "-", "*", "/", "//", "%"])


@st.composite
def arithmetic(draw: st.DrawFn, depth: int = 3) -> str:
    if depth == 0 or draw(st.booleans()):
        number = draw(NUMBERS)
        return f"({number})" if number < 0 else str(number)
    left, right = draw(arithmetic(depth - 1)), draw(arithmetic(depth - 1))
    return draw(
        st.sampled_from(["({0} {2} {1})", "{0} {2} {1}", "max({0}, {1})", "min({0}, {1})", "abs({0})", "int({0})", "round({0})"])
    ).format(left, right, draw(SIGNS))


@given(arithmetic())
def test_arithmetic_is_pythons(expr: str) -> None:
    try:
        wanted = eval(expr, {"__builtins__": {}, "max": max, "min": min, "abs": abs, "int": int, "round": round})
    except ZeroDivisionError:
        assert problems(f"arch Net(x: [N, 8]) {{ let v = {expr}\nx }}")[0].code == "bad-arithmetic"
        return
    if isinstance(wanted, float) and not math.isfinite(wanted) or abs(wanted) >= 2**63:
        return
    made = value(expr)
    assert made == wanted
    assert type(made) is type(wanted)


@pytest.mark.parametrize(
    ("expr", "wanted"),
    [
        ("2 ** 3 ** 2", 512),
        ("-2 ** 2", -4),
        ("7 // 2 * 2 + 7 % 2", 7),
        ("round(2.5)", 2),
        ("ceil(7 / 2)", 4),
        ("floor(-7 / 2)", -4),
        ("sqrt(16)", 4.0),
        ("log2(8)", 3.0),
        ("int(3.9)", 3),
        ("len([1, 2, 3])", 3),
        ("sum([1, 2, 3])", 6),
        ("max([1, 5, 3])", 5),
        ("sum([a * b for (a, b) in zip([1, 2], [3, 4])])", 11),
        ("[i * i for i in 0..4]", (0, 1, 4, 9)),
        ("[1, 2] + [3] * 2", (1, 2, 3, 3)),
        ("[1, 2, 3][-1]", 3),
        ("[1, 2, 3][:-1]", (1, 2)),
        ("[[1, 2], [3, 4]][1][0]", 3),
        ("3 if 2 in [1, 2] else 4", 3),
        ("3 if not (1 < 2 and 2 < 1) else 4", 3),
        ("3 if 1 == 1.0 or 1 // 0 == 0 else 4", 3),
        ("dim(x, -1)", 8),
        ("twice(twice(3))", 12),
        ("fact(10)", 3628800),
        ("divisible(33)", 32),
        ('"a" + "b"', "ab"),
    ],
)
def test_values(expr: str, wanted: object) -> None:
    items = (
        "fn twice(v) = 2 * v\nfn fact(n) = 1 if n < 2 else n * fact(n - 1)\n"
        "fn divisible(v, d = 8) = max(d, int(v + d / 2) // d * d)"
    )
    assert value(expr, items) == wanted


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("reshape(2 * N, 4)", "[2*N, 4]"),
        ("zeros(max(N, 3), 2)", "[max(N, 3), 2]"),
        ("zeros(ceil(N / 2), N // 2 + N % 2)", None),
        ("zeros(N - N + 3)", "[3]"),
        ("zeros(dim(x, 0))", "[N]"),
    ],
)
def test_symbolic_dimensions(body: str, wanted: str | None) -> None:
    assert wanted is None or types(body) == [wanted]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("zeros(N / 2)", "not-on-a-dimension"),
        ("zeros(N ** 2)", "not-on-a-dimension"),
        ("zeros(sqrt(N))", "not-on-a-dimension"),
        ("let v = [i for i in 0..N]\nx", "not-on-a-dimension"),
        ("let v = [1] * N\nx", "not-on-a-dimension"),
        ("let v = 1 / 0\nx", "bad-arithmetic"),
        ("let v = sqrt(-1)\nx", "bad-arithmetic"),
        ("let v = (-8) ** 0.5\nx", "bad-arithmetic"),
        ("let v = 1 + true\nx", "type-mismatch"),
        ("let v = [1] + 1\nx", "type-mismatch"),
        ('let v = "a" * 3\nx', "type-mismatch"),
        ("let v = [1, 2][2]\nx", "index-out-of-range"),
        ("let v = [1][1.5]\nx", "type-mismatch"),
        ("let v = 3 if 1 else 2\nx", "type-mismatch"),
        ("let v = len(3)\nx", "type-mismatch"),
        ("let v = max()\nx", None),
        ("let v = dim(x, 2)\nx", "axis-out-of-range"),
        ("let v = 3(2)\nx", "type-mismatch"),
        ("let v = x.y\nx", "type-mismatch"),
        ("let v = 9223372036854775807 + 1\nx", None),
        ("let v = 2 ** 64\nx", None),
        ("let v = 2 ** 63 - 1\nx", None),
        ("let v = 10.0 ** 400\nx", None),
        ("let a, b = [1, 2, 3]\nx", "parts-mismatch"),
        ("let v = [a for (a, b) in [[1, 2], [1]]]\nx", "parts-mismatch"),
    ],
)
def test_refusals(body: str, code: str | None) -> None:
    found = only(body)
    assert code is None or found[0] == code


@pytest.mark.parametrize(
    "program",
    [
        "let n = 10**10**10\narch Net(x: [N, 8]) { x * n }",
        "fn f(n) = f(n - 1) + f(n - 2)\narch Net(x: [N, 8]) { x * f(30) }",
        "fn f(n) = 1 if n < 2 else f(n - 1) + f(n - 2)\narch Net(x: [N, 8]) { x * f(40) }",
        "let xs = [1] * 10**9\narch Net(x: [N, 8]) { x * len(xs) }",
        "let xs = [i for i in 0..10**9]\narch Net(x: [N, 8]) { x * len(xs) }",
        "arch Net(x: [N, 8]) { x * sum(0..10**9) }",
        "arch Net(x: [N, 8]) { xs = 0..10**9\nx }",
        "arch Net(x: [N, 8]) { repeat 999999999999 { relu } }",
        "arch Net(x: [N, 8]) { repeat 10**8 { } }",
        "arch Net(x: [N, 8]) { repeat 10000 { repeat 10000 { relu } } }",
        "arch Net(x: [N, 8]) { repeat 10000 { repeat 10000 { } } }",
        "".join(f"block B{i} {{ B{i + 1}; B{i + 1} }}\n" for i in range(40)) + "block B40 { relu }\narch Net(x: [N, 8]) { B0 }",
        "arch Net(x: [N, 8]) { b: Net }",
        "block A { B }\nblock B { A }\narch Net(x: [N, 8]) { A }",
        "fn f(x: [N, D]) -> [N, D] { f(x) }\narch Net(x: [N, 8]) { f }",
        "arch Net(x: [N, 8]) { branch(add) i in 0..100001 { it + i } }",
    ],
)
def test_what_a_file_may_ask_is_bounded(program: str) -> None:
    start = time.process_time()
    found = problems(program)
    assert time.process_time() - start < 5  # measured below one second; a loaded machine is no fault of the code
    assert [one for one in found if one.severity == "error"]


def test_a_failed_program_raises_its_problems() -> None:
    with pytest.raises(ArchError) as caught:
        graph("y + 1")
    assert caught.value.problems[0].code == "unknown-name"


def test_constants_that_follow_from_one_that_is_wrong_say_nothing() -> None:
    """Each was made out anew for the next: a minute for some thousands of them, and a problem for nearly each."""
    program = "\n".join(f"let a{at} = a{at - 1} + a{at - 1}" if at else "let a0 = 1" for at in range(500))
    assert [one.code for one in problems(program)] == ["number-too-large"]


def test_iterations_of_a_list_are_steps() -> None:
    program = "let table = [[column for column in 0..1000] for row in 0..1000]"
    assert [one.code for one in problems(program)] == ["too-many-steps"]
