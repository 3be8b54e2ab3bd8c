"""The shape arguments of real networks go through: what the facts allow is proved, and nothing without them."""

from __future__ import annotations

import itertools
import time

import pytest

from archdsl.dims.broadcast import BroadcastFault, broadcast
from archdsl.dims.dim import ceil_div, maximum, symbol
from archdsl.dims.facts import Facts
from archdsl.dims.read import read_size
from archdsl.dims.window import conv_out, conv_transpose_out, pool_out

B, C, D, H, K, L, N, S, T, V, W, heads = map(symbol, ["B", "C", "D", "H", "K", "L", "N", "S", "T", "V", "W", "heads"])
NONE = Facts()


def test_unet_with_four_halvings():
    facts = NONE.and_divisible(H, 16).and_divisible(W, 16)
    skips, h, w = [], H, W
    for _ in range(4):
        h, w = conv_out(facts, h, 3, 1, 1), conv_out(facts, w, 3, 1, 1)
        skips.append((h, w))
        h, w = pool_out(facts, h, 2), pool_out(facts, w, 2)
    for _ in range(4):
        h, w = conv_transpose_out(facts, h, 2, 2), conv_transpose_out(facts, w, 2, 2)
        left = skips.pop()
        assert (h, w) == left
        assert broadcast(facts, [(N, 64, h, w), (N, 64, *left)]) == (N, 64, *left)
    assert (h, w) == (H, W)


def test_unet_without_its_fact_names_it():
    up = conv_transpose_out(NONE, pool_out(NONE, H, 2), 2, 2)
    assert not NONE.equal(up, H)
    assert not NONE.differ(up, H)
    assert NONE.missing_equal(up, H) == "H % 2 == 0"
    four = H
    for _ in range(4):
        four = pool_out(NONE, four, 2)
    assert NONE.missing_equal(16 * four, H) == "H % 16 == 0"
    with pytest.raises(BroadcastFault) as fault:
        broadcast(NONE, [(N, H), (N, up)])
    assert (fault.value.axis, fault.value.proved_unequal, fault.value.missing) == (-1, False, "H % 2 == 0")


