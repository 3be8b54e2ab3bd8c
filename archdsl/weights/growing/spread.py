"""Wider axes: which old place each new place repeats, and tensors repeated or shared out so."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from archdsl.ops.contract import Op
from archdsl.ops.conv.conv import Convolution
from archdsl.ops.conv.transposed import TransposedConvolution
from archdsl.ops.dense.linear import Linear
from archdsl.ops.embed.embedding import Embedding

if TYPE_CHECKING:
    import torch

Map = tuple[int, ...]
"""For each new place along an axis the old place whose values it has."""
Maps = Mapping[int, Map]
"""The maps of a tensor's wider axes, by axis."""
Spread = Callable[["torch.Tensor"], "torch.Tensor"]
"""The new tensor of an old one."""


class Refused(Exception):
    """The function cannot be kept; why."""


def around(old: int, new: int) -> Map:
    """The old places again and again. Raises `Refused` where there are fewer."""
    if new < old:
        raise Refused(f"{old} places become {new}: it may only grow")
    return tuple(at % old for at in range(new))


def in_parts(map: Map, old: int, parts: int) -> Map:
    """The map of an axis of `parts` equal parts, each of which is spread by `map`."""
    return tuple(part * old + at for part in range(parts) for at in map)


def repeated(tensor: torch.Tensor, maps: Maps) -> torch.Tensor:
    """The tensor with each wider axis repeated by its map."""
    import torch

    for axis, map in maps.items():
        if map == tuple(range(tensor.shape[axis])):
            continue
        tensor = tensor.index_select(axis, torch.tensor(map, dtype=torch.long, device=tensor.device))
    return tensor


def shared_out(tensor: torch.Tensor, axis: int, map: Map) -> torch.Tensor:
    """An axis that is summed over: what several places repeat, each of them has a part of."""
    import torch

    if len(set(map)) == len(map):
        return repeated(tensor, {axis: map})
    counts = torch.bincount(torch.tensor(map))[list(map)].to(tensor.dtype)
    return repeated(tensor, {axis: map}) / counts.reshape([-1 if at == axis else 1 for at in range(tensor.ndim)])


def layer_spreads(old: Op, new: Op, given: Maps, wanted: Maps, rank: int) -> dict[str, Spread]:
    """How each tensor of a layer becomes that of a wider one.

    `given` are the maps of the input, of this rank; `wanted` those that are asked of the output. Raises `Refused`.
    """
    if isinstance(old, Linear) and isinstance(new, Linear):
        came = given.get(rank - 1, tuple(range(_int(old.in_features))))
        goes = wanted.get(rank - 1) or around(_int(old.out_features), _int(new.out_features))
        into, out = (0, 1) if new.transposed else (1, 0)
        return {
            "weight": lambda one: shared_out(repeated(one, {out: goes}), into, came),
            "bias": lambda one: repeated(one, {0: goes}),
        }
    if isinstance(old, Convolution) and isinstance(new, Convolution):
        return _convolution(old, new, given, wanted)
    if isinstance(old, TransposedConvolution) and isinstance(new, TransposedConvolution) and old.groups == new.groups == 1:
        comes = given.get(1, tuple(range(_int(old.in_channels))))
        leaves = wanted.get(1) or around(_int(old.out_channels), _int(new.out_channels))
        return {
            "weight": lambda one: shared_out(repeated(one, {1: leaves}), 0, comes),
            "bias": lambda one: repeated(one, {0: leaves}),
        }
    if isinstance(old, Embedding) and isinstance(new, Embedding):
        wide = wanted.get(rank) or around(_int(old.embedding_dim), _int(new.embedding_dim))
        rows = around(_int(old.num_embeddings), _int(new.num_embeddings))  # no word that there was is one of the new ones
        return {"weight": lambda one: repeated(one, {0: rows, 1: wide})}
    return _by_sizes(old, new, given)


def _convolution(old: Convolution, new: Convolution, given: Maps, wanted: Maps) -> dict[str, Spread]:
    """A grouped one too: each new group repeats an old one."""
    import torch

    came = given.get(1, tuple(range(_int(old.in_channels))))
    was, now = (_int(one.in_channels) // _int(one.groups) for one in (old, new))
    out_was, out_now = (_int(one.out_channels) // _int(one.groups) for one in (old, new))
    sources: list[int] = []
    for group in range(_int(new.groups)):
        found = {at // was for at in came[group * now : (group + 1) * now]}
        if len(found) != 1:
            raise Refused(f"a group of {now} channels would take from several of the groups of {was} that were")
        sources += found
    goes = wanted.get(1, ()) if _int(new.groups) == 1 else ()
    goes = goes or tuple(source * out_was + at for source in sources for at in around(out_was, out_now))
    inside = torch.tensor(came).reshape(_int(new.groups), now) % was
    counts = (inside.unsqueeze(2) == inside.unsqueeze(1)).sum(2)

    def weight(one: torch.Tensor) -> torch.Tensor:
        rows = repeated(one, {0: goes})
        more = (1,) * (one.ndim - 2)
        columns = inside.repeat_interleave(out_now, 0).reshape(len(goes), now, *more)
        parts = counts.repeat_interleave(out_now, 0).reshape(len(goes), now, *more)
        return rows.take_along_dim(columns.expand(-1, -1, *one.shape[2:]), 1) / parts.to(one.dtype)

    return {"weight": weight, "bias": lambda one: repeated(one, {0: goes})}


def _by_sizes(old: Op, new: Op, given: Maps) -> dict[str, Spread]:
    """Any other layer: a vector goes with its channels, a matrix repeats its rows and shares out its columns."""
    known = {(len(set(map)), len(map)): map for map in given.values()}
    before, after = old.parameters(), new.parameters()

    def spread_of(sizes: Sequence[tuple[int, int]], parts: int) -> Spread:
        maps = [
            known.get((n // p, m // p)) or around(n // p, m // p)
            for (n, m), p in zip(sizes, (parts, *[1] * len(sizes)), strict=False)
        ]
        first = in_parts(maps[0], sizes[0][0] // parts, parts) if maps else ()

        def spread(one: torch.Tensor) -> torch.Tensor:
            if not maps:
                return one
            one = repeated(one, {0: first})
            for axis, map in enumerate(maps[1:], 1):
                one = shared_out(one, axis, map)
            return one

        return spread

    found = {}
    for leaf, weight in after.items():
        if leaf not in before or len(before[leaf].shape) != len(weight.shape) or before[leaf].parts != weight.parts:
            raise Refused(f"its {leaf} is another tensor than before")
        pairs = [(_int(n), _int(m)) for n, m in zip(before[leaf].shape, weight.shape, strict=True)]
        found[leaf] = spread_of(pairs, weight.parts)
    return found


def _int(size: Any) -> int:
    return int(size)
