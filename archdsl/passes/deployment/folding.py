"""What a batch normalisation becomes in the layer beside it: a factor and a shift for each channel, moved into its tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from archdsl.ir.graph import Graph, Layer, Parameter
from archdsl.ir.node import Node, Path
from archdsl.ir.value import Value
from archdsl.ops.contract import Op
from archdsl.ops.conv.conv import Convolution
from archdsl.ops.conv.transposed import TransposedConvolution
from archdsl.ops.dense.linear import Linear
from archdsl.ops.norm.batch import BatchNorm, BatchNormFunction
from archdsl.records import record

Affine = Convolution | TransposedConvolution | Linear
"""Layers into which a factor and a shift of each channel can be moved."""


@record
class Norm:
    """A batch normalisation: its tensors by their leaf in `BatchNorm` and the key in its graph, the members that own them, and
    why it cannot be folded whatever is beside it."""

    eps: float
    leaves: tuple[str, ...]
    keys: tuple[str, ...]
    paths: tuple[Path, ...]
    reason: str = ""


def norm_at(graph: Graph, node: Node) -> Norm | None:
    """The batch normalisation that a step is: a layer, or the function of tensors that the graph owns."""
    if node.member is not None and not node.leaf:
        path = graph.aliases.get(node.member, node.member)
        member = graph.members.get(path)
        if not isinstance(member, Layer) or not isinstance(member.op, BatchNorm):
            return None
        leaves = tuple(member.op.parameters())
        reason = "" if member.op.track_running_stats else "it normalises by the statistics of the batch"
        return Norm(member.op.eps, leaves, tuple(f"{'.'.join(path)}.{leaf}" for leaf in leaves), (path,), reason)
    if not isinstance(node.op, BatchNormFunction):
        return None
    if node.op.training:
        return Norm(node.op.eps, (), (), ((),), "it normalises by the statistics of the batch")
    owned = {one.value: (path, one) for path, one in graph.members.items() if isinstance(one, Parameter)}
    used = [one for other in graph.nodes for one in other.operands]
    found = {}
    for leaf, operand in zip(("running_mean", "running_var", "weight", "bias"), node.operands[1:], strict=False):
        if operand is None:
            continue
        path, tensor = owned.get(operand, ((), None)) if isinstance(operand, Value) else ((), None)
        if tensor is None or not tensor.persistent:
            return Norm(node.op.eps, (), (), ((),), f"its `{leaf}` is no tensor that the graph owns and saves")
        if used.count(operand) > 1:
            return Norm(node.op.eps, (), (), ((),), f"its `{leaf}` is used elsewhere too")
        found[leaf] = path
    return Norm(node.op.eps, tuple(found), tuple(".".join(path) for path in found.values()), tuple(found.values()))


def folded(layer: Affine, norm: Norm, *, after: bool) -> Callable[..., Sequence[Any]]:
    """Weight and bias of the layer with the norm in it, from its tensors as `parameters` orders them and the norm's.

    `after`: the norm stands behind the layer. Computed in float64, given in the weight's type."""

    def how(*tensors: Any) -> Sequence[Any]:
        own = dict(zip(layer.parameters(), tensors, strict=False))
        rest = dict(zip(norm.leaves, tensors[len(own) :], strict=True))
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


def refusal(layer: Op, rank: int, *, after: bool) -> str:
    """Why a norm cannot go into the layer beside it, from what that is; nothing where it can. `rank` is of the norm's input."""
    if isinstance(layer, Linear) and rank != 2:
        return "it normalises axis 1, and Linear works on the last"
    if after:
        return ""
    if isinstance(layer, TransposedConvolution):
        return "a transposed convolution adds up another number of shifts at its borders"
    if isinstance(layer, Convolution) and layer.padding_mode == "zeros" and any(layer.window.pads):
        return "the zeros of the padding would have to be shifted too"
    return ""
