"""Nodes as statements, in the order in which the elaborator makes them again: what flows, what stands inside an expression."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from archdsl.ir.node import Node, Path
from archdsl.ir.value import Number, Value
from archdsl.targets.arch.expressions import is_sign
from archdsl.targets.arch.naming import is_nameless
from archdsl.targets.arch.pieces import (
    Body,
    Group,
    Piece,
    Skip,
    Statement,
    Step,
    has_construct,
    is_pure,
    operands_of,
    results_of,
    weight,
)
from archdsl.targets.arch.regions import GroupRegion, Regions, SkipRegion

INSIDE = 6
"""How many steps may stand inside an expression beside another one."""
ALONE = 12
"""How many may stand inside an operator's expression."""


class Structure:
    """The statements of one list of nodes."""

    def __init__(self, nodes: Sequence[Node], outputs: Sequence[Value], container: Callable[[Node], Path]) -> None:
        self.nodes = nodes
        self.uses: dict[str, list[int]] = {}
        for index, node in enumerate(nodes):
            for one in node.operands:
                if isinstance(one, Value):
                    self.uses.setdefault(one.name, []).append(index)
        for one in outputs:
            self.uses.setdefault(one.name, []).append(len(nodes))
        self.regions = Regions(nodes, self.uses, container)

    def body(self, start: int, end: int, container: Path, flow: Value | None, results: tuple[Value, ...]) -> Body:
        """The statements of `nodes[start:end]`."""
        done = Body(flow, results)
        waiting: list[Piece] = []
        index = start
        while index < end:
            region = self.regions.find(index, end, container)
            after = index + 1 if region is None else region.end
            piece = self._piece(index, region, container)
            self._take_waiting(piece, waiting, done)
            made = results_of(piece)
            uses = self.uses.get(made[0].name, []) if len(made) == 1 else []
            if self._waits(uses, after, end, container, made):
                waiting.append(piece)
            else:
                self._flush(waiting, done, len(waiting))
                done.statements.append(Statement(piece))
            index = after
        self._flush(waiting, done, len(waiting))
        _lines(done, self.uses)
        return done

    def _piece(self, index: int, region: SkipRegion | GroupRegion | None, container: Path) -> Piece:
        if isinstance(region, SkipRegion):
            add = self.nodes[region.end - 1]
            short, deep = add.operands
            assert isinstance(short, Value)  # noqa: S101
            assert isinstance(deep, Value)  # noqa: S101
            body = self.body(region.start, region.middle, container, region.flow, (deep,))
            side = None
            if region.middle < region.end - 1:
                side = self.body(region.middle, region.end - 1, container, region.flow, (short,))
            return Skip(add, region.flow, body, side)
        if isinstance(region, GroupRegion):
            last = self.nodes[region.end - 1].results
            flow = next((one for one in self.nodes[index].operands if isinstance(one, Value)), None)
            inner = self.body(region.start, region.end, (*container, *region.label), flow, last)
            return Group(region.label, flow, inner)
        return Step(self.nodes[index], self.nodes[index].operands)

    def _waits(self, uses: list[int], after: int, end: int, container: Path, made: tuple[Value, ...]) -> bool:
        """Whether the result is left for the one step or construct that takes it."""
        if not uses or not all(after <= one < end for one in uses):
            return False
        if len(uses) == 1 and self._taker(uses[0], after, end, container) is None:
            return True
        region = self._taker(uses[0], after, end, container)
        if region is None or not all(region.start <= one < region.end for one in uses):
            return False
        flow = region.flow if isinstance(region, SkipRegion) else self._first(region.start)
        return flow == made[0]

    def _first(self, index: int) -> Value | None:
        return next((one for one in self.nodes[index].operands if isinstance(one, Value)), None)

    def _taker(self, use: int, start: int, end: int, container: Path) -> SkipRegion | GroupRegion | None:
        """The construct in which a node stands, of those between here and the end."""
        index = start
        while index <= use:
            region = self.regions.find(index, end, container)
            index = index + 1 if region is None else region.end
            if region is not None and use < region.end:
                return region
        return None

    def _take_waiting(self, piece: Piece, waiting: list[Piece], done: Body) -> None:
        """Put what waits for this piece into it, if it can stand there; what else waits becomes a statement."""
        known = {results_of(one)[0].name: one for one in waiting}
        taken = [known[one.name] for one in operands_of(piece) if isinstance(one, Value) and one.name in known]
        if not taken:
            return
        inside: list[Piece] = []
        if isinstance(piece, Step) and piece.node.scan is not None:
            inside = _of_scan(taken, waiting, piece.operands[: len(piece.node.scan.axes) + piece.node.scan.carries])
        elif waiting[-len(taken) :] == taken:
            inside = self._together(piece, taken) if isinstance(piece, Step) else taken
        if len(inside) < len(taken):
            first = len(done.statements)
            self._flush(waiting, done, len(waiting) - len(inside))
            for one in done.statements[first:]:
                one.kept = one.piece in taken and isinstance(piece, Step) and self._is_spoken(one.piece)
        del waiting[len(waiting) - len(inside) :]
        if not inside:
            return
        by_name = {results_of(one)[0].name: one for one in inside}

        def placed(one: Value | Number | None | Piece) -> Value | Number | None | Piece:
            return by_name.get(one.name, one) if isinstance(one, Value) else one

        if isinstance(piece, Step):
            piece.operands = tuple(placed(one) for one in piece.operands)
        elif isinstance(piece.start, Value):
            piece.start = by_name.get(piece.start.name, piece.start)

    def _together(self, piece: Step, taken: list[Piece]) -> list[Piece]:
        """Which of several stand inside: all, where they are short; else the first, from which the flow comes, or the last; and
        none up to the last that the author named."""
        short = [is_short(one) for one in taken]
        if piece.node.choice is not None:
            return []
        inside = taken if all(short[1:]) else taken[-1:]
        if len(piece.operands) == 1 or len(piece.node.results) > 1:
            return inside
        named = max((at for at, one in enumerate(inside) if self._is_spoken(one)), default=-1)
        return inside[named + 1 :]

    def _is_spoken(self, piece: Piece) -> bool:
        """Whether the author named what a piece makes, and it is more than an expression."""
        return not is_nameless(results_of(piece)[0].name) and not is_pure(piece) and weight(piece) > 1

    def _flush(self, waiting: list[Piece], done: Body, count: int) -> None:
        done.statements += [Statement(one) for one in waiting[:count]]
        del waiting[:count]


