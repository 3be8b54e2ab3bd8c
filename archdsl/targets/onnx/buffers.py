"""Buffers that are not saved: where the weights do not hold one, the model computes it from its initializer."""

from __future__ import annotations

import onnx_ir as ir

from archdsl.ir.graph import Call, Graph, Parameter
from archdsl.ir.node import Path
from archdsl.targets.onnx.body import Body
from archdsl.targets.onnx.names import Names
from archdsl.targets.onnx.tape import GraphTape
from archdsl.targets.onnx.weights import Weights


class Constants:
    """The computed buffers of a model; their nodes stand before all others."""

    def __init__(self, graph: Graph, weights: Weights, names: Names, program: str) -> None:
        self._graph = graph
        self._weights = weights
        self._tape = GraphTape({}, float=program, names=names)
        self._made: dict[Path, ir.Value] = {}

    @property
    def written(self) -> list[ir.Node]:
        """The nodes."""
        return self._tape.written

    def value(self, path: Path) -> ir.Value | None:
        """The computed buffer of that path; None where the weights hold it, or where it cannot be computed."""
        if path in self._made:
            return self._made[path]
        if ".".join(path) in self._weights:
            return None
        found = parameter_at(self._graph, path)
        if found is None or found.persistent:
            return None
        made = self._write(found, path)
        if made is not None:
            self._made[path] = made
        return made

    def _write(self, parameter: Parameter, path: Path) -> ir.Value | None:
        init, type = parameter.init, parameter.value.type
        tape = self._tape.at([], (), (), path=".".join(path))
        if init.graph is not None:
            body = Body(init.graph, tape, self._none, None, path)
            result = body.run(init.graph)[0]
        elif init.name in ("zeros", "ones"):
            result = tape.node("Expand", [tape.scalar(int(init.name == "ones"), type.dtype), tape.shape(list(type.shape))])
        else:
            return None
        return tape.output(result, ".".join(path), type)

    @staticmethod
    def _none(path: Path, type: object) -> str:
        raise KeyError(".".join(path))


def parameter_at(graph: Graph, path: Path) -> Parameter | None:
    """The `param` or `buffer` at a path, through any depth of instances."""
    member = graph.members.get(path)
    if isinstance(member, Parameter):
        return member
    for end in range(len(path) - 1, 0, -1):
        inner = graph.members.get(path[:end])
        if isinstance(inner, Call) and (found := parameter_at(inner.graph, path[end:])) is not None:
            return found
    return None
