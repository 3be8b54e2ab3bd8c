"""Aligned steps as nodes, from the last to the first: what some specialisations lack stands in a choice by what is given."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from archdsl.dims.dim import symbol
from archdsl.dims.shape import TensorType
from archdsl.ir.node import Path
from archdsl.ir.value import Number, Value
from archdsl.source import Span
from archdsl.targets.torch.merging.align import Body, Entry, Origin, Vector

Universe = frozenset[int]
Mixed = frozenset[tuple[int, Origin | None]]
"""A value that is another one in some specialisations, or is absent there."""
Wanted = Origin | Mixed


class Unmergeable(Exception):
    """What the specialisations cannot have in one module, and where."""

    def __init__(self, what: str, span: Span | None = None) -> None:
        super().__init__(what)
        self.span = span


@dataclass(eq=False)
class Ref:
    """A value of the merged graph before it has a name; two that turn out to be one are joined."""

    type: TensorType
    hint: str
    other: Ref | None = None

    def found(self) -> Ref:
        """What it was joined to."""
        return self if self.other is None else self.other.found()


def join(one: Ref, other: Ref) -> None:
    """Make two values one."""
    if one.found() is not other.found():
        one.found().other = other.found()


Given = Ref | Number | None


@dataclass(eq=False)
class Step:
    """A node before its values have names: that of an entry, or a choice by the presence of its first operand."""

    entry: Entry | None
    operands: list[Given]
    results: list[Ref]
    bodies: list[Part] = field(default_factory=list)
    asked: int = 1
    """How many operands a choice asks for."""


@dataclass(eq=False)
class Part:
    """A body before its values have names. An output that is None is absent, one of `unasked` is never read."""

    inputs: list[Ref]
    steps: list[Step]
    outputs: list[Ref | None]
    unasked: frozenset[int] = frozenset()


class Needs:
    """The values that a region needs and has not made yet."""

    def __init__(self, merge: Context, universe: Universe) -> None:
        self.merge = merge
        self.universe = universe
        self.open: dict[Wanted, Ref] = {}

    def need(self, wanted: Wanted | None) -> Ref | None:
        """The value; None where it is absent everywhere."""
        if wanted is None:
            return None
        if wanted not in self.open:
            self.open[wanted] = self.merge.ref(wanted)
        return self.open[wanted]

    def vector(self, vector: Vector) -> Ref | None:
        return self.need(self.merge.wanted({which: one for which, one in vector.items() if which in self.universe}))

    def take(self, wanted: Wanted) -> Ref:
        return self.open.pop(wanted)

    def adopt(self, inner: Needs) -> list[Ref]:
        """What a region inside needs and does not make is needed here; those values."""
        found = []
        for wanted, ref in inner.open.items():
            outer = self.need(wanted)
            if outer is not None:
                join(ref, outer)
            found.append(ref)
        return found


class Context:
    """One merge: what its specialisations are given, and the types and names of its values."""

    def __init__(
        self, given: Sequence[frozenset[str]], operands: Callable[[Entry, Universe], list[Vector | Number | None]]
    ) -> None:
        self.given = given
        self.operands = operands
        self.types: dict[Origin, TensorType] = {}
        self.hints: dict[Origin, str] = {}
        names = dict.fromkeys(name for one in given for name in sorted(one))
        self.conditions = {name: frozenset(at for at, one in enumerate(given) if name in one) for name in names}

    def know(self, origin: Origin, value: Value) -> None:
        """The type of a value, and the author's name of it."""
        self.types.setdefault(origin, value.type)
        self.hints.setdefault(origin, value.name)

    def present(self, origin: Origin) -> Universe | None:
        """The specialisations that have an optional input; None for what is none."""
        if isinstance(origin, tuple) and origin[0] == "input":
            return self.conditions.get(origin[1])
        return None

    def wanted(self, vector: Vector) -> Wanted | None:
        """A vector in its normal form: one origin, a mixture, or None."""
        origins = {one for one in vector.values() if one is not None}
        if not origins:
            return None
        if len(origins) == 1:
            (origin,) = origins
            there = {which for which, one in vector.items() if one is not None}
            if len(there) == len(vector) or there == (self.present(origin) or frozenset()) & vector.keys():
                return origin
        return frozenset(vector.items())

    def ref(self, wanted: Wanted) -> Ref:
        """A new value for it."""
        if not isinstance(wanted, frozenset):
            return Ref(self.types[wanted], self.hints[wanted])
        origins = [one for _, one in sorted(wanted, key=lambda one: one[0]) if one is not None]
        names = [self.hints[one] for one in origins]
        there = {which for which, one in wanted if one is not None}
        if len(there) < len(wanted):  # what is there with an input, and else is not, goes by the input's name
            domain = {which for which, _ in wanted}
            names += [name for name, having in self.conditions.items() if having & domain == there]
        hint = next((name for name in names if name.split("_")[0] not in ("x", "it")), names[0])
        return Ref(joined_type([self.types[one] for one in origins]), hint)

    def splits(self, universe: Universe) -> Iterable[tuple[str, Universe, Universe]]:
        """The inputs that are given in some of these specialisations alone, with those that have it and those that have not."""
        for name, there in self.conditions.items():
            if there & universe and universe - there:
                yield name, there & universe, universe - there


