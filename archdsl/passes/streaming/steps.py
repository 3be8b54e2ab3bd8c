"""Graphs in one step, blocks before those that call them."""

from __future__ import annotations

from archdsl.ir.graph import Graph, Input, Output
from archdsl.passes.scans.loop import needed
from archdsl.passes.streaming import delay, nodes
from archdsl.passes.streaming.calls import Kind, Stepped
from archdsl.passes.streaming.finish import finished
from archdsl.passes.streaming.lengths import Length
from archdsl.passes.streaming.states import Fixed, Lost, Now, Sequence
from archdsl.passes.streaming.writer import Writer
from archdsl.records import changed


class Steps:
    """Makes graphs of one step. Equal blocks that are called with the same kinds of operands are made once."""

    def __init__(self, length: Length, float: str, *, first: bool) -> None:
        self.length = length
        self.float = float
        self.first = first
        self.made: dict[tuple[int, int, tuple[Kind, ...]], tuple[Graph, Graph, Stepped]] = {}

    def writer(self, graph: Graph, owner: Graph) -> Writer:
        """An empty writer."""
        return Writer(graph, owner, self.length, self.float, first=self.first)

    def graph(self, graph: Graph, owner: Graph, kinds: tuple[Kind, ...]) -> Stepped:
        """A block, or with its owner a region."""
        key = (id(graph), id(owner), kinds)
        if key not in self.made:
            self.made[key] = (graph, owner, self._block(graph, owner, kinds))
        return self.made[key][2]

    def _block(self, graph: Graph, owner: Graph, kinds: tuple[Kind, ...]) -> Stepped:
        writer = self.writer(graph, owner)
        inputs: list[Input] = []
        given = iter(kinds)
        for one in graph.inputs:
            if one.value is None:
                inputs.append(one)
                continue
            kind = next(given)
            if kind.word == "sequence":
                sequence = Sequence(one.value.type, kind.axis, more=kind.more)
                value = sequence.step = writer.value(one.value.name, sequence.step_type)
                writer.states[one.value.name] = sequence
            else:
                value = writer.value(one.value.name, one.value.type)
                writer.states[one.value.name] = Now(value) if kind.word == "now" else Fixed(value)
            inputs.append(changed(one, value=value))
        self.run(writer, graph)
        outputs: list[Output] = []
        results: list[Kind | Lost] = []
        for out in graph.outputs:
            state = writer.states[out.value.name]
            if isinstance(state, Sequence):
                state = delay.to_lead(writer, state, 0)
            if isinstance(state, Lost):
                results.append(state)
            elif isinstance(state, Sequence):
                value = writer.step(state)
                results.append(Kind("sequence", value.type, state.axis, state.more))
                outputs.append(changed(out, value=value))
            else:
                results.append(Kind("now" if isinstance(state, Now) else "fixed", state.value.type))
                outputs.append(changed(out, value=state.value))
        lent = tuple(item for item in writer.lent.items() if graph is not owner or item[0][:1] == ("",))
        made = finished(writer, graph, inputs, outputs) if outputs else graph
        return Stepped(made, tuple(results), tuple((one.name, one.after.type) for one in writer.carried if outputs), lent)

    def run(self, writer: Writer, graph: Graph) -> None:
        """Write the nodes that the outputs need."""
        for node in needed(list(graph.nodes), {one.value.name for one in graph.outputs if not one.training}):
            nodes.write(writer, node, self)
