"""Weights across an edit: the state dict of one architecture in another one's layout, with a report of every tensor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from archdsl.ir.graph import Graph
from archdsl.problems.problem import ArchError
from archdsl.problems.suggest import did_you_mean
from archdsl.source import Source, Span
from archdsl.weights.matching import Pairs, Place, matches, places
from archdsl.weights.problems import WeightsDoNotFit
from archdsl.weights.reading import read_rename

if TYPE_CHECKING:
    import torch

SHOWN = 20
"""So many names of a kind are told; then how many more there are."""


@dataclass(frozen=True)
class Carried:
    """A tensor that was there before: its key, its key before, its shapes before and after."""

    name: str
    source: str
    before: tuple[int, ...]
    after: tuple[int, ...]

    def __str__(self) -> str:
        moved = "" if self.name == self.source else f", was {self.source}"
        return f"{self.name} {list(self.before)} -> {list(self.after)}{moved}"


@dataclass(frozen=True)
class Migration:
    """The weights in the new layout (`state`), and what became of each tensor; `str()` tells it."""

    state: Mapping[str, torch.Tensor]
    kept: tuple[Carried, ...]
    resized: tuple[Carried, ...]
    new: tuple[str, ...]
    dropped: tuple[str, ...]
    same: bool = False
    """Whether the new network computes what the old one did."""

    def __str__(self) -> str:
        moved = [f"{one.source} -> {one.name}" for one in self.kept if one.name != one.source]
        parts = [f"{len(self.kept)} kept", *_listed(moved, f"{len(moved)} of them under another name")]
        how = "what was there is repeated" if self.same else "what overlaps is kept, the rest is fresh"
        parts += _listed([str(one) for one in self.resized], f"{len(self.resized)} resized: {how}")
        parts += _listed(self.new, f"{len(self.new)} new: {'they change nothing' if self.same else 'fresh'}")
        parts += _listed(self.dropped, f"{len(self.dropped)} dropped")
        return "\n".join(parts)

    def as_json(self) -> dict[str, Any]:
        """`{same_function, kept, resized, new, dropped}`: what was there before is `{name, from, before, after}`, the others are
        names."""
        return {
            "same_function": self.same,
            "kept": [_plain(one) for one in self.kept],
            "resized": [_plain(one) for one in self.resized],
            "new": list(self.new),
            "dropped": list(self.dropped),
        }


def migrate(
    before: Graph, after: Graph, state: Mapping[str, torch.Tensor], *, rename: Iterable[str] = (), seed: int = 0
) -> Migration:
    """The state dict of `before` as one of `after`.

    A tensor that both have is *kept*; where its shape differs it is *resized*: what overlaps is copied (gate by gate, kernels at
    their middle), the rest has the first values that `after` gets from `seed`. Those of `after` alone are *new*, with such values
    too; what only `before` has is *dropped*. A buffer that the program states is taken from the program, not from the file, where
    size or statement differ. Floats that are new have the type of the given ones.

    `rename` are rules `"old.{rest:**}=new.{rest}"`, in the patterns of weight maps; a `*` at the end of both sides is the rest.
    Raises `ArchError`: `weights-do-not-fit` where `state` is not of `before`, or a rule takes nothing; `bad-weight-map`.
    """
    import torch

    from archdsl.targets.torch.module import build
    from archdsl.targets.torch.weights import alias_groups

    old = completed(build(before, device="meta"), state, before.name)
    fresh = build(after, seed=seed).state_dict(keep_vars=True)
    groups = {key: group for group in alias_groups(fresh) for key in group}
    olds, news = places(before), places(after)
    pairs = matches(before, after, _renamed(rename, old, list(fresh), after.name))
    floats = {one.dtype for one in old.values() if one.is_floating_point()}
    made: dict[str, torch.Tensor] = {}
    told: dict[str, list[Any]] = {"kept": [], "resized": [], "new": []}
    used = set()
    for key, first in fresh.items():
        group = groups.get(key, [key])
        if any(one in made for one in group):
            made[key] = next(made[one] for one in group if one in made)
            continue
        source = next((pairs[one] for one in group if pairs.get(one) in old), None)
        value = None
        if source is not None:
            value = _carried(old[source], first.detach(), olds.get(source), news.get(key))
        if value is None:
            made[key] = (
                first.detach().to(next(iter(floats))) if first.is_floating_point() and len(floats) == 1 else first.detach()
            )
            told["new"].append(key)
            continue
        assert source is not None  # noqa: S101
        made[key] = value
        used.add(id(old[source]))
        carried = Carried(key, source, tuple(old[source].shape), tuple(first.shape))
        told["kept" if carried.before == carried.after else "resized"].append(carried)
    dropped = tuple(key for key in state if id(old[key]) not in used)
    with torch.no_grad():
        copies = {key: one.clone() for key, one in made.items()}
    return Migration(copies, tuple(told["kept"]), tuple(told["resized"]), tuple(told["new"]), dropped)


def _carried(old: torch.Tensor, first: torch.Tensor, place: Place | None, wanted: Place | None) -> torch.Tensor | None:
    """The old values in the new shape, or None where nothing of them can stay."""
    if old.is_floating_point() != first.is_floating_point():
        return None
    stated = place.stated if place else None, wanted.stated if wanted else None
    if any(stated) and (stated[0] != stated[1] or old.shape != first.shape):
        return None
    if old.shape == first.shape:
        return old
    if place is None or wanted is None or place.weight.parts != wanted.weight.parts:
        return None
    return overlaid(old, first, wanted.weight.parts, place.weight.window, wanted.weight.window)


def overlaid(old: torch.Tensor, first: torch.Tensor, parts: int = 1, had: int = 0, window: int = 0) -> torch.Tensor | None:
    """`first` with the values of `old` where they overlap: from the start of an axis, on the last `window` axes at its middle.

    The first axis is of `parts` equal parts, each for itself. `had` is the window of `old`: a matrix is a convolution whose
    kernel is 1, and a kernel becomes one by its middle. None where the axes do not correspond."""
    if old.ndim - had != first.ndim - window:
        return None
    for _ in range(had - window):
        old = old.select(-1, old.shape[-1] // 2)
    old = old.reshape(*old.shape, *(1,) * (window - had))
    made = first.to(old.dtype).clone()
    if not made.ndim:
        return old
    target, source = (one.unflatten(0, (parts, -1)) for one in (made, old))
    here, there = [], []
    for axis, (size, size_before) in enumerate(zip(target.shape, source.shape, strict=True)):
        count = min(size, size_before)
        middle = axis >= target.ndim - window
        here.append(slice((size - count) // 2, (size - count) // 2 + count) if middle else slice(count))
        there.append(slice((size_before - count) // 2, (size_before - count) // 2 + count) if middle else slice(count))
    target[tuple(here)] = source[tuple(there)]
    return made


def completed(module: Any, state: Mapping[str, torch.Tensor], name: str) -> dict[str, torch.Tensor]:
    """The given tensors under every name that they have in the module. Raises `weights-do-not-fit`."""
    from archdsl.targets.torch.weights import alias_groups

    own = module.state_dict(keep_vars=True)
    found = dict(state)
    for group in alias_groups(own):
        here = [key for key in group if key in state]
        found |= {key: state[here[0]] for key in group if here}
    lacking = [f"`{key}` is missing" for key in own if key not in found]
    lacking += [f"`{key}` is none of its tensors" for key in state if key not in own]
    lacking += [
        f"`{key}` is {list(found[key].shape)} and must be {list(one.shape)}"
        for key, one in own.items()
        if key in found and found[key].shape != one.shape
    ]
    if lacking:
        more = f" (and {len(lacking) - 1} more)" if len(lacking) > 1 else ""
        help = "`archdsl weights inspect FILE --spec SPEC` shows what fits; has it other configuration? -D width=64"
        raise _problem(f"the weights are not those of {name}, from which they migrate: {lacking[0]}{more}", help=help)
    return found


def _renamed(rules: Iterable[str], old: Mapping[str, Any], new: list[str], name: str) -> Pairs:
    """The pairs that the rules state. Raises `ArchError`."""
    found: Pairs = {}
    for text in rules:
        rule = read_rename(text)
        taken = [(rule.targets[0].make(one), key) for key in old if (one := rule.sources[0].match(key)) is not None]
        if not taken:
            help = did_you_mean(rule.told, old) or "the left side is the old name"
            raise _problem(f"`{text}` takes no tensor of the weights", rule.at, help)
        for target, source in taken:
            if target not in new:
                help = did_you_mean(target, new) or "the right side is the new name"
                raise _problem(f"`{text}` makes `{target}` of `{source}`, which {name} does not have", rule.at, help)
            if found.setdefault(target, source) != source:
                raise _problem(f"`{target}` is made of `{found[target]}` and of `{source}`", rule.at)
    return found


def _problem(why: str, at: Span | None = None, help: str | None = None) -> ArchError:
    return ArchError((WeightsDoNotFit(at=at or Span(Source("weights", ""), 0, 0), why=why, help=help),))


def _listed(names: Iterable[str], title: str) -> list[str]:
    every = list(names)
    if not every:
        return []
    return [
        f"{title}:",
        *(f"  {one}" for one in every[:SHOWN]),
        *([f"  … and {len(every) - SHOWN} more"] if len(every) > SHOWN else []),
    ]


def _plain(one: Carried) -> dict[str, Any]:
    return {"name": one.name, "from": one.source, "before": list(one.before), "after": list(one.after)}