def _of_scan(taken: list[Piece], waiting: list[Piece], own: Sequence[object]) -> list[Piece]:
    """What stands in a scan: the last of its inputs and first carries, if they are short expressions."""
    found: list[Piece] = []
    for one in reversed([one for one in taken if results_of(one)[0] in own]):
        if waiting[len(waiting) - len(found) - 1] is not one or not (is_short(one) and is_pure(one)):
            break
        found.insert(0, one)
    return found


def _lines(body: Body, uses: Mapping[str, Sequence[int]]) -> None:
    """Which statements are lines: those whose result the next one takes as what flows, or the body gives."""
    for index, one in enumerate(body.statements):
        made = results_of(one.piece)
        if one.kept:
            continue
        if index + 1 == len(body.statements):
            one.line = made == body.results
        elif len(made) == 1:
            taken = starts(body.statements[index + 1].piece)
            alone = len(uses.get(made[0].name, ())) == taken.count(made[0])
            one.line = made[0] in taken and (alone or takes_flow(body.statements[index + 1].piece))


def takes_flow(piece: Piece) -> bool:
    """Whether a piece begins with a step that takes what flows without naming it."""
    first = next((one for one in inside_of(piece) if flows(piece, one)), None)
    if first is not None:
        return takes_flow(first)
    if not isinstance(piece, Step):
        return True
    if piece.node.scan is not None or piece.node.choice is not None:
        return False
    given = [one for one in piece.operands if one is not None]
    return len(given) == 1 and isinstance(given[0], Value) and (piece.node.op is None or not is_sign(piece.node.op))


def starts(piece: Piece) -> list[Value]:
    """The values that a piece takes from the flow outside it."""
    inside = inside_of(piece)
    first = next((one for one in inside if flows(piece, one)), None)
    if first is not None:
        return starts(first)
    found: list[Value] = []
    given = operands_of(piece)
    if isinstance(piece, Step) and piece.node.scan is not None:
        given = given[: len(piece.node.scan.axes)]  # where a carry starts, nothing flows
    for one in given:
        if isinstance(one, Value):
            found.append(one)
        elif isinstance(one, Step | Skip | Group):
            found += starts(one)
    return found


def inside_of(piece: Piece) -> list[Piece]:
    """The pieces that stand in a piece, or flow into it."""
    return [one for one in operands_of(piece) if isinstance(one, Step | Skip | Group)]


def flows(piece: Piece, inside: Piece) -> bool:
    """Whether what stands inside is written before the piece, with `->` between, and not in it."""
    if not isinstance(piece, Step):
        return True
    if piece.node.scan is not None or piece.node.choice is not None:
        return False
    several = inside_of(piece)
    if len(several) > 1:
        return inside is several[0] and not all(is_short(one) for one in several)
    if piece.node.op is None or has_construct(inside):
        return True
    return not is_pure(inside) or weight(inside) > ALONE or not in_expression(piece)


def is_short(piece: Piece) -> bool:
    """Whether a piece may stand inside an expression beside another one."""
    return not has_construct(piece) and weight(piece) <= INSIDE


def in_expression(piece: Step) -> bool:
    """Whether a step is written as an expression rather than as a function that takes the flow."""
    op = piece.node.op
    given = [one for one in piece.operands if one is not None]
    return op is not None and (is_sign(op) or len(given) > 1)
