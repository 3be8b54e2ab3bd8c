"""The tangent of a maximum over windows: that of the element which is the maximum."""

from __future__ import annotations

from typing import Any

LOWEST = float("-inf")


def of_largest(x: Any, tables: list[tuple[Any, Any]]) -> Any:
    """The tangent of the maxima of windows. For each spatial axis a table [results, window] of the positions that its windows
    see, and whether they do: what is not seen may have any position."""
    sizes = list(x.type.shape)
    both = [x.plain, x.d]
    seen: Any = None
    for axis, (positions, inside) in enumerate(tables, 2):
        flat = positions.clamp(min=0, max=sizes[axis] - 1).reshape(sizes=(-1,))
        both = [one.index_select(flat, axis=axis) for one in both]
        # Each axis becomes its results and, behind all others, its window.
        results, window = positions.type.shape
        rank = both[0].type.rank
        shape = both[0].type.shape
        split = (*shape[:axis], results, window, *shape[axis + 1 :])
        both = [one.reshape(sizes=split).movedim(source=axis + 1, destination=-1) for one in both]
        place = [results if at == axis else window if at == rank else 1 for at in range(rank + 1)]
        valid = inside.reshape(sizes=tuple(place))
        seen = valid if seen is None else seen.unsqueeze(axis=-1).logical_and(valid)
    spatial = len(tables)
    kept = (*both[0].type.shape[: 2 + spatial], -1)
    values, d = seen.where(both[0], LOWEST).reshape(sizes=kept), both[1].reshape(sizes=kept)
    return d.gather(values.argmax(axis=-1, keepdim=True), axis=-1).squeeze(axis=-1)


def sliding(x: Any, window: Any, results: tuple[Any, ...]) -> list[tuple[Any, Any]]:
    """The tables of a window that slides."""
    tables = []
    for axis, count in enumerate(results):
        start = x.op("arange", bounds=(count,)).unsqueeze(axis=-1) * window.stride[axis] - window.before[axis]
        positions = start + x.op("arange", bounds=(window.kernel[axis],)) * window.dilation[axis]
        tables.append((positions, (positions >= 0).logical_and(positions < x.type.shape[axis + 2])))
    return tables


def adaptive(x: Any, wanted: tuple[Any, ...]) -> list[tuple[Any, Any]]:
    """The tables of windows from floor(i * L / O) up to ceil((i + 1) * L / O)."""
    tables = []
    for axis, count in enumerate(wanted, 2):
        size = x.type.shape[axis]
        index = x.op("arange", bounds=(count,)).unsqueeze(axis=-1)
        end = ((index + 1) * size + count - 1).floor_divide(count)
        positions = (index * size).floor_divide(count) + x.op("arange", bounds=((size + count - 1) // count + 1,))
        tables.append((positions, positions < end))
    return tables
