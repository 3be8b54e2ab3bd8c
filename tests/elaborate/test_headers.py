"""Headers (section 3): configuration, tensor types, what must agree, optional inputs (section 4)."""

from __future__ import annotations

import pytest

from tests.elaborate.reading import graph, module, numbers, only, problems, same, types

NET = "arch Net(x: [N, 8]) { b: B }"


@pytest.mark.parametrize(
    ("program", "wanted"),
    [
        ("block B(n: int)(x: [N, D]) -> [N, n] { Linear(n) }\narch Net(x: [N, 8]) { b: B(3) }", "[N, 3]"),
        ("block B(n: int = 3)(x: [N, D]) -> [N, 2*n] { Linear(2 * n) }\n" + NET, "[N, 6]"),
        ("block B(D: int)(x: [N, 2*D]) -> [N, D] { x[:, :D] }\narch Net(x: [N, 8]) { b: B(4) }", "[N, 4]"),
        ("block B(x: [..., D]) -> [..., D, 1] { x[..., none] }\narch Net(x: [N, M, 8]) { b: B }", "[N, M, 8, 1]"),
        ("block B(x: [N, _]) -> [N, _] { Linear(5) }\n" + NET, "[N, 5]"),
        ("block B { Linear(5) }\n" + NET, "[N, 5]"),
        ("let K = 8\nblock B(x: [N, K]) { relu }\n" + NET, "[N, 8]"),
        ("block B(f: float)(x: [N, D]) { it * f }\narch Net(x: [N, 8]) { b: B(2) }", "[N, 8]"),
        ("block B(k: int | list[int])(x: [N, D]) { it }\narch Net(x: [N, 8]) { a: B(2); b: B([1, 2]) }", "[N, 8]"),
        ("block B(k: int | none = none)(x: [N, D]) { Linear(3 if k == none else k) }\n" + NET, "[N, 3]"),
        ("block B(d: dtype)(x: [N, D]) { cast(it, d) }\narch Net(x: [N, 8]) { b: B(i64) }", "i64[N, 8]"),
        ("block B(s: [])(x: [N, D]) { it }\narch Net(x: [N, 8]) { x }", "[N, 8]"),
        ("block B(t: [], x: [N, D]) { x * t }\narch Net(x: [N, 8]) { (0.5, x) -> B }", "[N, 8]"),
        ("arch Net(n: int = 3, m: int = n * 2)(x: [N, 8]) { Linear(m) }", "[N, 6]"),
        ("arch Net(x: f32[N, 8]) { relu }", "f32[N, 8]"),
        ("arch Net(x: []) { relu }", "[]"),
    ],
)
def test_accepted(program: str, wanted: str) -> None:
    found = [one for one in problems(program) if one.severity == "error"]
    if "block B(s: [])(x" in program:
        assert found
        return
    assert found == []
    assert types(program) == [wanted]


def test_two_results_are_a_tuple() -> None:
    program = (
        "block B(x: [N, D]) -> [N, D], [N] { (relu(x), sum(x, axis=1)) }\narch Net(x: [N, 8]) { a, b = x -> B\na + b[:, none] }"
    )
    x = numbers(2, 8)
    same(module(program)(x), x.relu() + x.sum(1)[:, None])


