"""The pass `fuse-attention`: every way in which people write attention, and what is none."""

from __future__ import annotations

import pytest

from archdsl.passes.deployment.fuse_attention import FuseAttention
from archdsl.passes.pattern import Refusal
from tests.elaborate.reading import graph
from tests.passes.deployment.passing import same, through, words

HEADED = "(q: [B, 2, T, 4], k: [B, 2, S, 4], v: [B, 2, S, 6])"
SELF = "(q: [B, 2, T, 4], k: [B, 2, T, 4], v: [B, 2, T, 6])"
PLAIN = "(q: [B, T, 4], k: [B, S, 4], v: [B, S, 6])"
MASKED = "(q: [B, 2, T, 4], k: [B, 2, S, 4], v: [B, 2, S, 6], mask: bool[B, S], bias: [2, T, S])"
FORMS = {
    "matmul, divided": (HEADED, "softmax(q @ transpose(k, -2, -1) / sqrt(4), axis=-1) @ v", ""),
    "scaled queries": (HEADED, "softmax((q * 0.3) @ transpose(k, 2, 3), axis=3) @ v", "scale"),
    "both scaled, and a sign": (HEADED, "softmax((q / 2) @ transpose(-k * 0.5, 2, 3), axis=3) @ v", "scale"),
    "einsum": (
        HEADED,
        's = einsum("b h t d, b h s d -> b h t s", q, k)\nw = softmax(s * 4 ** -0.5, axis=-1)\n'
        'einsum("b h t s, b h s e -> b h t e", w, v)',
        "",
    ),
    "einsum of other orders": (
        "(q: [B, T, 2, 4], k: [B, S, 2, 4], v: [2, S, B, 6])",
        'w = softmax(einsum("b s h d, b t h d -> b s h t", k, q) / 2, axis=1)\neinsum("h s b e, b s h t -> t b h e", v, w)',
        "",
    ),
    "keys first": (HEADED, "w = softmax(k @ transpose(q, -2, -1) * 0.5, axis=-2)\ntranspose(w, -2, -1) @ v", ""),
    "values in front": (HEADED, "w = softmax(QK, axis=-1)\ntranspose(v, -1, -2) @ transpose(w, -1, -2)", "s"),
    "softmax by hand": (
        HEADED, "s = QK / 2\ne = exp(s - max(s, axis=-1, keepdim=true))\n(e / sum(e, axis=-1, keepdim=true)) @ v", "",
    ),
    "softmax by hand, at once": (HEADED, "e = exp(QK / 2)\n(e * (1 / sum(e, axis=-1, keepdim=true))) @ v", ""),
    "softmax by hand, of a mask": (
        MASKED, "s = where(mask[:, none, none, :], QK / 2, -1e30)\ne = exp(s - max(s, axis=-1, keepdim=true))\n"
        "(e / sum(e, axis=-1, keepdim=true)) @ v", "mask",
    ),
    "no heads": (PLAIN, "softmax(q @ transpose(k, 1, 2) / 2, axis=-1) @ v", ""),
    "no batch": ("(q: [T, 4], k: [S, 4], v: [S, 6])", "softmax(q @ transpose(k, 0, 1) * 0.7, axis=-1) @ v", "scale"),
    "rearranged": (
        "(x: [B, T, 24])",
        'q, k, v = chunk(x, 3, axis=-1)\nq = rearrange(q, "b t (h d) -> b h t d", h=2)\n'
        'k = rearrange(k, "b t (h d) -> b h d t", h=2)\n'
        'v = rearrange(v, "b t (h d) -> b h t d", h=2)\nrearrange(softmax(q @ k / 2, axis=-1) @ v, "b h t d -> b t (h d)")',
        "",
    ),
    "a bias": (MASKED, "softmax(QK / 2 + bias, axis=-1) @ v", "bias"),
    "a bias, scaled after": (MASKED, "softmax((bias + QK) / 2, axis=-1) @ v", "bias"),
    "less a bias": (MASKED, "softmax(QK - bias, axis=-1) @ v", "bias scale"),
    "from a bias": (MASKED, "softmax(bias - QK, axis=-1) @ v", "bias scale"),
    "a number more": (HEADED, "softmax(QK / 2 + 3, axis=-1) @ v", ""),
    "masked_fill": (MASKED, 'softmax(masked_fill(QK / 2, mask[:, none, none, :], -1e9), axis=-1) @ v', "mask"),
    "masked_fill of infinity": (
        MASKED, "softmax(masked_fill(QK / 2, not mask[:, none, none, :], -1e30), axis=-1) @ v", "mask",
    ),
    "where": (MASKED, "softmax(where(mask[:, none, none, :], QK / 2, -1e30), axis=-1) @ v", "mask"),
    "an added mask": (MASKED, "softmax(QK / 2 + (1 - cast(mask, float))[:, none, none, :] * -1e4, axis=-1) @ v",
                      "bias"),
    "an added mask of infinities": (
        MASKED, "softmax(QK / 2 + where(mask, 0.0, -1e30)[:, none, none, :], axis=-1) @ v", "bias",
    ),
    "a mask and a bias": (
        MASKED, "softmax(where(mask[:, none, none, :], QK / 2 + bias, -1e30), axis=-1) @ v", "mask bias",
    ),
}  # fmt: skip
CAUSAL = {
    "causal_mask": "where(causal_mask(T), s, -1e30)",
    "tril": "where(tril(ones(T, T, dtype=bool)), s, -1e9)",
    "tril of numbers": "masked_fill(s, tril(ones(T, T)) == 0, -1e30)",
    "triu": "masked_fill(s, triu(ones(T, T, dtype=bool), 1), -1e30)",
    "triu added": "s + triu(full([T, T], -1e30), 1)",
    "positions": "where(arange(T)[:, none] >= arange(T)[none, :], s, -1e30)",
    "positions, with axes": "where((unsqueeze(arange(T), 0) <= unsqueeze(arange(T), 1))[none, none], s, -1e30)",
    "differences": "s + where(arange(T)[none, :] - arange(T)[:, none] > 0, -1e9, 0.0)",
    "eye and tril": "where(eye(T) + tril(ones(T, T), -1) > 0.5, s, -1e30)",
    "twice": "where(causal_mask(T), where(causal_mask(T), s, -1e30), -1e30)",
}


