"""`attention`, the masks of `MultiheadAttention` and `rotary` against sums written out in loops."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from archdsl.ops.attention.attention import Attention
from archdsl.ops.attention.multihead import MultiheadAttention
from archdsl.ops.attention.rotary import Rotary
from archdsl.ops.contract import Example
from tests.ops.cases import case_of, evaluate
from tests.ops.torch_side import Program

SHAPES = ("[2, 4, T, 3]", "[2, 2, S, 3]", "[2, 2, S, 5]", "bool[2, 1, 1, S]", "[4, T, S]")


def written_out(q, k, v, mask, bias, causal, window, scale):
    """The definition, one number after the other."""
    batch, heads, rows, width = q.shape
    keys = k.shape[2]
    share = heads // k.shape[1]
    result = np.zeros((*q.shape[:3], v.shape[3]))
    left, right = window if isinstance(window, tuple) else (None, None) if window is None else (window - 1, window - 1)
    for n, h, i in itertools.product(range(batch), range(heads), range(rows)):
        seen = []
        for j in range(keys):
            far = (left is not None and j < i - left) or (right is not None and j > i + right)
            if (mask is None or mask[n, 0, 0, j]) and not (causal and j > i) and not far:
                score = float(q[n, h, i] @ k[n, h // share, j]) * (width**-0.5 if scale is None else scale)
                seen.append((j, score + (0.0 if bias is None else bias[h, i, j])))
        top = max((score for _, score in seen), default=0.0)
        total = sum(math.exp(score - top) for _, score in seen)
        for j, score in seen:
            result[n, h, i] += math.exp(score - top) / total * v[n, h // share, j]
    return result


@pytest.mark.parametrize("lengths", [(4, 4), (5, 2), (2, 5)])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("window", [None, 1, 2, (1, 0), (None, 1), (0, None)])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("biased", [False, True])
def test_attention_is_its_definition(lengths, causal, window, masked, biased) -> None:
    rng = np.random.default_rng(1)
    env = dict(zip("TS", lengths, strict=True))
    inputs = (*SHAPES[:3], SHAPES[3] if masked else "", SHAPES[4] if biased else "")
    case = case_of(Attention, Example({"causal": causal, "window": window}, inputs, ("[2, 4, T, 5]",)))
    program = Program(case, env, torch.float64)
    shapes = [None if one is None else [evaluate(size, env) for size in one.shape] for one in case.types]
    arrays = [None if shape is None else rng.standard_normal(shape) for shape in shapes]
    if masked:
        arrays[3] = arrays[3] > 0
        arrays[3][0] = False
    tensors = [torch.from_numpy(one) for one in arrays if one is not None]
    for one in tensors[:3]:
        one.requires_grad_()
    (result,) = program.run(tensors)
    wanted = written_out(*arrays, causal, window, None)
    np.testing.assert_allclose(result.detach().numpy(), wanted, rtol=1e-9, atol=1e-12)
    result.sum().backward()
    assert all(bool(one.grad.isfinite().all()) for one in tensors[:3])


FOLDED = [
    ("[B, T, 3]", "bool[B, T, T]", "[T, T]", True),
    ("[B, T, 3]", "bool[T, T]", "[1, T, T]", True),
    ("[B, 2, 4, T, 3]", "bool[B, 2, 1, T, T]", "[4, T, T]", True),
    ("[B, 2, 4, T, 3]", "", "[B, 2, 4, 1, T]", True),
    ("[B, 2, 4, T, 3]", "bool[1, T]", "", True),
    ("[B, 2, 4, T, 3]", "bool[B, 1, 1, T, T]", "[1, 2, 1, 1, T]", True),
    ("[B, 2, 4, T, 3]", "bool[2, 1, T, T]", "", False),
    ("[B, 2, 4, T, 3]", "bool[B, 1, 1, T, T]", "", False),
    ("[2, 1, B, 4, T, 3]", "bool[2, 1, B, 1, 1, T]", "[T, T]", True),
    ("[1, B, 4, T, 3]", "bool[B, 1, 1, T]", "", True),
    ("[1, B, 4, T, 3]", "bool[B, 1, 1, T]", "[1, 1, 1, T, T]", True),
    ("[4, 1, 4, T, 3]", "bool[1, 1, 4, T, T]", "", True),
]


@pytest.mark.parametrize(("queries", "mask", "bias", "fused"), FOLDED)
@pytest.mark.parametrize("causal", [False, True])
def test_attention_of_any_rank_is_that_of_rank_four(queries, mask, bias, fused, causal, monkeypatch) -> None:
    case = case_of(Attention, Example({"causal": causal}, (queries, queries, queries, mask, bias), (queries,)))
    env = {"B": 2, "T": 5}
    shapes = [None if one is None else [evaluate(size, env) for size in one.shape] for one in case.types]
    rng = np.random.default_rng(1)
    drawn = [None if one is None else torch.from_numpy(rng.standard_normal(one)) for one in shapes]
    drawn = [one > -0.5 if index == 3 and one is not None else one for index, one in enumerate(drawn)]
    q, k, v, seen, added = (*drawn, None, None)[:5]
    scores = q @ k.transpose(-1, -2) / 3**0.5 + (0.0 if added is None else added)
    allowed = torch.ones(5, 5, dtype=torch.bool).tril() if causal else torch.ones(5, 5, dtype=torch.bool)
    allowed = allowed if seen is None else allowed & seen
    wanted = torch.softmax(scores.masked_fill(~allowed, -torch.inf), -1).nan_to_num() @ v
    ranks = []
    plain = torch.nn.functional.scaled_dot_product_attention
    monkeypatch.setattr(
        "torch.nn.functional.scaled_dot_product_attention",
        lambda q, *more, **named: ranks.append(q.dim()) or plain(q, *more, **named),
    )
    (result,) = Program(case, env, torch.float64).run([one for one in drawn if one is not None])
    torch.testing.assert_close(result, wanted, rtol=1e-12, atol=1e-12)
    assert (ranks == [4]) is fused


@pytest.mark.parametrize("weights", [False, True])
def test_masks_of_multihead_attention_say_who_may_attend(weights: bool) -> None:
    torch.manual_seed(0)
    inputs = ("[2, 4, 8]", "[2, 3, 8]", "[2, 3, 8]", "bool[2, 3]", "bool[4, 3]")
    outputs = ("[2, 4, 8]", "[2, 4, 3]") if weights else ("[2, 4, 8]",)
    case = case_of(MultiheadAttention, Example({"num_heads": 2, "need_weights": weights}, inputs, outputs))
    program = Program(case, {}, torch.float64)
    layer = program.module
    program.load({name: one.numpy() for name, one in layer.state_dict().items()})
    query, key = torch.randn(2, 4, 8, dtype=torch.float64), torch.randn(2, 3, 8, dtype=torch.float64)
    padding = torch.tensor([[True, True, False], [True, True, True]])
    table = torch.rand(4, 3) > 0.3
    table[:, 0] = True
    wanted = layer(query, key, key, key_padding_mask=~padding, attn_mask=~table)
    found = program.run([query, key, key, padding, table])
    torch.testing.assert_close(found[0], wanted[0])
    if weights:
        torch.testing.assert_close(found[1], wanted[1])
    padding[0] = False
    nothing = program.run([query, key, key, padding, table])
    torch.testing.assert_close(nothing[0][0], layer.out_proj.bias.expand(4, 8))


@pytest.mark.parametrize("interleaved", [False, True])
def test_rotary_turns_each_pair(interleaved: bool) -> None:
    case = case_of(Rotary, Example({"interleaved": interleaved, "base": 100.0}, ("[3, 6]", "i64[3]"), ("[3, 6]",)))
    program = Program(case, {}, torch.float64)
    x, places = np.random.default_rng(0).standard_normal((3, 6)), np.array([0, 4, 7])
    (found,) = program.run([torch.from_numpy(x), torch.from_numpy(places)])
    for t, i in itertools.product(range(3), range(3)):
        a, b = (2 * i, 2 * i + 1) if interleaved else (i, i + 3)
        turned = complex(x[t, a], x[t, b]) * np.exp(1j * places[t] * 100.0 ** (-2 * i / 6))
        assert abs(complex(found[t, a], found[t, b]) - turned) < 1e-12