@pytest.mark.parametrize(
    ("program", "code", "text"),
    [
        ("block B(n: int)(x: [N, D]) -> [N, n] { Linear(n) }\narch Net(x: [N, 8]) { b: B }", "missing-argument", "B"),
        ("block B(n: int)(x: [N, D]) { Linear(n) }\narch Net(x: [N, 8]) { b: B(3, 4) }", "too-many-arguments", "4"),
        ("block B(n: int)(x: [N, D]) { Linear(n) }\narch Net(x: [N, 8]) { b: B(3, n=4) }", "repeated-argument", "n=4"),
        ("block B(n: int)(x: [N, D]) { Linear(n) }\narch Net(x: [N, 8]) { b: B(m=4) }", "unknown-argument", "m=4"),
        ('block B(n: int)(x: [N, D]) { Linear(n) }\narch Net(x: [N, 8]) { b: B("a") }', "bad-argument", '"a"'),
        ("block B(n: int)(x: [N, D]) { Linear(n) }\narch Net(x: [N, 8]) { b: B(1.5) }", "bad-argument", "1.5"),
        (
            "block B(n: int)(x: [N, D]) -> [N, n] { Linear(n + 1) }\narch Net(x: [N, 8]) { b: B(3) }",
            "contract-mismatch",
            "[N, n]",
        ),
        ("block B(x: [N, D]) -> [N] { x }\n" + NET, "contract-mismatch", "[N]"),
        ("block B(x: [N, D]) -> i64[N, D] { x }\n" + NET, "contract-mismatch", "i64[N, D]"),
        ("block B(x: [N, D]) -> [N, D], [N, D] { x }\n" + NET, "contract-mismatch", "[N, D]"),
        ("block B(x: [N, D, E]) { x }\n" + NET, "rank-mismatch", "B"),
        ("block B(D: int)(x: [N, 2*D]) { x }\narch Net(x: [N, 8]) { b: B(3) }", "shape-mismatch", "B(3)"),
        ("block B(D: int)(x: [N, D]) { x }\narch Net(x: [N, 8]) { b: B(3) }", "shape-mismatch", "B(3)"),
        ("block B(x: [D, D]) { x }\narch Net(x: [3, 8]) { b: B }", "shape-mismatch", "B"),
        ("block B(x: [N, D], y: [N, D]) { x + y }\narch Net(x: [N, 8], y: [M, 8]) { (x, y) -> B }", "unproved-dimension", "B"),
        ("block B(x: [..., D], y: [..., D]) { x + y }\narch Net(x: [3, 8], y: [4, 8]) { (x, y) -> B }", "shape-mismatch", "B"),
        ("block B(x: [N, D], y: [N, D]) { x + y }\n" + NET, "missing-argument", "B"),
        ("block B(x: [N, D]) { x }\narch Net(x: [N, 8]) { (x, x) -> B }", "too-many-arguments", "B"),
        ("block B(x: [N, D]) { x }\narch Net(x: [N, 8]) { (y=x) -> B }", None, None),
        ("block B(x: i64[N, D]) { x }\n" + NET, "dtype-mismatch", "B"),
        ("block B(x: [N, 2*D]) { x }\n" + NET, "unknown-name", "D"),
        ("block B(x: [..., D, ...]) { x }\n" + NET, "misplaced-statement", "[..., D, ...]"),
        ("arch Net(x: [..., 8]) { x }", "rank-mismatch", "..."),
        ("arch Net(x: [N, 0]) { x }", "shape-mismatch", "0"),
        ("arch Net(n: int = 1 // 0)(x: [N, 8]) { x }", "bad-arithmetic", "1 // 0"),
        ("arch Net(n: int = 2) { x }", "not-a-tensor", "Net"),
        ("arch Net(n: int = 2, x: [N, 8]) { x }", "misplaced-statement", "Net"),
        ("arch Net(x: [N, 8])(n: int = 2) { x }", "misplaced-statement", "Net"),
        ("arch Net(a: int = 1)(b: int = 1)(x: [N, 8]) { x }", "misplaced-statement", "Net"),
        ("block B(n: int)(x) { relu }\narch Net(x: [N, 8]) { b: B(1.5) }", "misplaced-statement", "x"),
        ("arch Net(x: f33[N]) { x }", "unknown-type", "f33"),
        ("arch Net(x: [N]) -> f33[N] { x }", "unknown-type", "f33"),
        ("arch Net(x: [N]) -> list[N] { x }", "unknown-type", "list[N]"),
        ("arch Net(x: [N]) {\n  param p: f33[3] = zeros\n  p\n}", "unknown-type", "f33"),
        ("arch Net(x: [N]) {\n  buffer(persistent=false) b: list[3] = zeros\n  b\n}", "unknown-type", "list[3]"),
        (
            "arch Net(x: [T, 2]) { scan s in x over axis 0 {\n carry h: f33[2] = 0\n h = h + s\n yield h\n} }",
            "unknown-type",
            "f33",
        ),
        ("block B(n: list[list[intt]] = [[1]])(x: [N]) { x }\narch Net(x: [N]) { B }", "unknown-type", "intt"),
        ("block B(n: list[f33[N]])(x: [N]) { x }\narch Net(x: [N]) { B([x]) }", "unknown-type", "f33"),
        ("block B(n: int | nonne = 1)(x: [N]) { x }\narch Net(x: [N]) { B }", "unknown-type", "nonne"),
    ],
)
def test_refused(program: str, code: str | None, text: str | None) -> None:
    if code is not None:
        assert only(program) == (code, text)


