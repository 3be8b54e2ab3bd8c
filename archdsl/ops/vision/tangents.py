"""`grid_sample` as a formula of its points, for their tangent."""

from __future__ import annotations

from itertools import product
from typing import Any

SLOPE = -0.75
"""Keys' cubic as PyTorch has it."""


def sampled(op: Any, x: Any, grid: Any) -> Any:
    """The values of the image, which is held, at the points: the sum over the pixels near a point, each with a product of weights
    that move with the point."""
    batch, channels, *sizes = x.type.shape
    shape = grid.type.shape[1:-1]
    points = 1
    for size in shape:
        points = points * size
    flat = x.plain.flatten(start=2)
    places = reversed(grid.unbind(axis=-1))
    near = [pixels(op, place, size) for place, size in zip(places, sizes, strict=True)]
    total = None
    for corner in product(*near):
        index, weight = corner[0]
        for (at, share), size in zip(corner[1:], sizes[1:], strict=True):
            index, weight = index * size + at, weight * share
        index = index.reshape(sizes=(batch, 1, points)).expand(sizes=(batch, channels, points))
        term = flat.gather(index, axis=2).reshape(sizes=(batch, channels, *shape)) * weight.unsqueeze(axis=1)
        total = term if total is None else total + term
    return total


def pixels(op: Any, place: Any, size: Any) -> list[tuple[Any, Any]]:
    """The pixels along one axis that a point is made of, and the weight of each."""
    count = place.op("full", size=(), fill_value=size, dtype=place.type.dtype)
    middle = (place + 1) * 0.5 * (count - 1) if op.align_corners else ((place + 1) * count - 1) * 0.5
    cubic = op.mode == "bicubic"
    if not cubic:
        middle = padded(op, middle, count)
    low = middle.plain.floor()
    part = middle - low
    weights = cubic_weights(part) if cubic else [1 - part, part]
    found = []
    for step, weight in enumerate(weights, -1 if cubic else 0):
        at = padded(op, low + step, count) if cubic else low + step
        inside = (at >= 0).logical_and(at <= count - 1)
        index = at.clamp(min=0).minimum(count - 1)
        found.append((index.round().cast(dtype="i64"), inside.where(weight, 0)))
    return found


def cubic_weights(part: Any) -> list[Any]:
    """Of the pixels at -1, 0, 1 and 2 from a point that is `part` past 0."""

    def inner(far: Any) -> Any:
        return ((SLOPE + 2) * far - (SLOPE + 3)) * far * far + 1

    def outer(far: Any) -> Any:
        return ((SLOPE * far - 5 * SLOPE) * far + 8 * SLOPE) * far - 4 * SLOPE

    return [outer(part + 1), inner(part), inner(1 - part), outer(2 - part)]


def padded(op: Any, place: Any, count: Any) -> Any:
    """A position along an axis, put into the image where `padding_mode` says so."""
    if op.padding_mode == "zeros":
        return place
    if op.padding_mode == "reflection":
        edge = 0.0 if op.align_corners else -0.5
        span = count - 1 if op.align_corners else count
        span = span.eq(0).where(1, span)
        far = (place - edge).abs()
        flips = (far.plain / span).floor()
        rest = far - flips * span
        even = (flips - (flips * 0.5).floor() * 2).eq(0)
        place = even.where(rest, span - rest) + edge
    inside = (place > 0).logical_and(place < count - 1)
    return inside.where(place, place.plain.clamp(min=0).minimum(count - 1))
