"""What `jvp` refuses: the place, and a way out."""

from __future__ import annotations

import pytest

from tests.elaborate.reading import problems


@pytest.mark.parametrize(
    ("text", "code", "at", "said"),
    [
        ("shared f = Linear(8)\n(x, x) -> jvp(g, 0)", "unknown-name", "g", "there is no `g`"),
        ("shared f = Linear(8)\n(x, x) -> jpv(f, 0)", "unknown-name", "jpv", "jvp"),
        ("(x, x) -> jvp(Linear(8), 0)", "not-a-layer", "Linear(8)", "shared f"),
        ("(x, x) -> jvp(relu, 0)", "not-a-layer", "relu", "shared f"),
        ("shared f = Linear(8)\n(x, x) -> jvp(f)", "missing-argument", "jvp(f)", "jvp(f, 0)"),
        ("shared f = Linear(8)\n(x, x) -> jvp", "missing-argument", "jvp", "jvp(f, 0)"),
        ("shared f = Linear(8)\n(x, x) -> jvp(f, 0, 1)", "too-many-arguments", "1", "jvp(f, 0)"),
        ("shared f = Linear(8)\n(x, x) -> jvp(f, 1)", "bad-argument", "1", "one input, 0"),
        ("shared f = Linear(8)\n(x, x) -> jvp(f, -1)", "bad-argument", "-1", "one input, 0"),
        ("shared f = Linear(8)\n(x, x) -> jvp(f, 0.5)", "type-mismatch", "0.5", "a number"),
        ("shared f = Linear(8)\nx -> jvp(f, 0)", "missing-argument", "jvp(f, 0)", "a tangent"),
        ("shared f = Linear(8)\n(x, x[:, 1:]) -> jvp(f, 0)", "shape-mismatch", "jvp(f, 0)", "has its type"),
        ("shared f = Linear(8)\n(x, cast(x, i64)) -> jvp(f, 0)", "dtype-mismatch", "jvp(f, 0)", "has its type"),
        ("shared f = Embedding(8, 4)\ni = cast(x, i64)\n(i, i) -> jvp(f, 0)", "dtype-mismatch", "jvp(f, 0)", "only a float"),
        ("shared f = Linear(8)\n(x, x, x) -> jvp(f, 0)", "too-many-arguments", "jvp(f, 0)", "Linear"),
        ("shared f = { QuantizedLinear(8) }\n(x, x) -> jvp(f, 0)", "no-tangent", "QuantizedLinear(8)", "outside"),
    ],
)
def test_a_fault_has_its_place_and_a_way_out(text: str, code: str, at: str, said: str) -> None:
    found = problems(text)
    assert [one.code for one in found] == [code]
    assert found[0].at is not None
    assert found[0].at.text == at
    assert said in f"{found[0].message()} {found[0].help}"


def test_both_places_of_an_operator_without_a_rule() -> None:
    found = problems("shared f = { QuantizedLinear(8) }\n(x, x) -> jvp(f, 0)")[0]
    assert [one.span.text for one in found.others if one.span is not None] == ["jvp(f, 0)"]


def test_derivatives_of_derivatives_come_to_an_end() -> None:
    blocks = "\n".join(
        f"block F{n}(x: [B, D]) -> [B, D] {{ shared f = F{n - 1}; _, d = (x, x) -> jvp(f, 0); d * sin(x) }}" for n in range(1, 18)
    )
    first = "block F0(x: [B, D]) -> [B, D] { x * tanh(x) * sin(x) }"
    found = problems(f"{first}\n{blocks}\narch A(x: [B, 4]) {{ F17 }}")
    assert [one.code for one in found] == ["too-many-nodes"]