def test_strided_convolution_and_upsampling():
    facts = NONE.and_divisible(H, 2)
    down = conv_out(facts, H, 3, 2, 1)
    assert down == facts.simplify(H // 2)
    assert facts.equal(conv_transpose_out(facts, down, 2, 2), H)
    assert facts.equal(conv_transpose_out(facts, down, 4, 2, 1), H)
    assert facts.equal(conv_transpose_out(facts, down, 3, 2, 1, 1), H)
    assert facts.equal(2 * down, H)
    assert not NONE.equal(conv_transpose_out(NONE, conv_out(NONE, H, 3, 2, 1), 2, 2), H)


def test_equal_without_facts():
    assert NONE.equal(conv_out(NONE, H, 3, 1, 1), H)
    assert NONE.equal(conv_out(NONE, H, 7, 1, 9, 3), H)
    assert conv_out(NONE, H, 3, 2, 1) == conv_out(NONE, H, 7, 2, 3) == ceil_div(H, 2)
    assert NONE.equal(H // 2 + (H + 1) // 2, H)
    assert NONE.equal(H - H // 2, ceil_div(H, 2))
    assert NONE.equal(H // 6, H // 2 // 3)
    assert NONE.equal(H % 2 + (H + 1) % 2, 1)


def test_swin_windows():
    facts = NONE.and_divisible(H, 56).and_divisible(W, 56)
    h, w = conv_out(facts, H, 4, 4), conv_out(facts, W, 4, 4)
    for stage in range(2):
        assert facts.divides(7, h)
        windows = (h // 7) * (w // 7)
        assert facts.equal(B * windows * 49, B * h * w)
        if stage < 1:
            assert facts.divides(2, h)
            h, w = facts.simplify(h // 2), facts.simplify(w // 2)
    assert not facts.divides(7, facts.simplify(h // 2))
    assert NONE.missing_divides(7, H) == "H % 7 == 0"


def test_pixel_shuffle_and_patches():
    facts = NONE.and_divisible(H, 8).and_divisible(C, 4)
    assert facts.equal((H // 8) * 8, H)
    assert facts.equal((C // 4) * (2 * H) * (2 * W), C * H * W)
    assert facts.divides(4, C * H)
    assert facts.divides(32, C * H)
    assert not facts.divides(64, C * H)


def test_heads():
    facts = NONE.and_divisible(D, heads)
    assert facts.divides(heads, D)
    assert facts.equal(heads * (D // heads), D)
    assert facts.equal(B * heads * T * (D // heads), B * T * D)
    assert facts.divides(heads, 3 * D)
    assert facts.at_least(D // heads, 1)
    assert not NONE.divides(heads, D)
    assert NONE.missing_divides(heads, D) == "D % heads == 0"
    assert NONE.missing_equal(heads * (D // heads), D) == "D % heads == 0"
    rotary = facts.and_divisible(D // heads, 2)
    half = rotary.simplify(D // heads // 2)
    assert rotary.equal(2 * half, D // heads)
    assert rotary.equal(heads * half * 2, D)
    split = NONE.and_equal(D, heads * K)
    assert split.equal(D // heads, K)
    assert split.divides(heads, D)


def test_chunks_and_channel_sums():
    assert NONE.equal(4 * D // 4, D)
    assert NONE.equal(C + 32 + 32 + 32, C + 96)
    assert NONE.equal((C + 96) - 96, C)
    assert NONE.differ(C + 32, C)
    assert NONE.differ(2 * C, 3)
    assert NONE.equal((2 * D) // 2 + D, 2 * D)


def test_context_and_slices():
    facts = NONE.and_at_most(T, 1024)
    assert facts.at_least(1024, T)
    assert facts.decide("<=", T, 1024) is True
    assert facts.decide("<", T, 2000) is True
    assert facts.decide(">", T, 1024) is False
    assert facts.decide("<", T, 1024) is None
    assert facts.at_least(1024 * D, T * D)
    assert NONE.missing_at_least(1024, T) == "T <= 1024"
    padded = T + K - 1
    assert NONE.at_least(padded, T)
    assert NONE.at_least(T, 1)
    assert not NONE.at_least(T, 2)
    assert NONE.at_least(2 * (H // 2) + 1, H)
    assert NONE.at_least(H, 2 * (H // 2))
    assert NONE.at_least(maximum(T, 8), 8)
    assert NONE.at_least(ceil_div(T, 8) * 8, T)
    assert NONE.at_least(4 * ((H + 2) // 4), 2 * (H // 2))
    lengths = NONE.and_at_most(S, T).and_less(T, L)
    assert lengths.at_least(L, S + 1)
    assert lengths.simplify(maximum(S, T, L)) == L


def test_padding_to_multiples():
    padded = T + (-T) % 8
    assert NONE.equal(padded, ceil_div(T, 8) * 8)
    assert NONE.divides(8, padded)
    assert NONE.at_least(padded, T)
    by_name = T + (-T) % W
    assert NONE.divides(W, by_name)


def test_equal_symbols():
    facts = NONE.and_equal(S, T)
    assert facts.equal(S, T)
    assert facts.equal(B * S * D, B * T * D)
    assert broadcast(facts, [(B, S, D), (B, T, D)])
    assert not NONE.equal(S, T)
    assert NONE.missing_equal(S, T) == "S == T"
    assert NONE.missing_equal(3 * S, 3 * T) == "S == T"
    chain = facts.and_equal(T, L).and_equal(L, 12)
    assert chain.simplify(S) == 12


def test_the_order_of_facts_does_not_matter():
    single = [("and_divisible", T, 4), ("and_equal", S, T), ("and_at_most", S, 64), ("and_equal", H, S // 2)]
    for order in itertools.permutations(single):
        facts = NONE
        for how, p, q in order:
            facts = getattr(facts, how)(p, q)
        assert facts.divides(4, S)
        assert facts.at_least(64, T)
        assert facts.equal(2 * H, T)
        assert facts.at_least(32, H)
        assert facts.divides(2, H)


def test_facts_on_sums_and_remainders():
    odd = NONE.and_divisible(H + 1, 2)
    assert odd.equal(2 * (H // 2) + 1, H)
    assert odd.equal(H % 2, 1)
    both = NONE.and_divisible(H + W, 2)
    assert both.equal(2 * ((H + W) // 2), H + W)
    assert not both.divides(2, H)
    assert NONE.and_equal(H % 4, 0).divides(4, H)
    assert NONE.and_equal(D % heads, 0).equal(D // heads * heads, D)
    assert NONE.and_equal(H % 4, 3).divides(4, H + 1)
    product = NONE.and_divisible(H * W, 6)
    assert product.equal(6 * (H * W // 6), H * W)


def test_broadcast_only_numbers_that_are_1():
    assert broadcast(NONE, [(B, T, D), (D,), (1, 1)]) == (B, T, D)
    assert broadcast(NONE, [(B, 1, D), (T, 1)]) == (B, T, D)
    assert broadcast(NONE, [(), (3,)]) == (3,)
    with pytest.raises(BroadcastFault) as fault:
        broadcast(NONE, [(B, 3), (B, 4)])
    assert fault.value.proved_unequal
    assert fault.value.missing is None


def test_twelve_strided_convolutions_are_quick():
    start = time.perf_counter()
    size = symbol("Fresh")
    for _ in range(12):
        size = conv_out(NONE, size, 3, 2, 1)
    assert size == (symbol("Fresh") + 4095) // 4096
    assert time.perf_counter() - start < 0.1


def test_contradictions_do_not_crash():
    facts = NONE.and_equal(H, 3).and_divisible(H, 2).and_less(H, H).and_equal(W, W + 1).and_divisible(2 * W + 1, 2)
    facts.simplify(read_size("(H + W) // 2"))
    facts.decide("<", H, W)


def test_windows_are_torch_s():
    import torch
    from torch.nn import functional

    for size, kernel, stride, dilation in itertools.product(range(1, 14), (1, 2, 3, 4), (1, 2, 3, 4), (1, 2)):
        for padding, ceil_mode in itertools.product(range(kernel // 2 + 1), (False, True)):
            try:
                want = functional.max_pool1d(torch.zeros(1, 1, size), kernel, stride, padding, dilation, ceil_mode).shape[-1]
            except RuntimeError:
                continue
            assert conv_out(NONE, size, kernel, stride, padding, dilation, ceil_mode) == want
            symbolic = conv_out(NONE, H, kernel, stride, padding, dilation, ceil_mode)
            assert (symbolic if isinstance(symbolic, int) else symbolic.evaluate({"H": size})) == want


def test_transposed_convolutions_are_torch_s():
    import torch
    from torch.nn import functional

    ranges = ((1, 2, 5), (1, 2, 3, 4), (1, 2, 3), (0, 1), (0, 1), (1, 2))
    for size, kernel, stride, padding, extra, dilation in itertools.product(*ranges):
        try:
            x, weight = torch.zeros(1, 1, size), torch.zeros(1, 1, kernel)
            want = functional.conv_transpose1d(x, weight, None, stride, padding, extra, 1, dilation).shape[-1]
        except RuntimeError:
            continue
        assert conv_transpose_out(NONE, size, kernel, stride, padding, extra, dilation) == want
        symbolic = conv_transpose_out(NONE, H, kernel, stride, padding, extra, dilation)
        assert symbolic.evaluate({"H": size}) == want


def test_an_axis_that_no_fact_mends_comes_before_one_that_lacks_a_fact() -> None:
    with pytest.raises(BroadcastFault) as found:
        broadcast(NONE, [(B, 32, H), (B, 16, S)])
    assert found.value.axis == -2
    assert found.value.proved_unequal
    assert found.value.missing is None
