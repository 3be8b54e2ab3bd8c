"""The weights of attention, how they change, and what dropout leaves of them: parts of the tangents of several operators."""

from __future__ import annotations

from typing import Any


def weighed(q: Any, k: Any, allowed: Any, bias: Any, scale: float | None) -> tuple[Any, Any]:
    """The weights, without a tangent, and their relative change: the tangent is their product. None: they stay.

    A query with nothing to attend has weights 0."""
    width = q.type.shape[-1]
    factor = scale if scale is not None else q.op("full", size=(), fill_value=width, dtype=q.type.dtype) ** -0.5
    scores = (q * factor).matmul(k.transpose(axis0=-2, axis1=-1))
    if bias is not None:
        scores = scores + bias
    if allowed is None:
        weights = scores.plain.softmax(axis=-1)
    else:
        plain = scores.plain
        top = allowed.where(plain, plain.min(axis=-1, keepdim=True)).max(axis=-1, keepdim=True)
        shares = allowed.where(allowed.where(plain - top, 0).exp(), 0)
        total = shares.sum(axis=-1, keepdim=True)
        weights = shares / total.eq(0).where(1, total)
    if scores.d is None:
        return weights, None
    return weights, scores.d - (weights * scores.d).sum(axis=-1, keepdim=True)


def changing(weights: Any, rate: Any) -> Any:
    """The weights with their tangent."""
    return weights if rate is None else weights.along(weights * rate)


def kept(one: Any, rate: float) -> Any:
    """What dropout makes of ones of this shape: the weights that attention leaves of equal ones."""
    *ahead, rows, width = one.type.shape
    dtype = one.type.dtype
    units = (one.op("eye", n=width, dtype=dtype) * width).expand(sizes=(*ahead, width, width))
    queries = one.op("zeros", sizes=(*ahead, rows, 1), dtype=dtype)
    keys = one.op("zeros", sizes=(*ahead, width, 1), dtype=dtype)
    return one.op("attention", queries, keys, units, None, None, dropout=rate)


def within(q: Any, k: Any, left: Any, right: Any) -> Any:
    """Whether query i sees key j: i - left <= j <= i + right; None is unbounded, not both."""
    rows = q.op("arange", bounds=(q.type.shape[-2],)).unsqueeze(axis=-1)
    columns = q.op("arange", bounds=(k.type.shape[-2],)).unsqueeze(axis=0)
    found = None if right is None else columns <= rows + right
    if left is None:
        return found
    late = columns >= rows - left
    return late if found is None else found.logical_and(late)


def every(*conditions: Any) -> Any:
    """All that are given at once; None where none is."""
    found = None
    for one in conditions:
        if one is not None:
            found = one if found is None else found.logical_and(one)
    return found


def sides_of(one: Any, times: Any) -> Any:
    """Heads of k or v, each as often as there are heads of q that read it."""
    return one if times == 1 else one.repeat_interleave(repeats=times, axis=-3)
