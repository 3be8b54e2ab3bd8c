"""The grouped convolution that takes sequences as they lie, against PyTorch's."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from archdsl.compiler import load
from archdsl.source import Source
from archdsl.targets.torch.runtime.GroupedConv1d import GroupedConv1d

OPTIONS: dict[str, dict[str, Any]] = {
    "each channel alone": {"groups": 6},
    "causal": {"groups": 6, "padding": 2},
    "groups": {"groups": 2, "stride": 2, "padding": 1},
    "more channels": {"out_channels": 12, "groups": 6, "bias": False},
    "the same length": {"groups": 3, "padding": "same", "dilation": 2},
    "an even window": {"groups": 3, "padding": "same", "kernel_size": 4},
    "wrapped": {"groups": 6, "padding": 2, "padding_mode": "circular"},
    "one group": {"padding": 1},
}


def laid(layout: str, dtype: torch.dtype) -> Tensor:
    """[2, 6, 9], as the layout says."""
    if layout == "[N, C, L]":
        return torch.randn(2, 6, 9, dtype=dtype)
    if layout == "a part of [N, L, C]":
        return torch.randn(2, 9, 16, dtype=dtype)[..., 5:11].transpose(1, 2)
    return torch.randn(2, 9, 6, dtype=dtype).transpose(1, 2)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("layout", ["[N, C, L]", "[N, L, C]", "a part of [N, L, C]"])
@pytest.mark.parametrize("name", OPTIONS)
def test_values_and_gradients_are_those_of_torch(name: str, layout: str, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    options = {"out_channels": 6, "kernel_size": 3, **OPTIONS[name]}
    ours, theirs = (kind(6, **options).to(dtype) for kind in (GroupedConv1d, nn.Conv1d))
    theirs.load_state_dict(ours.state_dict())
    x = laid(layout, dtype).requires_grad_()
    sides = [one(x) for one in (ours, theirs)]
    onto = torch.randn_like(sides[1])
    grads = [torch.autograd.grad(y, (x, *one.parameters()), onto) for y, one in zip(sides, (ours, theirs), strict=True)]
    bound = 2e-5 if dtype == torch.float32 else 1e-12
    for one, two in zip((sides[0], *grads[0]), (sides[1], *grads[1]), strict=True):
        torch.testing.assert_close(one, two, rtol=bound, atol=bound)


@pytest.mark.parametrize("length", [1, 2])
def test_short_sequences(length: int) -> None:
    ours = GroupedConv1d(4, 4, 3, padding=2, groups=4)
    x = torch.randn(2, length, 4).transpose(1, 2)
    torch.testing.assert_close(ours(x), super(GroupedConv1d, ours).forward(x))


def test_one_sequence_without_a_batch() -> None:
    ours = GroupedConv1d(4, 4, 3, groups=4)
    for x in (torch.randn(4, 7), torch.randn(7, 4).t(), torch.randn(4, 3)):
        torch.testing.assert_close(ours(x), super(GroupedConv1d, ours).forward(x))


def test_the_result_lies_as_the_input_does() -> None:
    x = torch.randn(2, 9, 6)
    assert GroupedConv1d(6, 6, 3, groups=6)(x.transpose(1, 2)).transpose(1, 2).is_contiguous()
    assert GroupedConv1d(6, 6, 3, groups=6)(x.transpose(1, 2).contiguous()).is_contiguous()


def test_generated_code_has_it_for_groups_alone() -> None:
    text = "arch A(x: [B, T, 4]) {{ x -> transpose(1, 2) -> mix: Conv1d(4, 3, padding=2{more}) -> transpose(1, 2) }}"
    grouped, dense = (load(Source("<text>", text.format(more=more))) for more in (", groups=4", ""))
    assert "class GroupedConv1d" in grouped.source()
    assert "GroupedConv1d" not in dense.source()
    module = grouped.build()
    x = torch.randn(2, 5, 4)
    mix = module.get_submodule("mix")
    wanted = nn.functional.conv1d(x.transpose(1, 2), mix.weight, mix.bias, padding=2, groups=4)  # type: ignore[arg-type]
    torch.testing.assert_close(module(x), wanted.transpose(1, 2))


@pytest.mark.slow
def test_it_compiles_for_any_length() -> None:
    module = GroupedConv1d(4, 4, 3, padding=2, groups=4)
    compiled = torch.compile(module, fullgraph=True, dynamic=True)
    for length in (5, 8):
        x = torch.randn(2, length, 4).transpose(1, 2).requires_grad_()
        y = compiled(x)
        y.sum().backward()
        torch.testing.assert_close(y, nn.functional.conv1d(x, module.weight, module.bias, padding=2, groups=4))
