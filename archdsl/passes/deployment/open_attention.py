"""The pass `open-attention`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from archdsl.dims.dtype import FLOAT
from archdsl.ir.build import Builder
from archdsl.ir.edit import replace_node, with_member
from archdsl.ir.graph import Call, Graph, Layer
from archdsl.ir.node import Node, Path
from archdsl.ir.value import Operand, Value
from archdsl.ir.verify import check
from archdsl.ops.attention.multihead import MultiheadAttention
from archdsl.ops.dense.linear import Linear
from archdsl.ops.registry import find
from archdsl.passes.carrying import Derived, Passed
from archdsl.passes.contract import Pass
from archdsl.passes.deployment.chosen import free_layers
from archdsl.passes.labels import edit_at
from archdsl.passes.pattern import Refusal
from archdsl.records import changed, record

EQUATION = "MultiheadAttention = out(attention(q(x), k(y), v(z)))"


@record
class OpenAttention(Pass):
    """Writes MultiheadAttention as a block of four Linears, `q`, `k`, `v` and `out`, around `attention`.

    So other passes reach the projections: they may be quantised, factorised, pruned or joined (`fuse-qkv`), each under its label.
    It takes the layers under `labels`, all without.
    """

    word: ClassVar[str] = "open-attention"
    labels: str = ""

    def apply(self, graph: Graph, *, float: str = "f32", refusals: list[Refusal] | None = None, verify: bool = True) -> Passed:
        layers = dict(free_layers(graph, self.labels, EQUATION, _why, refusals))
        if not layers:
            return Passed(graph)
        after = edit_at(graph, frozenset(layers), _opened)
        derived = []
        for path, layer in layers.items():
            here, op = ".".join(path), layer.op
            leaves = ("weight", "bias") if isinstance(op, MultiheadAttention) and op.bias else ("weight",)
            made = tuple(f"{here}.{one}.{leaf}" for one in ("q", "k", "v", "out") for leaf in leaves)
            derived.append(Derived(made, tuple(f"{here}.{leaf}" for leaf in op.parameters()), _parted(layer)))
        return Passed(check(after, float=float) if verify else after, tuple(derived))


def _why(layer: Layer, owner: Graph, path: Path) -> str | None:
    op = layer.op
    if not isinstance(op, MultiheadAttention):
        return None
    if op.need_weights:
        return "its weights are given out"
    if op.extra:
        return "keys and values are added to those that it is given"
    if layer.float != FLOAT:
        return f"it is in {layer.float}: open it before `cast`"
    return "" if any(node.member == path for node in owner.nodes) else "no step calls it"


def _opened(graph: Graph, chosen: frozenset[Path]) -> Graph:
    """The graph with the layers at these paths as blocks."""
    for path in sorted(chosen):
        layer = graph.members[path]
        index = next(at for at, node in enumerate(graph.nodes) if node.member == path)
        node = graph.nodes[index]
        if isinstance(layer, Layer) and isinstance(layer.op, MultiheadAttention):
            given = tuple(dict.fromkeys(one for one in node.operands if isinstance(one, Value)))
            block = _block(graph, layer.op, node, given)
            graph = replace_node(graph, index, changed(node, operands=given))
            graph = with_member(graph, path, Call(block, layer.span))
    return graph


def _block(graph: Graph, op: MultiheadAttention, node: Node, given: Sequence[Value]) -> Graph:
    """The block for these inputs, each once."""
    block = Builder("OpenAttention", facts=graph.facts)
    words = ("query", "key", "value", "key_padding_mask", "attn_mask")
    roles: dict[Operand, str] = {}
    for word, one in zip(words, node.operands, strict=False):
        roles.setdefault(one, word)
    values = {one: block.input(roles[one], one.type) for one in given}

    def step(word: str, *operands: Any, **arguments: Any) -> Any:
        kind = find(word)
        if kind is None:
            raise LookupError(f"the operator `{word}` is missing")
        return block.op(kind(**arguments), *operands)

    query, key, value, padding, table = (values[one] if isinstance(one, Value) else None
                                         for one in (*node.operands, None, None)[:5])  # fmt: skip
    width, heads = op.embed_dim, op.num_heads

    def linear(x: Value) -> Linear:
        return Linear(in_features=x.type.shape[-1], out_features=width, bias=op.bias, transposed=False)

    def head(label: str, x: Value) -> Value:
        made: Value = block.layer(label, linear(x), x)
        made = step("reshape", made, sizes=(*made.type.shape[:2], heads, width // heads))
        turned: Value = step("transpose", made, axis0=1, axis1=2)
        return turned

    if query is None or key is None or value is None:
        raise TypeError("an attention without queries, keys or values")
    q, k, v = head("q", query), head("k", key), head("v", value)
    if padding is not None:
        padding = step("unsqueeze", step("unsqueeze", padding, axis=1), axis=1)
    if table is not None and table.type.rank == 3:
        batch, keys = query.type.shape[0], key.type.shape[1]
        table = step("reshape", table, sizes=(batch, heads, query.type.shape[1], keys))
    mask, bias = (table, None) if table is not None and table.type.dtype == "bool" else (None, table)
    if padding is not None:
        mask = padding if mask is None else step("logical_and", padding, mask)
    mixed = step("attention", q, k, v, mask, bias, dropout=op.dropout)
    mixed = step("transpose", mixed, axis0=1, axis1=2)
    mixed = step("reshape", mixed, sizes=(*query.type.shape[:2], width))
    return block.finish(block.layer("out", linear(mixed), mixed))


def _parted(layer: Layer) -> Callable[..., Sequence[Any]]:
    """Weights and biases of the four Linears from the layer's tensors."""

    def how(*tensors: Any) -> Sequence[Any]:
        held = dict(zip(layer.op.parameters(), tensors, strict=True))
        joined = held["in_proj_weight"].chunk(3) if "in_proj_weight" in held else None
        weights = joined or tuple(held[f"{one}_proj_weight"] for one in "qkv")
        biases = held["in_proj_bias"].chunk(3) if "in_proj_bias" in held else ()
        found = []
        for at, weight in enumerate((*weights, held["out_proj.weight"])):
            bias = () if not biases else ((*biases, held["out_proj.bias"])[at],)
            found += [one.detach().clone() for one in (weight, *bias)]
        return found

    return how
