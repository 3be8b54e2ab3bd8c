"""The pass `quantize-dynamic`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from archdsl.dims.dtype import FLOAT
from archdsl.ir.edit import with_member
from archdsl.ir.graph import Graph, Layer
from archdsl.ir.node import Path
from archdsl.ir.verify import check
from archdsl.ops.dense.linear import Linear
from archdsl.ops.dense.quantized import QuantizedLinear
from archdsl.passes.carrying import Derived, Passed
from archdsl.passes.contract import Pass
from archdsl.passes.deployment.chosen import free_layers
from archdsl.passes.labels import edit_at
from archdsl.passes.pattern import Refusal
from archdsl.records import changed, record

EQUATION = "x W = the product of integers"


@record
class QuantizeDynamic(Pass):
    """Computes Linear layers in 8-bit integers, for inference: weights by rows, activations by their range in each call.

    `weight` becomes int8, symmetric around 0, and a `scale` for each row comes beside it. It takes the layers under `labels`, all
    without. With `qdq=true` the ONNX model has float products between QuantizeLinear and DequantizeLinear. Source: Jacob et al.,
    2018.
    """

    word: ClassVar[str] = "quantize-dynamic"
    exact: ClassVar[bool] = False
    evaluation: ClassVar[bool] = True
    labels: str = ""
    qdq: bool = False

    def apply(self, graph: Graph, *, float: str = "f32", refusals: list[Refusal] | None = None, verify: bool = True) -> Passed:
        layers = dict(free_layers(graph, self.labels, EQUATION, _why, refusals))
        if not layers:
            return Passed(graph)
        after = edit_at(graph, frozenset(layers), self.quantised)
        derived = []
        for path, layer in layers.items():
            here = ".".join(path)
            leaves = tuple(f"{here}.{leaf}" for leaf in layer.op.parameters())
            derived.append(Derived((leaves[0], f"{here}.scale", *leaves[1:]), leaves, _of(layer)))
        return Passed(check(after, float=float) if verify else after, tuple(derived))

    def quantised(self, graph: Graph, chosen: frozenset[Path]) -> Graph:
        """The graph with the layers at these paths in integers."""
        for path in sorted(chosen):
            layer = graph.members[path]
            if isinstance(layer, Layer) and isinstance(layer.op, Linear):
                old = layer.op
                sizes = {"in_features": old.in_features, "out_features": old.out_features}
                op = QuantizedLinear(**sizes, bias=old.bias, qdq=self.qdq)
                graph = with_member(graph, path, changed(layer, op=op, inits=()))
        return graph


def _why(layer: Layer, owner: Graph, path: Path) -> str | None:
    if not isinstance(layer.op, Linear):
        return None
    return "" if layer.float == FLOAT else f"it is in {layer.float}: quantise before `cast`"


def _of(layer: Layer) -> Callable[..., Sequence[Any]]:
    """The integers, their scale and the bias, from weight and bias."""
    transposed = isinstance(layer.op, Linear) and layer.op.transposed

    def how(weight: Any, *bias: Any) -> Sequence[Any]:
        rows = (weight.t() if transposed else weight).detach()
        largest = rows.abs().amax(1)
        scale = largest.where(largest > 0, largest.new_ones(())) / 127
        return [(rows / scale[:, None]).round().clamp(-127, 127).char(), scale, *bias]

    return how