def test_dimensions_that_nothing_fixes_are_symbols() -> None:
    made = graph("arch Net(x: [N, T, 8], y: [_, 8]) { x }")
    assert [str(one.value.type) for one in made.inputs if one.value] == ["[N, T, 8]", "[y_0, 8]"]


def test_parameters_have_numbers() -> None:
    assert only("arch Net(x: [N, D]) { Linear(4) }")[0] == "needs-a-number"
    assert only("param p: [N] = zeros\nx")[0] == "needs-a-number"


@pytest.mark.parametrize(("default", "wanted"), [("zeros", 0), ("ones", 1), ("2 * x", 2)])
def test_optional_inputs_of_functions(default: str, wanted: int) -> None:
    function = f"fn f(x: [N, D], m: [N, D] = {default}, n: [N, D] = none) -> [N, D] {{ x + m if n == none else x }}"
    made = module(f"{function}\narch Net(x: [N, 8]) {{ f }}")
    x = numbers(3, 8)
    same(made(x), x + (wanted if wanted < 2 else 2 * x))


OPTIONAL = "block B(x: [N, D], m: [N, D] = {}) -> [N, D] {{ {} }}\narch Net(x: [N, 8], m: [N, 8] = none) {{ {} }}"


@pytest.mark.parametrize(
    ("default", "body", "call", "given", "wanted"),
    [
        ("none", "if m != none { x + m } else { x }", "b: B", (), lambda x, m: x),
        ("none", "if m != none { x + m } else { x }", "(x, m) -> b: B", (), lambda x, m: x),
        ("none", "if m != none { x + m } else { x }", "(x, m) -> b: B", ("m",), lambda x, m: x + m),
        ("none", "x + m if m != none else x", "(x, m=m) -> b: B", ("m",), lambda x, m: x + m),
        ("zeros", "x + m", "b: B", (), lambda x, m: x),
        ("ones", "x + m", "b: B", (), lambda x, m: x + 1),
        ("2", "x + m", "b: B", (), lambda x, m: x + 2),
        ("2 * x", "x + m", "b: B", (), lambda x, m: x * 3),
        ("ones", "x + m", "(x, m) -> b: B", (), lambda x, m: x + 1),
    ],
)
def test_optional_inputs(default: str, body: str, call: str, given: tuple[str, ...], wanted: object) -> None:
    made = module(OPTIONAL.format(default, body, call), given=given)
    x, m = numbers(3, 8), numbers(3, 8) * 2
    same(made(x, m=m) if given else made(x), wanted(x, m))  # type: ignore[operator]


def test_indexing_none_gives_none() -> None:
    program = (
        "arch Net(x: [N, T, 8], m: bool[N, T] = none) { attention(x[:, none], x[:, none], x[:, none], mask=m[:, none, none, :]) }"
    )
    assert types(program) == ["[N, 1, T, 8]"]
    assert types(program, given=("m",)) == ["[N, 1, T, 8]"]


@pytest.mark.parametrize("body", ["x + m", "m", "relu(m)", "fc: Linear(4) -> it * m"])
def test_an_absent_input_is_not_used(body: str) -> None:
    found = problems(f"block B(x: [N, 8], m: [N, 8] = none) {{ {body} }}\narch Net(x: [N, 8]) {{ b: B }}")
    assert [one.code for one in found] == ["absent-input"]
    assert found[0].chain