def joined_type(types: Sequence[TensorType]) -> TensorType:
    """One type for a value that has several: a size that differs is `_`."""
    first = types[0]
    if any(one.rank != first.rank or one.dtype != first.dtype for one in types):
        raise Unmergeable(f"a value is {' or '.join(dict.fromkeys(map(str, types)))}, as optional inputs are given or not")
    sizes = zip(*(one.shape for one in types), strict=True)
    return TensorType(tuple(ones[0] if len(set(ones)) == 1 else symbol("_") for ones in sizes), first.dtype)


def region(merge: Context, entries: Sequence[Entry], universe: Universe, outputs: Iterable[Wanted | None]) -> tuple[Part, Needs]:
    """The entries as steps that make the outputs, and what they need from outside."""
    needs = Needs(merge, universe)
    made = Part([], [], [needs.need(one) for one in outputs])
    for item in reversed(_items(merge, entries, universe)):
        if isinstance(item, Entry):
            made.steps += _step(merge, item, needs)
        else:
            made.steps += _choice(merge, *item, needs)
    made.steps.reverse()
    return made, needs


Split = tuple[str, list[Entry], list[Entry]]


def _items(merge: Context, entries: Sequence[Entry], universe: Universe) -> list[Entry | Split]:
    """Entries of all specialisations as they are; the others in choices, as many in one as can be."""
    here = [one for one in entries if one.nodes.keys() & universe]
    items: list[Entry | Split] = []
    at = 0
    while at < len(here):
        if universe <= here[at].nodes.keys():
            items.append(here[at])
            at += 1
            continue
        best: tuple[int, Split] | None = None
        for name, there, rest in merge.splits(universe):
            end = at
            while end < len(here) and not (here[end].nodes.keys() & there and here[end].nodes.keys() & rest):
                end += 1
            # a step that both sides have is written on each
            run = here[at : max(end, at + 1)]
            split = (name, [one for one in run if one.nodes.keys() & there], [one for one in run if one.nodes.keys() & rest])
            if best is None or end - at > best[0]:
                best = (end - at, split)
        if best is None:
            raise Unmergeable("the ways of calling it cannot be told apart by what is given")
        items.append(best[1])
        at += max(best[0], 1)
    return items


def _step(merge: Context, entry: Entry, needs: Needs) -> list[Step]:
    """An entry of all specialisations, the last step first; nothing where nobody needs it."""
    own = dict(entry.results())
    after = selected(merge, own, needs)
    if not any(one in needs.open for one in own):
        return after
    results = [needs.take(one) if one in needs.open else merge.ref(one) for one in own]
    step = Step(entry, [], results)
    for one in merge.operands(entry, needs.universe):
        step.operands.append(needs.vector(one) if isinstance(one, Mapping) else one)
    for body in entry.bodies:
        step.bodies.append(_body(merge, body, needs))
    if entry.bodies:
        own_count = len(entry.bodies[0].own)
        captured = list(dict.fromkeys(ref.found() for part in step.bodies for ref in part.inputs[own_count:]))
        step.operands = [*step.operands[:own_count], *captured]
        for part in step.bodies:
            part.inputs[own_count:] = captured
    return [*after, step]


def _body(merge: Context, body: Body, needs: Needs) -> Part:
    """A body of an entry: its own inputs, then what it captures."""
    for index, one in enumerate(next(iter(body.graphs.values())).input_values[: len(body.own)]):
        merge.know(body.own[index], one)
    part, inner = region(merge, body.entries, needs.universe, [_wanted(merge, one, needs.universe) for one in body.outputs])
    own = set(body.own)
    part.steps[:0] = reversed(selected(merge, own, inner))
    part.inputs = [inner.take(one) if one in inner.open else merge.ref(one) for one in body.own]
    part.inputs += needs.adopt(inner)
    return part


def _wanted(merge: Context, vector: Vector, universe: Universe) -> Wanted | None:
    return merge.wanted({which: one for which, one in vector.items() if which in universe})


