"""Facts (section 7): `require`, what it proves, doors, and what is missing where nothing is proved."""

from __future__ import annotations

import pytest

from tests.elaborate.reading import graph, module, only, problems, types

IMAGE = "(x: [N, 3, H, W])"
UP = "concat(it, x -> up: Conv2d(3, 1), axis=1)"


def doors(text: str, header: str = "(x: [N, 8])") -> list[str]:
    return [f"{one.left} {one.op} {one.right}" for one in graph(text, header).doors]


def test_divisibility_makes_halvings_exact() -> None:
    body = "x -> max_pool2d(2) -> ConvTranspose2d(3, 2, stride=2)\nconcat(it, x, axis=1)"
    found = problems(body, IMAGE)
    assert [one.code for one in found] == ["unproved-dimension"]
    assert found[0].help == "add: require H % 2 == 0 and W % 2 == 0" or "H % 2 == 0" in (found[0].help or "")
    assert types("require H % 2 == 0 and W % 2 == 0\n" + body, IMAGE) == ["[N, 6, H, W]"]


@pytest.mark.parametrize(
    ("body", "header", "fact"),
    [
        ("x + y", "(x: [N, 3], y: [M, 3])", "N == M"),
        ("reshape(N // 2, 16)", "(x: [N, 8])", "N % 2 == 0"),
        ("x[:, :4]", "(x: [N, T])", "4 <= T"),
        ("chunk(2, axis=1) -> concat(axis=0)", "(x: [N, T])", "T % 2 == 0"),
        ('rearrange("n (h d) -> n h d", h=4)', "(x: [N, T])", "T % 4 == 0"),
    ],
)
def test_the_missing_fact_is_named_and_is_enough(body: str, header: str, fact: str) -> None:
    found = problems(body, header)
    assert [one.code for one in found] == ["unproved-dimension"], [(one.code, one.message()) for one in found]
    assert f"require {fact}" in (found[0].help or "")
    assert types(f"require {fact}\n{body}", header)


def test_a_fact_holds_from_its_line_on() -> None:
    assert only("a = reshape(x, N // 2, 16)\nrequire N % 2 == 0\na")[0] == "unproved-dimension"


def test_what_is_undecided_is_checked_at_the_door() -> None:
    assert doors('require N % 2 == 0\nrequire N > 2, "more"\nx') == ["N % 2", "2 < N"]
    assert doors("require N > 0\nx") == []
    assert doors("x[:, 0]\nrequire 2 < 3\nit") == []


def test_a_blocks_requirement_becomes_its_callers() -> None:
    program = 'block Half(x: [N, D]) -> [N // 2, 2 * D] { require N % 2 == 0, "even {D}"\nreshape(N // 2, 2 * D) }\n'
    assert doors(program + "arch Net(x: [N, 8]) { Half }") == ["N % 2"]
    assert doors(program + "arch Net(x: [4, 8]) { Half }") == []
    outer = program + "block Out(x: [N, D]) { Half }\n"
    assert doors(outer + "arch Net(x: [N, 8]) { Out }") == ["N % 2"]
    found = problems(program + "arch Net(x: [3, 8]) { Half }")
    assert [(one.code, one.message()) for one in found] == [("requirement-failed", "even 8")]
    assert found[0].chain


def test_sizes_that_may_vanish_are_checked_at_the_door() -> None:
    assert doors("max_pool1d(2)\nConv1d(4, 3)", "(x: [N, 3, T])") != []


@pytest.mark.parametrize(
    ("body", "code", "text"),
    [
        ("require 1 > 2\nx", "requirement-failed", "1 > 2"),
        ('require 1 > 2, "no {1 + 2}"\nx', "requirement-failed", "1 > 2"),
        ("require x\nx", "type-mismatch", "x"),
        ("require 3\nx", "type-mismatch", "3"),
        ("require N < 1\nx", "requirement-failed", "N < 1"),
        ("if N % 2 == 0 { relu }", "undecided-condition", "N % 2 == 0"),
        ("require N == 4 or N == 5\nx", "undecided-condition", None),
    ],
)
def test_refusals(body: str, code: str, text: str | None) -> None:
    found = only(body)
    assert found[0] == code
    assert text is None or found[1] == text


def test_facts_decide_conditions() -> None:
    assert types("require N % 2 == 0\nif N % 2 == 0 { reshape(N // 2, 16) }") == ["[N // 2, 16]"]
    assert types("require N > 2\nif N > 1 { x[:2] }") == ["[2, 8]"]


def test_a_message_is_filled() -> None:
    assert problems('let n = 3\nrequire n > 4, "n is {n}, width {C}"\nx', "(x: [N, C])")[0].message() == "n is 3, width C"


@pytest.mark.parametrize("body", ["x[:, 9]", "x[:, 2:12]", "x[:, -9]", "x[:, 5:2]", "x[0, 0, 0]"])
def test_slices_do_not_clamp(body: str) -> None:
    assert only(body)[0] in ("index-out-of-range", "rank-mismatch")


def test_only_the_number_one_broadcasts() -> None:
    assert types("x + y", "(x: [N, 8], y: [1, 8])") == ["[N, 8]"]
    assert types("x + y", "(x: [N, 8], y: [8])") == ["[N, 8]"]
    assert only("x + y", "(x: [3, 8], y: [4, 8])")[0] == "shape-mismatch"


def test_a_size_that_a_fact_tells_makes_weights() -> None:
    made = module("require C == 24\nparam p: [C] = ones\nfc: Linear(C // 6)\nit * p[:4]", "(x: [N, C])")
    assert {name: tuple(one.shape) for name, one in made.state_dict().items()} == {
        "p": (24,), "fc.weight": (4, 24), "fc.bias": (4,),
    }  # fmt: skip
    assert doors("require C == 24\nfc: Linear(4)", "(x: [N, C])") == ["C == 24"]
    assert only("require C <= 24\nfc: Linear(4)", "(x: [N, C])")[0] == "needs-a-number"


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ("if C != width { Linear(width) }", "C != width"),
        ("x * C ** -0.5", "C ** -0.5"),
        ("x / sqrt(C)", "sqrt(C)"),
        ("repeat int(log2(C)) { relu }", "log2(C)"),
    ],
)
def test_what_a_block_leaves_to_its_callers_is_no_fault_of_its_own(body: str, shown: str) -> None:
    """As long as none calls it, the dimension is symbolic; the caller gives a number."""
    block = f"block Part(width: int = 4)(x: [N, C]) -> [N, _] {{ {body} }}"
    (found,) = problems(block + "\narch Other(x: [N, 4]) { relu }")
    assert (found.code, found.severity, [one.span.text for one in found.others]) == ("unchecked-block", "warning", [shown])
    assert problems(block + "\narch Net(x: [N, 4]) { Part }") == []
    assert problems(block + "\narch Net(x: [N, C]) { Part }")[0].severity == "error"
    assert {one.code for one in problems(block.replace("}", "; missing }") + "\narch Other(x: [N, 4]) { relu }")} == {
        "unknown-name"
    }
