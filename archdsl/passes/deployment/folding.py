"""What a batch normalisation becomes in the layer beside it: a factor and a shift for each channel, moved into its tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from archdsl.ops.contract import Op
from archdsl.ops.conv.conv import Convolution
from archdsl.ops.conv.transposed import TransposedConvolution
from archdsl.ops.dense.linear import Linear
from archdsl.ops.norm.batch import BatchNorm

Affine = Convolution | TransposedConvolution | Linear
"""Layers into which a factor and a shift of each channel can be moved."""


def folded(layer: Affine, norm: BatchNorm, *, after: bool) -> Callable[..., Sequence[Any]]:
    """Weight and bias of the layer with the norm in it, from its tensors and the norm's, as `parameters` orders them.

    `after`: the norm stands behind the layer. Computed in float64, given in the weight's type."""

    def how(*tensors: Any) -> Sequence[Any]:
        own = dict(zip(layer.parameters(), tensors, strict=False))
        rest = dict(zip(norm.parameters(), tensors[len(own) :], strict=True))
        weight = own["weight"].double()
        factor, shift = _of_norm(rest, norm.eps)
        size = weight.shape[1 if isinstance(layer, Linear) and layer.transposed else 0]
        if after:
            bias = own["bias"].double() * factor + shift if "bias" in own else shift
            made = weight * _outputs(layer, weight, factor)
        else:
            more = (weight * _inputs(layer, weight, shift)).flatten(1)
            more = more.sum(0) if isinstance(layer, Linear) and layer.transposed else more.sum(1)
            bias = more + (own["bias"].double() if "bias" in own else more.new_zeros(size))
            made = weight * _inputs(layer, weight, factor)
        return made.to(own["weight"].dtype), bias.to(own["weight"].dtype)

    return how


def _of_norm(tensors: dict[str, Any], eps: float) -> tuple[Any, Any]:
    """Factor and shift of each channel, [C] in float64."""
    mean, variance = tensors["running_mean"].double(), tensors["running_var"].double()
    factor = (variance + eps) ** -0.5
    if "weight" in tensors:
        factor = factor * tensors["weight"].double()
    shift = -mean * factor
    return factor, shift + tensors["bias"].double() if "bias" in tensors else shift


def _outputs(layer: Affine, weight: Any, one: Any) -> Any:
    """Something of each output channel, as wide as the weight."""
    if isinstance(layer, Linear):
        return one if layer.transposed else one[:, None]
    if isinstance(layer, Convolution):
        return one.reshape(-1, *[1] * (weight.ndim - 1))
    grouped = one.reshape(layer.groups, 1, -1).expand(layer.groups, weight.shape[0] // layer.groups, -1)
    return grouped.reshape(weight.shape[0], weight.shape[1], *[1] * (weight.ndim - 2))


def _inputs(layer: Affine, weight: Any, one: Any) -> Any:
    """Something of each input channel, as wide as the weight of a Linear or a convolution."""
    if isinstance(layer, Linear):
        return one[:, None] if layer.transposed else one
    grouped = one.reshape(layer.groups, 1, -1).expand(layer.groups, weight.shape[0] // layer.groups, -1)
    return grouped.reshape(weight.shape[0], weight.shape[1], *[1] * (weight.ndim - 2))


def refusal(layer: Op, norm: BatchNorm, rank: int, *, after: bool) -> str:
    """Why a norm cannot go into the layer beside it, from what both are; nothing where it can. `rank` is of its
    input."""
    if not norm.track_running_stats:
        return "it normalises by the statistics of the batch"
    if isinstance(layer, Linear) and rank != 2:
        return "it normalises axis 1, and Linear works on the last"
    if after:
        return ""
    if isinstance(layer, TransposedConvolution):
        return "a transposed convolution adds up another number of shifts at its borders"
    if isinstance(layer, Convolution) and layer.padding_mode == "zeros" and any(layer.window.pads):
        return "the zeros of the padding would have to be shifted too"
    return ""