def _touches(wanted: Wanted, origins: Iterable[Origin]) -> bool:
    """Whether a value is one of these somewhere."""
    if not isinstance(wanted, frozenset):
        return wanted in origins
    return any(one in origins for _, one in wanted)


def selected(merge: Context, origins: Iterable[Origin], needs: Needs) -> list[Step]:
    """A choice for each mixture that one of these is in, the last step first."""
    steps: list[Step] = []
    while True:
        found = next((one for one in needs.open if isinstance(one, frozenset) and _touches(one, origins)), None)
        if found is None:
            return steps
        steps.append(_select(merge, found, needs))


def _select(merge: Context, wanted: Mixed, needs: Needs) -> Step:
    """A choice that computes nothing."""
    domain = frozenset(which for which, _ in wanted)

    def plain(side: Universe) -> bool:
        return not isinstance(_restricted(merge, wanted, side), frozenset)

    splits = [(name, there, rest) for name, there, rest in merge.splits(needs.universe) if domain & there and domain & rest]
    if not splits:
        raise Unmergeable("the ways of calling it cannot be told apart by what is given")
    name = max(splits, key=lambda one: plain(one[1]) + plain(one[2]))[0]
    return _split(merge, name, [], [], [[wanted]], needs)


def _choice(merge: Context, name: str, there: list[Entry], rest: list[Entry], needs: Needs) -> list[Step]:
    """A choice with all values that its sides make and that are needed after it; nothing where there are none."""
    made = {origin for one in (*there, *rest) for origin, _ in one.results()}
    groups: list[tuple[dict[int, Origin | None], list[Wanted]]] = []
    for wanted in [one for one in needs.open if _touches(one, made)]:
        mine = _where(wanted, needs.universe)
        type = needs.open[wanted].type
        for known, members in groups:
            agree = all(known.get(which, one) == one for which, one in mine.items())
            if agree and needs.open[members[0]].type == type:
                known.update(mine)
                members.append(wanted)
                break
        else:
            groups.append((mine, [wanted]))
    if not groups:
        return []
    return [_split(merge, name, there, rest, [members for _, members in groups], needs)]


def _where(wanted: Wanted, universe: Universe) -> dict[int, Origin | None]:
    """What a value is in each specialisation, as far as that is known."""
    if isinstance(wanted, frozenset):
        return dict(wanted)
    entry = wanted[0] if isinstance(wanted, tuple) else None
    if isinstance(entry, Entry):
        return dict.fromkeys(entry.nodes.keys() & universe, wanted)
    return dict.fromkeys(universe, wanted)


def _restricted(merge: Context, wanted: Wanted, side: Universe) -> Wanted | None:
    """What a value is on one side of a choice; None where it is absent there, or not asked for."""
    return merge.wanted({which: one for which, one in _where(wanted, side).items() if which in side})


def _split(merge: Context, name: str, there: list[Entry], rest: list[Entry], groups: list[list[Wanted]], needs: Needs) -> Step:
    """The choice by one input whose results are these values, each known under several descriptions."""
    results: list[Ref] = []
    asked: list[dict[int, Origin | None]] = []
    for members in groups:
        refs = [needs.take(one) for one in members]
        for one in refs[1:]:
            join(one, refs[0])
        results.append(refs[0])
        asked.append({which: one for member in members for which, one in _where(member, needs.universe).items()})
    with_it = merge.conditions[name] & needs.universe
    parts: list[Part] = []
    inners: list[Needs] = []
    for entries, side in ((there, with_it), (rest, needs.universe - with_it)):
        outputs = [merge.wanted({which: one for which, one in each.items() if which in side}) for each in asked]
        part, inner = region(merge, entries, side, outputs)
        part.unasked = frozenset(at for at, each in enumerate(asked) if not each.keys() & side)
        parts.append(part)
        inners.append(inner)
    read = {origin[1] for origin in inners[0].open if isinstance(origin, tuple) and origin[0] == "input"}
    together = [one for one in merge.conditions if one in read and merge.conditions[one] & needs.universe == with_it]
    conditions = [needs.need(("input", one)) for one in together or [name]]
    captured = [ref.found() for inner in inners for ref in needs.adopt(inner)]
    operands = list(dict.fromkeys(one.found() for one in (*conditions, *captured) if one is not None))
    for part in parts:
        part.inputs = list(operands)
    return Step(None, list(operands), results, parts, len(conditions))


def common_path(paths: Iterable[Path]) -> Path:
    """The container that all of them stand in."""
    found: Path | None = None
    for path in paths:
        inside = path[:-1]
        if found is None:
            found = inside
        while found != inside[: len(found)]:
            found = found[:-1]
    return found or ()
