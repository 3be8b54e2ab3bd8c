"""A scan taken apart, to be put together again with less in it."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from archdsl.ir.graph import Input, Output
from archdsl.ir.node import Node, Scan
from archdsl.ir.value import Value
from archdsl.passes.scans.steps import Many, Steps
from archdsl.passes.scans.story import Finding
from archdsl.records import changed


class Loop:
    """The parts of one scan node while they are moved out of its body.

    `nodes` are what is still in the body; `results` says by which value outside each result of the node is replaced.
    """

    def __init__(self, node: Node, scan: Scan, steps: Steps) -> None:
        self.node = node
        self.scan = scan
        self.steps = steps
        body, count = scan.body, len(scan.axes)
        values = body.input_values
        self.slices = values[:count]
        self.old = values[count : count + scan.carries]
        self.captured = values[count + scan.carries :]
        self.starts = node.operands[count : count + scan.carries]
        self.new = tuple(one.value for one in body.outputs[: scan.carries])
        self.yielded = tuple(one.value for one in body.outputs[scan.carries : scan.carries + scan.yields])
        self.condition = body.outputs[-1].value if scan.until else None
        self.nodes = list(body.nodes)
        self.results: dict[str, Value] = {}
        self.found: list[Finding] = []
        """What was found, for people."""
        self.solved: set[int] = set()
        """The carries that need no loop."""
        for one, outer, axis in zip(self.slices, node.operands, scan.axes, strict=False):
            if isinstance(outer, Value):
                steps.known[one.name] = Many(outer, one.type, one.type.rank - axis)
        for one, outer in zip(self.captured, node.operands[count + scan.carries :], strict=True):
            if isinstance(outer, Value):
                steps.known[one.name] = Many(outer, one.type, None)

    @property
    def carries(self) -> list[int]:
        """The carries that are still in the loop."""
        return [index for index in range(self.scan.carries) if index not in self.solved]

    def drop_unneeded(self) -> None:
        """Leave out the body's nodes that no carry, no yield and no condition needs."""
        self.nodes = needed(self.nodes, self._wanted())

    def _wanted(self) -> set[str]:
        wanted = {self.new[index].name for index in self.carries}
        wanted |= {value.name for value, result in self.open()}
        return wanted | ({self.condition.name} if self.condition is not None else set())

    def open(self) -> list[tuple[Value, Value]]:
        """The yields that the loop still makes, with their results."""
        pairs = zip(self.yielded, self.node.results, strict=False)
        return [(value, result) for value, result in pairs if result.name not in self.results]

    def hoist(self) -> None:
        """What depends on no carry is computed before the loop."""
        known = self.steps.known
        left = [node for node in self.nodes if not all(one.name in known for one in node.results)]
        self.nodes = [node for node in left if not self.steps.written(node)]
        for value, result, axis in zip(self.yielded, self.node.results, self.scan.yield_axes, strict=False):
            many = self.steps.known.get(value.name)
            if many is not None and many.after is not None and result.name not in self.results:
                made = self.steps.at(many, many.step.rank - axis)
                if any(made in node.results for node in self.steps.nodes):
                    self.results[result.name] = made

    def written(self, extra: Iterable[Value], late: Collection[str]) -> tuple[Node | None, dict[str, Many]]:
        """What is left of the loop as a node, and the sequences of `extra` values of the body; None where nothing is left.

        The results named in `late` are made behind the loop.
        """
        carries, opened = self.carries, [(value, result) for value, result in self.open() if result.name not in late]
        finals = [index for index in self.scan.finals if index in carries]
        places = {result.name: axis for result, axis in zip(self.node.results, self.scan.yield_axes, strict=False)}
        yields = [(value, places[result.name], result) for value, result in opened]
        sequences: dict[str, Many] = {}
        for one in extra:
            if all(value.name != one.name for value, _, _ in yields):
                axis = min([one.type.rank, *(places[result] for result in late)])
                type = self.steps.type(one.type, one.type.rank - axis)
                sequences[one.name] = Many(self.steps.named(one, type), one.type, one.type.rank - axis)
                yields.append((one, axis, sequences[one.name].value))
            else:
                axis, result = next((axis, result) for value, axis, result in yields if value.name == one.name)
                sequences[one.name] = Many(result, one.type, one.type.rank - axis)
        if not yields and not finals:
            return None, {}
        outputs = [self.new[index] for index in carries] + [value for value, _, _ in yields]
        outputs += [self.condition] if self.condition is not None else []
        self.nodes = needed(self.nodes, {one.name for one in outputs})
        scanned, captured = self._inputs(outputs, carries)
        body = changed(
            self.scan.body,
            inputs=tuple(Input(one.name, one) for one in (*scanned, *(self.old[index] for index in carries), *captured)),
            outputs=tuple(Output(None, one) for one in outputs),
            nodes=tuple(self.nodes),
            loops=() if len(self.nodes) != len(self.scan.body.nodes) else self.scan.body.loops,
        )
        known = self.steps.known
        at = {index: place for place, index in enumerate(carries)}
        scan = Scan(
            body, tuple(known[one.name].axis for one in scanned), self.scan.length, len(carries), len(yields),
            tuple(axis for _, axis, _ in yields), tuple(at[index] for index in finals), self.scan.reverse, self.scan.until,
        )  # fmt: skip
        last = dict(zip(self.scan.finals, self.node.results[self.scan.yields :], strict=True))
        operands = (
            *(known[one.name].value for one in scanned),
            *(self.starts[index] for index in carries),
            *(known[one.name].value for one in captured),
        )
        results = (*(result for _, _, result in yields), *(last[index] for index in finals))
        return changed(self.node, operands=operands, results=results, scan=scan), sequences

    def _inputs(self, outputs: list[Value], carries: list[int]) -> tuple[list[Value], list[Value]]:
        """The body's slices and captured values, in the order of the body before and then of their first use."""
        inside = {one.name for node in self.nodes for one in node.results} | {self.old[index].name for index in carries}
        used: dict[str, Value] = {}
        for one in (*(one for node in self.nodes for one in node.operands), *outputs):
            if isinstance(one, Value) and one.name not in inside:
                used.setdefault(one.name, one)
        first = [one for one in (*self.slices, *self.captured) if one.name in used]
        ordered = list({one.name: one for one in (*first, *used.values())}.values())
        scanned = [one for one in ordered if self.steps.known[one.name].after is not None]
        captured = [one for one in ordered if self.steps.known[one.name].after is None]
        return scanned or [self.slices[0]], captured


def needed(nodes: list[Node], wanted: set[str]) -> list[Node]:
    """The nodes that these values need, in order."""
    wanted, kept = set(wanted), []
    for node in reversed(nodes):
        if any(one.name in wanted for one in node.results):
            kept.append(node)
            wanted.update(one.name for one in node.operands if isinstance(one, Value))
    return kept[::-1]
