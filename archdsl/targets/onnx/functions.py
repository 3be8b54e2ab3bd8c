"""Blocks as local functions of a model: one a distinct graph, its tensors among its inputs."""

from __future__ import annotations

import re
from dataclasses import dataclass

import onnx_ir as ir

from archdsl.dims.dim import symbol
from archdsl.dims.shape import TensorType
from archdsl.ir.graph import Graph
from archdsl.ir.node import Path
from archdsl.targets.onnx.body import Body, Lookup, span_of
from archdsl.targets.onnx.names import Names
from archdsl.targets.onnx.sizes import UnknownSize
from archdsl.targets.onnx.tape import OPSET, GraphTape
from archdsl.targets.onnx.unused import used_nodes

DOMAIN = "archdsl"
"""The domain of the functions in a model."""


@dataclass(frozen=True)
class Made:
    """A function and what a call hands in after the block's own inputs."""

    function: ir.Function
    tensors: tuple[tuple[Path, TensorType], ...]
    """Paths from the block, or ("", name, leaf) for a layer that its caller lends."""
    sizes: tuple[str, ...]
    """Symbols that no input of the block shows."""


class Functions:
    """The functions of a model, made as they are called."""

    def __init__(self, program: str) -> None:
        self.program = program
        self._made: dict[int, Made] = {}
        self._names: set[str] = set()

    def all(self) -> list[ir.Function]:
        """Every function, callees before callers."""
        return [one.function for one in self._made.values()]

    def call(self, graph: Graph, body: Body, operands: list[str], lookup: Lookup, at: str) -> list[str]:
        """Call the block's function; its results."""
        made = self._made.get(id(graph))
        if made is None:
            made = self.make(graph)
            self._made[id(graph)] = made
        tensors = [lookup(path, type) for path, type in made.tensors]
        sizes = [body.tape.shape([symbol(name)]) for name in made.sizes]
        count = len(made.function.outputs)
        return body.tape.nodes(str(made.function.name), [*operands, *tensors, *sizes], count, domain=DOMAIN)

    def make(self, graph: Graph) -> Made:
        """The function of a block. Sizes that its inputs do not show become inputs of their own."""
        name = self._name(graph.name)
        sizes: list[str] = []
        while True:
            try:
                return self._attempt(graph, name, tuple(sizes))
            except UnknownSize as unknown:
                wanted = str(unknown)
                if wanted in sizes:
                    raise
                sizes.append(wanted)

    def _attempt(self, graph: Graph, name: str, sizes: tuple[str, ...]) -> Made:
        tape = GraphTape({}, float=self.program, names=Names())
        given: dict[Path, tuple[str, TensorType]] = {}

        def lookup(path: Path, type: TensorType) -> str:
            if path not in given:
                shown = tape.names.fresh(".".join(path[1:] if path[0] == "" else path))
                tape.add_input(shown, type, shown)
                given[path] = (shown, type)
            return given[path][0]

        body = Body(graph, tape, lookup, self)
        for one in graph.input_values:
            body.put(one)
        counts = []
        for one_size in sizes:
            shown = tape.names.fresh(one_size)
            counts.append(tape.add_input(shown, TensorType((1,), "i64"), shown))
            tape.give_size(symbol(one_size), shown)
        results = body.run(graph)
        kept = [one for one in graph.outputs if not one.training]
        outputs = [
            tape.output(result, one.name or one.value.name, one.value.type) for result, one in zip(results, kept, strict=True)
        ]
        inputs = [one for one in tape.graph_inputs if one not in counts] + counts
        nodes = used_nodes(tape.written, outputs)
        inner = ir.Graph(inputs, outputs, nodes=nodes, opset_imports={"": OPSET, DOMAIN: 1}, name=name)
        function = ir.Function(DOMAIN, name, graph=inner, attributes=[])
        function.doc_string = graph.doc or None
        function.metadata_props.update(span_of(graph.span))
        return Made(function, tuple((path, type) for path, (_, type) in given.items()), sizes)

    def _name(self, wanted: str) -> str:
        """A name that no other function has, an identifier whatever the label was."""
        stem = re.sub(r"\W", "_", wanted, flags=re.ASCII) or "Block"
        stem = f"_{stem}" if stem[0].isdigit() else stem
        name, count = stem, 1
        while name in self._names:
            count += 1
            name = f"{stem}_{count}"
        self._names.add(name)
        return name
