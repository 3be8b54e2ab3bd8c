"""Tables of positions that a program makes of nothing but sizes, worked out: whether a mask is the causal one is a matter of its
values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from archdsl.dims.dim import Dim
from archdsl.ir.graph import Parameter
from archdsl.ir.node import Node
from archdsl.ir.value import Number, Operand, Value
from archdsl.ops.contract import Op
from archdsl.passes.deployment.reading import Reading

MOST = 2048
"""How large a table is worked out at most, in rows."""

_BINARY: Mapping[str, Callable[[Any, Any], Any]] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "maximum": np.maximum, "minimum": np.minimum,
    "eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal,
    "logical_and": np.logical_and, "logical_or": np.logical_or, "logical_xor": np.logical_xor,
}  # fmt: skip
_UNARY: Mapping[str, Callable[[Any], Any]] = {
    "neg": np.negative, "abs": np.abs, "logical_not": np.logical_not, "log": np.log, "exp": np.exp, "sign": np.sign,
}  # fmt: skip
_DTYPES = {"bool": np.bool_, "i64": np.int64, "i32": np.int32}


class Unknown(Exception):
    """The table depends on more than sizes, or on what is not worked out here."""


def table(reading: Reading, operand: Operand, sizes: Mapping[str, int]) -> Any:
    """The values of an operand at these sizes, as a numpy array. Raises `Unknown`."""
    known: dict[str, Any] = {}

    def size(one: Any) -> Any:
        return one.evaluate(sizes) if isinstance(one, Dim) else one

    def value(one: Operand) -> Any:
        if isinstance(one, Number):
            return np.asarray(size(one.number))
        if not isinstance(one, Value):
            raise Unknown
        if one.name not in known:
            node = reading.maker(one)
            if node is None or node.op is None:
                return constant(one)
            shape = tuple(size(number) for number in one.type.shape)
            with np.errstate(all="ignore"):
                known[one.name] = _result(node.op, node, [value(x) for x in node.operands], shape, size)
        return known[one.name]

    def constant(one: Value) -> Any:
        """A buffer that no weights have: what the program makes it of."""
        for member in reading.graph.members.values():
            if isinstance(member, Parameter) and member.value == one and member.buffer and not member.persistent:
                if member.init.graph is not None:
                    return table(Reading(member.init.graph), member.init.graph.outputs[0].value, sizes)
        raise Unknown

    return value(operand)


def _result(op: Op, node: Node, x: list[Any], shape: tuple[int, ...], size: Callable[[Any], Any]) -> Any:
    said: dict[str, Any] = dict(op.items())
    if op.name in _BINARY:
        return _BINARY[op.name](*x)
    if op.name in _UNARY:
        return _UNARY[op.name](x[0])
    if op.name == "arange":
        return np.arange(*[size(one) for one in said["bounds"]]).astype(_kind(node))
    if op.name == "causal_mask":
        return np.tril(np.ones(shape, np.bool_))
    if op.name in ("tril", "triu"):
        return getattr(np, op.name)(x[0], said["diagonal"])
    if op.name == "where":
        return np.where(*x)
    if op.name == "masked_fill":
        return np.where(x[1], said["value"], x[0])
    if op.name in ("zeros", "ones", "full", "zeros_like", "ones_like", "full_like"):
        return np.full(shape, size(getattr(op, "number", said.get("fill_value"))), _kind(node))
    if op.name == "eye":
        return np.eye(*shape, dtype=_kind(node))
    if op.name == "cast":
        return x[0].astype(_kind(node))
    if op.name == "expand":
        return np.broadcast_to(x[0], shape)
    if op.name in ("unsqueeze", "squeeze", "reshape"):
        return x[0].reshape(shape)
    if op.name in ("transpose", "permute", "movedim"):
        return np.transpose(x[0], op.order(x[0].ndim))  # type: ignore[attr-defined]
    if op.name == "index":
        return x[0][tuple(_part(part, size) for part in said["parts"])]
    if op.name in ("stop_gradient", "identity"):
        return x[0]
    raise Unknown


def _part(part: tuple[Any, ...], size: Callable[[Any], Any]) -> Any:
    kind, *rest = part
    return {"none": None, "ellipsis": ...}.get(kind, slice(*map(size, rest)) if kind == "slice" else size(rest[0] if rest else 0))


def _kind(node: Node) -> Any:
    return _DTYPES.get(node.results[0].type.dtype, np.float64)


def tables(reading: Reading, operand: Value) -> list[Any]:
    """The values of an operand at several sizes, the larger beyond every number that it is made with; empty: not known."""
    return [one for (one,) in joint_tables(reading, operand)]


def joint_tables(reading: Reading, *operands: Value) -> list[tuple[Any, ...]]:
    """The same of several operands, at the same sizes."""
    largest = max(_numbers(reading, one, set()) for one in operands) + 3
    shapes = [size for one in operands for size in one.type.shape]
    symbols = sorted({name for size in shapes if isinstance(size, Dim) for name in size.symbols})
    if largest > MOST or any(isinstance(size, int) and size > MOST for size in shapes):
        return []
    found = []
    for base, step in ((1, 0), (2, 1), (largest, 2), (largest + 2, -1)) if symbols else ((1, 0),):
        sizes = {name: max(1, base + index * step) for index, name in enumerate(symbols)}
        try:
            found.append(tuple(table(reading, one, sizes) for one in operands))
        except (Unknown, KeyError, ValueError, TypeError, IndexError):
            return []
    return found


def _numbers(reading: Reading, operand: Operand, seen: set[str]) -> int:
    """The sum of the whole numbers that an operand is made with."""
    if isinstance(operand, Number):
        return abs(operand.number) if isinstance(operand.number, int) else 0
    node = reading.maker(operand)
    if node is None or node.op is None or not isinstance(operand, Value) or operand.name in seen:
        return 0
    seen.add(operand.name)
    own = 0 if node.op.name in ("unsqueeze", "squeeze", "transpose", "permute", "movedim") else _inside(dict(node.op.items()))
    return own + sum(_numbers(reading, one, seen) for one in node.operands)


def _inside(what: Any) -> int:
    if isinstance(what, dict):
        return sum(map(_inside, what.values()))
    if isinstance(what, (tuple, list)):
        return sum(map(_inside, what))
    if isinstance(what, Dim):
        numbers: list[Any] = list(what.terms.values())
        return sum(int(abs(number)) for number in numbers)
    return abs(what) if isinstance(what, int) and not isinstance(what, bool) and abs(what) < 10**9 else 0


def is_causal(allowed: list[Any]) -> bool:
    """Whether the tables, with leading axes of size 1, all say: key j for query i where j <= i."""
    return bool(allowed) and all(
        one.ndim >= 2
        and set(one.shape[:-2]) <= {1}
        and np.array_equal(one.reshape(one.shape[-2:]), np.tril(np.ones(one.shape[-2:])))
        for one in allowed
    )
