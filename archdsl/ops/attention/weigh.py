"""Softmax attention as ONNX nodes, with rows of nothing to attend giving 0; shared by `attention` and `MultiheadAttention`."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

from archdsl.dims.dim import Size
from archdsl.ops.contract import OnnxTape

LOWEST = {"f32": -3.4028234663852886e38, "f64": -1.7976931348623157e308}


@dataclass(frozen=True)
class Heads:
    """Sizes of an attention: leading axes, heads of q and of k (None where there is no heads axis), queries, keys, widths."""

    lead: tuple[Size, ...]
    heads: Size | None
    groups: Size | None
    queries: Size
    keys: Size
    width: Size
    values: Size

    @property
    def grouped(self) -> bool:
        """Several heads of q share one of k."""
        return self.heads != self.groups


def positions(tape: OnnxTape, queries: Size, keys: Size, left: Any, right: Any) -> str:
    """A bool [T, S]: key j is within [i - left, i + right] of query i; None is unbounded, not both."""
    zero, one = tape.scalar(0, "i64"), tape.scalar(1, "i64")
    rows = tape.node("Unsqueeze", [tape.node("Range", [zero, tape.size(queries), one]), tape.ints([1])])
    columns = tape.node("Unsqueeze", [tape.node("Range", [zero, tape.size(keys), one]), tape.ints([0])])
    found: list[str] = []
    if right is not None:
        found.append(tape.node("LessOrEqual", [columns, tape.node("Add", [rows, tape.scalar(right, "i64")])]))
    if left is not None:
        found.append(tape.node("GreaterOrEqual", [columns, tape.node("Sub", [rows, tape.scalar(left, "i64")])]))
    return found[0] if len(found) == 1 else tape.node("And", found)


def every(tape: OnnxTape, conditions: list[str]) -> str | None:
    """All of the conditions, or None where there is none."""
    result: str | None = None
    for one in conditions:
        result = one if result is None else tape.node("And", [result, one])
    return result


def _scaled(tape: OnnxTape, q: str, k: str, width: Size, scale: Any, dtype: str) -> tuple[str, str]:
    """Both factors times the square root of the scale, as PyTorch does it: their product stays in range."""
    if scale is None and not isinstance(width, int):
        root = tape.node("Pow", [tape.node("Cast", [tape.size(width)], to=dtype), tape.scalar(-0.25, dtype)])
        return tape.node("Mul", [q, root]), tape.node("Mul", [k, root])
    number = float(scale) if scale is not None else float(width) ** -0.5  # type: ignore[arg-type]
    if number == 1.0:
        return q, k
    size = sqrt(abs(number))
    signed = tape.scalar(size if number > 0 else -size, dtype)
    return tape.node("Mul", [q, signed]), tape.node("Mul", [k, tape.scalar(size, dtype)])


def weigh(
    tape: OnnxTape, q: str, k: str, v: str, sizes: Heads, dtype: str, *,
    scale: Any = None, allowed: str | None = None, bias: str | None = None, empty: bool = False,
) -> tuple[str, str]:  # fmt: skip
    """Result and weights of `dtype`. `empty`: a row may have nothing to attend. f16 and bf16 are computed in f32."""
    wide = dtype if dtype in LOWEST else "f32"
    if wide != dtype:
        q, k, v = (tape.node("Cast", [one], to=wide) for one in (q, k, v))
        bias = tape.node("Cast", [bias], to=wide) if bias is not None else None
    q, k = _scaled(tape, q, k, sizes.width, scale, wide)
    rank = len(sizes.lead) + 2 + (sizes.heads is not None)
    swap = [*range(rank - 2), rank - 1, rank - 2]
    turned = tape.node("Transpose", [k], perm=swap)
    table = (*sizes.lead, *(() if sizes.heads is None else (sizes.heads,)), sizes.queries)
    split: tuple[Size, ...] = ()
    if sizes.grouped and sizes.heads is not None and sizes.groups is not None:
        split = (*sizes.lead, sizes.groups, sizes.heads // sizes.groups, sizes.queries)
        middle = tape.ints([rank - 2])
        q = tape.node("Reshape", [q, tape.shape((*split, sizes.width))])
        turned, v = tape.node("Unsqueeze", [turned, middle]), tape.node("Unsqueeze", [v, middle])
    scores = tape.node("MatMul", [q, turned])
    if split:
        scores = tape.node("Reshape", [scores, tape.shape((*table, sizes.keys))])
    if bias is not None:
        scores = tape.node("Add", [scores, bias])
    if allowed is not None:
        scores = tape.node("Where", [allowed, scores, tape.scalar(float("-inf"), wide)])
    if empty:
        lowest = tape.scalar(LOWEST[wide], wide)
        weights = tape.node("Softmax", [tape.node("Max", [scores, lowest])], axis=-1)
        barred = tape.node("Equal", [scores, tape.scalar(float("-inf"), wide)])
        weights = tape.node("Where", [barred, tape.scalar(0.0, wide), weights])
    else:
        weights = tape.node("Softmax", [scores], axis=-1)
    mixed = tape.node("Reshape", [weights, tape.shape((*split, sizes.keys))]) if split else weights
    result = tape.node("MatMul", [mixed, v])
    if split:
        result = tape.node("Reshape", [result, tape.shape((*table, sizes.values))])
    if wide != dtype:
        result, weights = tape.node("Cast", [result], to=dtype), tape.node("Cast", [weights], to=dtype)
    return result, weights
