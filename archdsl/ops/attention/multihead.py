"""The layer `MultiheadAttention`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from archdsl.dims.dim import Size
from archdsl.dims.shape import TensorType
from archdsl.ops.attention.weigh import Heads, every, weigh
from archdsl.ops.checks import (
    FLOATS,
    check_divides,
    check_dtype,
    check_equal,
    check_least,
    check_probability,
    check_rank,
    check_same_dtype,
    given,
)
from archdsl.ops.contract import (
    INFERRED,
    Along,
    Code,
    Context,
    Everywhere,
    Example,
    Gate,
    OnnxTape,
    Op,
    Reach,
    Refusal,
    TorchTape,
    Weight,
    inferred,
    option,
    required,
)

if TYPE_CHECKING:
    from archdsl.ops.tangent import TangentTape

SELF = ("[B, T, 8]", "[B, T, 8]", "[B, T, 8]")
OTHER = ("[B, T, 8]", "[B, S, 6]", "[B, S, 4]")


class MultiheadAttention(Op):
    """`nn.MultiheadAttention`, always batch first, where true in a mask = may attend, and only the result unless `need_weights`.

    query is `[B, T, E]`, key `[B, S, kdim]`, value `[B, S, vdim]`, the result `[B, T, E]`; all three are given, also for
    self-attention: `(it, it, it) -> attn: MultiheadAttention(8)`. `key_padding_mask` is bool `[B, S]`; `attn_mask` is `[T,
    S]` or `[B * num_heads, T, S]`, bool, or floats that are added to the scores. A query with nothing to attend gets weights
    of 0, where PyTorch gives NaN. With `need_weights=true` the result is a pair with the weights, `[B, T, S]` averaged over
    the heads, or `[B, num_heads, T, S]`. Vaswani et al. (2017).
    """

    name = "MultiheadAttention"
    family = "attention"
    alike = "every"
    tensors = ("query", "key", "value", "key_padding_mask?", "attn_mask?")
    layer = True
    random = True
    embed_dim: Any = inferred("width of query and of the result")
    num_heads: Any = required("number of heads; divides the width", "size")
    dropout: float = option(0.0, "probability that a weight is dropped in training", "float")
    bias: bool = option(True, "the projections have biases", "bool")
    add_bias_kv: bool = option(False, "one learned key and value more", "bool")
    add_zero_attn: bool = option(False, "one key and value of zeros more", "bool")
    kdim: Any = inferred("width of key")
    vdim: Any = inferred("width of value")
    need_weights: bool = option(False, "give the weights too", "bool")
    average_attn_weights: bool = option(True, "the weights are averaged over the heads", "bool")
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"num_heads": 2}, SELF, ("[B, T, 8]",)),
        Example({"num_heads": 2, "dropout": 0.1}, OTHER, ("[B, T, 8]",), note="keys and values of other widths"),
        Example({"num_heads": 4, "bias": False}, (*SELF, "bool[B, T]"), ("[B, T, 8]",)),
        Example({"num_heads": 2, "add_bias_kv": True}, (*OTHER, "bool[B, S]", "bool[T, S]"), ("[B, T, 8]",)),
        Example({"num_heads": 2, "add_zero_attn": True}, (*SELF, "", "[T, T]"), ("[B, T, 8]",)),
        Example({"num_heads": 2, "need_weights": True}, (*SELF, "", "bool[2*B, T, T]"), ("[B, T, 8]", "[B, T, T]")),
        Example({"num_heads": 2, "need_weights": True}, SELF, ("[B, T, 8]", "[B, T, T]")),
        Example({"num_heads": 2, "need_weights": True, "average_attn_weights": False, "add_bias_kv": True, "add_zero_attn": True},
                (*OTHER, "bool[B, S]", "[2*B, T, S]"), ("[B, T, 8]", "[B, 2, T, S + 2]")),
        Example({"num_heads": 1, "embed_dim": 8, "kdim": 6, "vdim": 4}, OTHER, ("[B, T, 8]",)),
    )  # fmt: skip
    refusals: ClassVar[tuple[Refusal, ...]] = (
        Refusal({"num_heads": 3}, SELF),
        Refusal({"num_heads": 0}, SELF, "bad-argument"),
        Refusal({"num_heads": 2, "dropout": -0.1}, SELF, "bad-argument"),
        Refusal({"num_heads": 2, "embed_dim": 16}, SELF),
        Refusal({"num_heads": 2, "kdim": 16}, SELF),
        Refusal({"num_heads": 2, "vdim": 16}, SELF),
        Refusal({"num_heads": 2}, ("[B, T, D]", "[B, T, D]", "[B, T, D]"), "unproved-dimension"),
        Refusal({"num_heads": 2}, ("[T, 8]", "[T, 8]", "[T, 8]"), "rank-mismatch"),
        Refusal({"num_heads": 2}, ("[2, T, 8]", "[3, T, 8]", "[3, T, 8]")),
        Refusal({"num_heads": 2}, ("[2, T, 8]", "[2, 4, 8]", "[2, 5, 8]")),
        Refusal({"num_heads": 2}, ("i64[2, T, 8]", "i64[2, T, 8]", "i64[2, T, 8]"), "dtype-mismatch"),
        Refusal({"num_heads": 2}, (*SELF, "[B, T]"), "dtype-mismatch"),
        Refusal({"num_heads": 2}, (*SELF, "", "i64[T, T]"), "dtype-mismatch"),
        Refusal({"num_heads": 2}, (*SELF, "bool[T]"), "rank-mismatch"),
        Refusal({"num_heads": 2}, ("[2, 4, 8]", "[2, 4, 8]", "[2, 4, 8]", "bool[2, 5]")),
        Refusal({"num_heads": 2}, ("[2, 4, 8]", "[2, 4, 8]", "[2, 4, 8]", "", "bool[4, 5]")),
        Refusal({"num_heads": 2}, ("[2, 4, 8]", "[2, 4, 8]", "[2, 4, 8]", "", "bool[2, 4, 4]")),
    )

    def bind(self, context: Context, *inputs: TensorType | None) -> MultiheadAttention:
        check_probability(self.dropout, "dropout")
        check_least(self.num_heads, 1, "num_heads")
        found: dict[str, Size] = {}
        for operand, leaf in enumerate(("embed_dim", "kdim", "vdim")):
            one = check_rank(given(inputs[operand], self.tensors[operand]), 3, operand=operand, wants="[batch, length, width]")
            said = getattr(self, leaf)
            if said is not INFERRED:
                check_equal(context, one.shape[2], said, f"`{leaf}` is not the width", operand=operand, axis=2, argument=leaf)
            found[leaf] = one.shape[2] if said is INFERRED else said
        check_divides(context, self.num_heads, found["embed_dim"], "the heads must divide the width", operand=0, axis=2)
        return self.changed(**found)

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        query, key, value, padding, table = (*inputs, None, None)[:5]
        query, key, value = given(query, "query"), given(key, "key"), given(value, "value")
        check_dtype(query, FLOATS, wants="a float tensor")
        check_same_dtype(query, key, value)
        batch, length = query.shape[:2]
        keys = key.shape[1]
        check_equal(context, batch, key.shape[0], "query and key differ in batch", operand=1, axis=0, other=0)
        check_equal(context, batch, value.shape[0], "query and value differ in batch", operand=2, axis=0, other=0)
        check_equal(context, keys, value.shape[1], "key and value differ in length", operand=2, axis=1, other=1)
        if padding is not None:
            check_dtype(padding, ("bool",), operand=3, wants="a bool mask, true = may attend")
            check_rank(padding, 2, operand=3, wants="[B, S]")
            _check_shape(context, padding, (batch, keys), 3)
        if table is not None:
            check_dtype(table, ("bool", query.dtype), operand=4, wants="a bool mask, true = may attend, or floats to add")
            check_rank(table, 2, 3, operand=4, wants="[T, S] or [B * num_heads, T, S]")
            _check_shape(context, table, (batch * self.num_heads, length, keys)[3 - table.rank :], 4)
        result = TensorType((batch, length, self.embed_dim), query.dtype)
        if not self.need_weights:
            return (result,)
        heads = () if self.average_attn_weights else (self.num_heads,)
        return result, TensorType((batch, *heads, length, keys + self.extra), query.dtype)

    @property
    def extra(self) -> int:
        """How many keys come to those given."""
        return int(self.add_bias_kv) + int(self.add_zero_attn)

    @property
    def joined(self) -> bool:
        """query, key and value have one width, and one tensor projects them."""
        return bool(self.kdim == self.embed_dim and self.vdim == self.embed_dim)

    def parameters(self) -> Mapping[str, Weight]:
        width = self.embed_dim
        found = {"in_proj_weight": Weight((3 * width, width), "xavier_uniform", parts=3)}
        if not self.joined:
            found = {
                f"{one}_proj_weight": Weight((width, size), "xavier_uniform")
                for one, size in (("q", width), ("k", self.kdim), ("v", self.vdim))
            }
        if self.bias:
            found["in_proj_bias"] = Weight((3 * width,), "zeros", parts=3)
        if self.add_bias_kv:
            found["bias_k"] = found["bias_v"] = Weight((1, 1, width), "xavier_normal")
        found["out_proj.weight"] = Weight((width, width), "kaiming_uniform")
        if self.bias:
            found["out_proj.bias"] = Weight((width,), "zeros")
        return found

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        from archdsl.ops.attention.tangents import changing, every, kept, weighed  # loaded where a derivative is asked for

        query, key, value, padding, table = inputs
        batch, length = query.type.shape[:2]
        keys, head = key.type.shape[1] + self.extra, self.embed_dim // self.num_heads
        q, k, v = self.projected(tape, query, key, value)
        allowed, bias = [], None
        if padding is not None:
            allowed.append(self.padded(padding).unsqueeze(axis=1).unsqueeze(axis=1))
        if table is not None:
            made = self.padded(table)
            made = made.reshape(sizes=(batch, self.num_heads, length, keys)) if table.type.rank == 3 else made
            bias = None if table.type.dtype == "bool" else made
            allowed += [made] if bias is None else []
        q, k, v = (one.reshape(sizes=(batch, size, self.num_heads, head)).permute(axis=(0, 2, 1, 3))
                   for one, size in ((q, length), (k, keys), (v, keys)))  # fmt: skip
        weights: Any = None
        if self.dropout and not self.need_weights:
            mixed = tape.op("attention", q, k, v, every(*allowed), bias, dropout=self.dropout)
        else:
            weights = changing(*weighed(q, k, every(*allowed), bias, None))
            weights = weights * kept(weights.plain, self.dropout) if self.dropout else weights
            mixed = weights.matmul(v)
        mixed = mixed.permute(axis=(0, 2, 1, 3)).reshape(sizes=(batch, length, self.embed_dim))
        result = mixed.linear(tape.param("out_proj.weight"), tape.param("out_proj.bias") if self.bias else None)
        results = [result]
        if self.need_weights:
            results.append(weights.mean(axis=1) if self.average_attn_weights else weights)
        if self.dropout:
            tape.instead(*(one.plain for one in results))
        return tuple(one.d for one in results) if self.need_weights else result.d

    def projected(self, tape: TangentTape, query: Any, key: Any, value: Any) -> tuple[Any, Any, Any]:
        """Queries, keys and values, with those that are added."""
        width = self.embed_dim
        if self.joined:
            weights = tape.param("in_proj_weight").split(sizes=(width,) * 3)
        else:
            weights = [tape.param(f"{one}_proj_weight") for one in "qkv"]
        biases = tape.param("in_proj_bias").split(sizes=(width,) * 3) if self.bias else (None, None, None)
        q, k, v = (one.linear(*pair) for one, *pair in zip((query, key, value), weights, biases, strict=True))
        batch = query.type.shape[0]
        if self.add_bias_kv:
            k, v = (tape.op("concat", one, tape.param(leaf).expand(sizes=(batch, 1, width)), axis=1)
                    for one, leaf in ((k, "bias_k"), (v, "bias_v")))  # fmt: skip
        if self.add_zero_attn:
            zeros = tape.op("zeros", sizes=(batch, 1, width), dtype=query.type.dtype)
            k, v = (tape.op("concat", one, zeros, axis=1) for one in (k, v))
        return q, k, v

    def padded(self, mask: Any) -> Any:
        """The mask with entries for the keys that are added: all may see them."""
        if not self.extra:
            return mask
        if mask.type.dtype != "bool":
            return mask.pad(pad=(0, self.extra))
        return mask.cast(dtype="i64").pad(pad=(0, self.extra), value=1).eq(1)

    def module(self, tape: TorchTape) -> Code:
        more: dict[str, Any] = {name: getattr(self, name) for name in ("dropout", "bias", "add_bias_kv", "add_zero_attn")
                                if getattr(self, name) != self.fields[name].default}  # fmt: skip
        for name in ("kdim", "vdim"):
            if getattr(self, name) != self.embed_dim:
                more[name] = getattr(self, name)
        return tape.call("nn.MultiheadAttention", self.embed_dim, self.num_heads, **more, batch_first=True)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        layer, query, key, value, padding, table = (*inputs, None, None)[:6]
        more: dict[str, Any] = {}
        if self.need_weights and not self.average_attn_weights:
            more["average_attn_weights"] = False
        if padding is None and table is None:
            if not self.need_weights:
                more["need_weights"] = False
            pair = tape.call(str(layer), query, key, value, **more)
        else:
            if self.need_weights:
                more["need_weights"] = True
            masks = {"key_padding_mask": padding, "attn_mask": table}
            said = {name: one for name, one in masks.items() if one is not None}
            pair = tape.call(tape.helper("masked_multihead_attention"), layer, query, key, value, **said, **more)
        return pair if self.need_weights else Code(f"{pair}[0]")

    def _project(self, tape: OnnxTape, inputs: tuple[str, str, str]) -> list[str]:
        thirds = tape.ints([self.embed_dim] * 3)
        if self.joined and len(set(inputs)) == 1:
            turned = tape.node("Transpose", [tape.param("in_proj_weight")], perm=[1, 0])
            whole = tape.node("MatMul", [inputs[0], turned])
            whole = tape.node("Add", [whole, tape.param("in_proj_bias")]) if self.bias else whole
            return tape.nodes("Split", [whole, thirds], 3, axis=-1)
        if self.joined:
            weights = tape.nodes("Split", [tape.param("in_proj_weight"), thirds], 3, axis=0)
        else:
            weights = [tape.param(f"{one}_proj_weight") for one in "qkv"]
        results = [
            tape.node("MatMul", [x, tape.node("Transpose", [w], perm=[1, 0])]) for x, w in zip(inputs, weights, strict=True)
        ]
        if self.bias:
            biases = tape.nodes("Split", [tape.param("in_proj_bias"), thirds], 3, axis=0)
            results = [tape.node("Add", [x, b]) for x, b in zip(results, biases, strict=True)]
        return results

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str | list[str]:
        query, key, value, padding, table = (*inputs, None, None)[:5]
        first, second = tape.inputs[0], tape.inputs[1]
        batch, length, width = first.shape[0], first.shape[1], self.embed_dim
        keys, head = second.shape[1] + self.extra, width // self.num_heads
        dtype = tape.float if first.dtype == "float" else first.dtype
        q, k, v = self._project(tape, (str(query), str(key), str(value)))
        for added in (["bias_k", "bias_v"] if self.add_bias_kv else []), ([None, None] if self.add_zero_attn else []):
            if added:
                target = tape.shape((batch, 1, width))
                rows = [tape.node("Expand", [tape.param(one) if one else tape.scalar(0.0, dtype), target]) for one in added]
                k, v = (tape.node("Concat", list(pair), axis=1) for pair in zip((k, v), rows, strict=True))
        split = [tape.node("Reshape", [one, tape.shape((batch, size, self.num_heads, head))])
                 for one, size in ((q, length), (k, keys), (v, keys))]  # fmt: skip
        q, k, v = (tape.node("Transpose", [one], perm=[0, 2, 1, 3]) for one in split)
        conditions, bias = [], None
        if padding is not None:
            conditions.append(tape.node("Unsqueeze", [self._padded(tape, padding, 2, True), tape.ints([1, 2])]))
        if table is not None:
            type = tape.inputs[4]
            made = self._padded(tape, table, type.rank, type.dtype == "bool")
            if type.rank == 3:
                made = tape.node("Reshape", [made, tape.shape((batch, self.num_heads, length, keys))])
            if type.dtype == "bool":
                conditions.append(made)
            else:
                bias = made
        sizes = Heads((batch,), self.num_heads, self.num_heads, length, keys, head, head)
        empty = padding is not None or table is not None
        mixed, weights = weigh(tape, q, k, v, sizes, dtype, allowed=every(tape, conditions), bias=bias, empty=empty)
        mixed = tape.node("Reshape", [tape.node("Transpose", [mixed], perm=[0, 2, 1, 3]), tape.shape((batch, length, width))])
        result = tape.node("MatMul", [mixed, tape.node("Transpose", [tape.param("out_proj.weight")], perm=[1, 0])])
        if self.bias:
            result = tape.node("Add", [result, tape.param("out_proj.bias")])
        if not self.need_weights:
            return result
        if self.average_attn_weights:
            weights = tape.node("ReduceMean", [weights, tape.ints([1])], keepdims=0)
        return [result, weights]

    def _padded(self, tape: OnnxTape, mask: str, rank: int, boolean: bool) -> str:
        """The mask with entries for the keys that are added: all may see them."""
        if not self.extra:
            return mask
        pads = tape.ints([0] * (2 * rank - 1) + [self.extra])
        if not boolean:
            return tape.node("Pad", [mask, pads])
        wide = tape.node("Pad", [tape.node("Cast", [mask], to="i32"), pads, tape.scalar(1, "i32")])
        return tape.node("Cast", [wide], to="bool")

    def macs(self, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Size:
        query, key = given(inputs[0]), given(inputs[1])
        batch, length, keys = query.shape[0], query.shape[1], key.shape[1]
        width: Size = self.embed_dim
        projected: Size = 2 * length * width + keys * (self.kdim + self.vdim)
        return batch * width * (projected + 2 * length * (keys + self.extra))

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        one = given(inputs[operand])
        axis %= one.rank
        rows = 1 if len(outputs) == 1 or self.average_attn_weights else None
        if operand < 4 and axis == 0:
            return Along(0)
        queries = operand == 0 and axis == 1 or operand == 4 and axis == one.rank - 2
        return Along(rows) if queries and rows is not None else Everywhere()

    def gates(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...]) -> tuple[Gate, ...]:
        mask = inputs[4]  # the padding has no queries, and the attention weights another axis for them
        keys = operand in (1, 2) and axis == 1 and not self.need_weights
        return (Gate(4, mask.rank - 1),) if keys and mask is not None else ()


def _check_shape(context: Context, mask: TensorType, wanted: tuple[Size, ...], operand: int) -> None:
    for axis, (size, wish) in enumerate(zip(mask.shape, wanted, strict=True)):
        check_equal(context, size, wish, "the mask does not fit", operand=operand, axis=axis)