@pytest.mark.parametrize("case", FORMS)
def test_the_function_stays(case: str) -> None:
    header, text, parts = FORMS[case]
    before = graph(text.replace("QK", "q @ transpose(k, 2, 3)"), header)
    refusals: list[Refusal] = []
    passed = through(before, [FuseAttention()], refusals)
    assert "softmax" not in words(passed.graph), refusals
    attention = next(node for node in passed.graph.nodes if node.op is not None and node.op.name == "attention")
    assert (attention.operands[3] is not None) == ("mask" in parts)
    assert (attention.operands[4] is not None) == ("bias" in parts)
    assert (attention.op.scale is not None) == ("s" in parts.replace("bias", "").replace("mask", ""))  # type: ignore[union-attr]
    same(before, passed, sizes=3)


@pytest.mark.parametrize("case", CAUSAL)
def test_the_causal_order_is_told_by_its_values(case: str) -> None:
    before = graph(f"s = q @ transpose(k, 2, 3) / 2\nm = {CAUSAL[case]}\nsoftmax(m, axis=-1) @ v", SELF)
    passed = through(before, [FuseAttention()])
    assert words(passed.graph) == ["attention"]
    assert passed.graph.nodes[0].op.causal  # type: ignore[union-attr]
    same(before, passed, sizes=3)


NOT_CAUSAL = {
    "one further": "where(tril(ones(T, T, dtype=bool), 1), s, -1e30)",
    "a window that is wide": "where(causal_mask(T) and triu(ones(T, T, dtype=bool), -100), s, -1e30)",
    "every third": "where(causal_mask(T) or (arange(T)[none, :] % 3 == 0), s, -1e30)",
}


@pytest.mark.parametrize("case", NOT_CAUSAL)
def test_what_is_almost_causal_is_a_mask(case: str) -> None:
    before = graph(f"s = q @ transpose(k, 2, 3) / 2\nm = {NOT_CAUSAL[case]}\nsoftmax(m, axis=-1) @ v", SELF)
    passed = through(before, [FuseAttention()])
    attention = next(node for node in passed.graph.nodes if node.op is not None and node.op.name == "attention")
    assert not attention.op.causal  # type: ignore[union-attr]
    assert attention.operands[3] is not None
    same(before, passed, sizes=3)


def test_dropout_of_the_weights_goes_into_it() -> None:
    before = graph("w = softmax(q @ transpose(k, 2, 3), axis=-1) -> Dropout(0.25)\nw @ v", HEADED)
    passed = through(before, [FuseAttention()])
    assert "Dropout" not in words(passed.graph)
    assert passed.graph.nodes[-1].op.dropout == 0.25  # type: ignore[union-attr]
    assert not passed.graph.members
    same(before, passed)


def test_a_query_that_sees_nothing_is_0_where_that_is_said() -> None:
    before = graph(FORMS["where"][1].replace("QK", "q @ transpose(k, 2, 3)"), MASKED)
    assert "where" in words(through(before, [FuseAttention()]).graph)
    assert "where" not in words(through(before, [FuseAttention(rows=False)]).graph)


LEFT = {
    "weights that are given out": (HEADED, "w = softmax(QK, axis=-1)\n(w @ v) + sum(w)", "more than one product"),
    "a fill that is not low": (
        MASKED, "softmax(where(mask[:, none, none, :], QK, -5.0), axis=-1) @ v", "",
    ),
    "exponentials over another sum": (HEADED, "e = exp(QK)\n(e / sum(exp(2 * QK), axis=-1, keepdim=true)) @ v", ""),
    "another axis": (PLAIN, "softmax(q @ transpose(k, 1, 2), axis=0) @ v", "no product of queries and keys"),
    "a softmax of something else": (PLAIN, "softmax(relu(q @ transpose(k, 1, 2)), axis=-1) @ v", ""),
    "heads that talk": (
        "(q: [B, 2, T, 4], k: [B, 2, S, 4], v: [B, 2, S, 6], m: [2, 2])",
        'w = softmax(QK, axis=-1)\neinsum("b h t s, h g, b g s e -> b g t e", w, m, v)', "more than one product",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", LEFT)
def test_what_is_left(case: str) -> None:
    header, text, reason = LEFT[case]
    before = graph(text.replace("QK", "q @ transpose(k, 2, 3)"), header)
    refusals: list[Refusal] = []
    assert FuseAttention().run(before, refusals=refusals) is before
    assert [one for one in refusals if reason in one.reason] or not reason
