"""Net2Net (Chen, Goodfellow and Shlens, 2016): the weights of a network in one that is wider or deeper and computes the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from archdsl.analyses.sizes import NoBinding
from archdsl.ir.graph import Graph
from archdsl.problems.problem import ArchError
from archdsl.source import Source, Span
from archdsl.verifying.bindings import choose_bindings
from archdsl.weights.growing.probe import Probe, equal
from archdsl.weights.growing.walk import Stopped, Walk
from archdsl.weights.matching import matches
from archdsl.weights.migrating import Carried, Migration, completed
from archdsl.weights.problems import CannotKeepFunction

if TYPE_CHECKING:
    import torch


def grow(before: Graph, after: Graph, state: Mapping[str, torch.Tensor], *, seed: int = 0) -> Migration:
    """The state dict of `before` as one of `after` that computes the same, in evaluation mode, up to rounding.

    A wider axis repeats the places that were, and what sums over it shares its weights out among them; a new layer is an
    identity, or, in a skip, one whose branch is zero. What a step does to repeated places is not looked up but tried, on random
    values in float64, so this holds for every operator or is refused.

    Raises `ArchError`: `cannot-keep-function` with the step, `weights-do-not-fit` where `state` is not of `before`.
    """
    from archdsl.targets.torch.module import build
    from archdsl.targets.torch.weights import alias_groups

    given = completed(build(before, device="meta"), state, before.name)
    own = build(after, seed=seed).state_dict(keep_vars=True)
    fresh = {key: one.detach() for key, one in own.items()}
    try:
        walk = Walk(Probe(_binding(after)), given, fresh)
        walk.run(before, after)
    except Stopped as why:
        raise _refused(str(why), why.span) from None
    except NoBinding as fault:
        raise _refused(str(fault), after.span) from None
    _settle_ties(walk, alias_groups(own), after)
    pairs = matches(before, after, {})
    floats = {one.dtype for one in given.values() if one.is_floating_point()}
    made: dict[str, torch.Tensor] = {}
    kept: list[Carried] = []
    resized: list[Carried] = []
    new: list[str] = []
    for key, first in fresh.items():
        source = walk.sources.get(key)
        if key not in walk.made and pairs.get(key) in given and given[pairs[key]].shape == first.shape:
            source = pairs[key]
        value = walk.made.get(key, first if source is None else given[source].detach())
        dtype = given[source].dtype if source is not None else next(iter(floats)) if len(floats) == 1 else first.dtype
        made[key] = value.to(dtype if first.is_floating_point() else first.dtype).clone()
        if source is None:
            new.append(key)
        else:
            carried = Carried(key, source, tuple(given[source].shape), tuple(first.shape))
            (kept if carried.before == carried.after else resized).append(carried)
    used = {id(given[one.source]) for one in (*kept, *resized)}
    dropped = tuple(key for key in state if id(given[key]) not in used)
    return Migration(made, tuple(kept), tuple(resized), tuple(new), dropped, same=True)


def _binding(graph: Graph) -> dict[str, int]:
    """Numbers for the dimensions, small and different; a norm of images does not take one of 1 x 1."""
    found = choose_bindings(graph)
    return found[min(1, len(found) - 1)]


def _settle_ties(walk: Walk, groups: list[list[str]], after: Graph) -> None:
    """Names of one tensor have one value. Raises `ArchError`."""
    import torch

    for group in groups:
        known = [key for key in group if key in walk.made]
        for key in known[1:]:
            one, other = walk.made[key], walk.made[known[0]]
            if one is not other and not torch.equal(one, other) and not equal(one.double(), other.double()):
                raise _refused(f"`{known[0]}` and `{key}`, which are one tensor and would have to be two", after.span)
        for key in group:
            if known and key not in walk.made:
                walk.made[key] = walk.made[known[0]]
                if known[0] in walk.sources:
                    walk.sources[key] = walk.sources[known[0]]


def _refused(why: str, span: Span | None) -> ArchError:
    return ArchError((CannotKeepFunction(at=span or Span(Source("grow", ""), 0, 0), why=why),))
