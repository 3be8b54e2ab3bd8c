"""An arch that finds out in each call which optional inputs it is given: its specialisations for all sets of them, merged."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import combinations
from typing import Any

from archdsl.elaborate.archs import Elaborated
from archdsl.elaborate.checking import same_structure
from archdsl.elaborate.generic import generic
from archdsl.elaborate.origin import same_origin
from archdsl.elaborate.outside import left_out
from archdsl.ir.graph import Graph
from archdsl.passes.carrying import Passed
from archdsl.problems.problem import ArchError
from archdsl.records import changed
from archdsl.source import Span
from archdsl.targets.torch.merging.doors import guarded_doors, refusals
from archdsl.targets.torch.merging.merge import Merging, given_to
from archdsl.targets.torch.merging.merging_problems import DiffersWhenGiven, TooManyWays
from archdsl.targets.torch.merging.regions import Unmergeable

MAX_OPTIONAL = 6
"""How many optional inputs an arch may have whose presence is found out in each call: each doubles the ways of calling it."""
REFUSED = frozenset({"requirement-failed", "absent-input"})
"""What is wrong with a way of calling, not with the program."""


def open_graph(
    elaborate: Callable[..., Elaborated],
    optional: Sequence[str],
    given: tuple[str, ...],
    config: Mapping[str, Any],
    form: Callable[[Graph], Graph],
) -> tuple[Graph, dict[str, Any]]:
    """The graph for these optional inputs, or for all sets of the `optional` ones, with as much configuration left symbolic as
    can be, and the values that this has here.

    `elaborate` takes the set as `given`, the configuration as keywords and the symbolic part as `free`."""
    if not optional:
        graph, values = generic(partial(elaborate, given=given), config)
        return form(graph), values
    free: dict[str, Any] = {}

    def fixed(given: tuple[str, ...]) -> Graph:
        return elaborate(given=given, **config).graph

    def opened(given: tuple[str, ...]) -> Graph:
        others = {name: value for name, value in config.items() if name not in free}
        made = elaborate(given=given, free=free, **others).graph
        if not same_structure(made, fixed(given), free):
            raise Unmergeable("it is another program with it")
        return form(made)

    for first in (tuple(optional), ()):
        try:
            _, free = generic(partial(elaborate, given=first), config)
        except ArchError:
            continue
        try:
            return every_call(optional, opened), free
        except (ArchError, Unmergeable):
            free = {}
    return every_call(optional, lambda given: form(fixed(given))), {}


def every_passed(
    optional: Sequence[str], make: Callable[[tuple[str, ...]], tuple[Graph, Passed]], form: Callable[[Graph], Graph]
) -> tuple[Graph, Passed, Graph]:
    """The graph for all sets of the optional inputs, what passes make of it, and the `form` of that; `make` gives the first two
    for one set. Raises `ArchError` as `every_call`, also where the sets derive other tensors."""
    known: dict[tuple[str, ...], tuple[Graph, Passed]] = {}

    def of(given: tuple[str, ...]) -> tuple[Graph, Passed]:
        if given not in known:
            known[given] = make(given)
        return known[given]

    graph = every_call(optional, lambda given: form(of(given)[1].graph))
    if len(known) == 1:
        ((before, passed),) = known.values()
        return before, passed, graph
    before = every_call(optional, lambda given: of(given)[0])
    after = every_call(optional, lambda given: of(given)[1].graph)
    derived = [passed.derived for _, passed in known.values()]
    if any([(one.made, one.used) for one in ones] != [(one.made, one.used) for one in derived[0]] for ones in derived):
        what = f"what passes make of the tensors of `{before.name}` depends on which optional inputs are given"
        raise _differs(Unmergeable(what, before.span), optional)
    return before, Passed(after, derived[0]), graph


def every_call(optional: Sequence[str], make: Callable[[tuple[str, ...]], Graph]) -> Graph:
    """One graph for all sets of the optional inputs; `make` gives that of one set. A set that the program refuses is refused at
    run time. Raises `ArchError` for other problems of a set, and where the sets need different parameters."""
    if not optional:
        return make(())
    graphs: dict[frozenset[str], Graph] = {}
    refused: dict[frozenset[str], ArchError] = {}
    chosen = optional if len(optional) <= MAX_OPTIONAL else ()
    for count in range(len(chosen) + 1):
        for given in combinations(chosen, count):
            try:
                graphs[frozenset(given)] = make(given)
            except ArchError as fault:
                if any(one.code not in REFUSED for one in fault.problems if one.severity == "error"):
                    raise
                refused[frozenset(given)] = fault
    if not graphs:
        raise next(iter(refused.values()))
    first = next(iter(graphs.values()))
    if not chosen and first.span is not None:
        what = f"`{first.name}` has {len(optional)} optional inputs, which is more than {MAX_OPTIONAL}"
        raise ArchError((TooManyWays(at=first.span, what=what, help=_stated(optional)),))
    try:
        merged = Merging().merged(tuple((given_to(one), one) for one in graphs.values()))
    except Unmergeable as fault:
        raise _differs(fault, optional, first.span) from None
    errors = {given: [one for one in fault.problems if one.severity == "error"] for given, fault in refused.items()}
    messages = {given: found[0].message() for given, found in errors.items()}
    doors = (*merged.doors, *guarded_doors(graphs, merged.doors), *refusals(messages, list(graphs)))
    return changed(merged, doors=doors) if doors != merged.doors else merged


def other_ways(graph: Graph) -> Iterator[Graph]:
    """The arch of a graph as elaborated, with other optional inputs given: all sets, or of many each alone and all together."""
    origin = same_origin(graph)
    optional = [] if origin is None else left_out(origin.word)
    counts = range(len(optional) + 1) if len(optional) <= MAX_OPTIONAL else (0, 1, len(optional))
    for given in (frozenset(one) for count in counts for one in combinations(optional, count)):
        if origin is not None and given != origin.given:
            with suppress(ArchError):
                yield origin.elaborate(given=given).graph


def _differs(fault: Unmergeable, optional: Sequence[str], span: Span | None = None) -> Exception:
    """As a problem, where there is a place."""
    at = fault.span or span
    return fault if at is None else ArchError((DiffersWhenGiven(at=at, what=str(fault), help=_stated(optional)),))


def _stated(optional: Sequence[str]) -> str:
    return f'say what is given when the module is made: `--with {optional[0]}`, in Python `given=("{optional[0]}",)`'
