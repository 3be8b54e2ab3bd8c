"""The tape operators write their ONNX nodes to: it collects the nodes of one graph or function body."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir

from archdsl.dims.dim import Dim, Size
from archdsl.dims.shape import TensorType
from archdsl.targets.onnx.names import Names
from archdsl.targets.onnx.sizes import Sizes, UnknownSize
from archdsl.targets.onnx.tensors import onnx_dtype, tensor
from archdsl.targets.onnx.unused import used_nodes

OPSET = 22
IR_VERSION = 10

_KINDS: dict[onnx.defs.OpSchema.AttrType, tuple[ir.AttributeType, Callable[[Any], Any]]] = {
    onnx.defs.OpSchema.AttrType.FLOAT: (ir.AttributeType.FLOAT, float),
    onnx.defs.OpSchema.AttrType.INT: (ir.AttributeType.INT, int),
    onnx.defs.OpSchema.AttrType.STRING: (ir.AttributeType.STRING, str),
    onnx.defs.OpSchema.AttrType.FLOATS: (ir.AttributeType.FLOATS, lambda values: [float(one) for one in values]),
    onnx.defs.OpSchema.AttrType.INTS: (ir.AttributeType.INTS, lambda values: [int(one) for one in values]),
    onnx.defs.OpSchema.AttrType.STRINGS: (ir.AttributeType.STRINGS, lambda values: [str(one) for one in values]),
    onnx.defs.OpSchema.AttrType.TENSOR: (ir.AttributeType.TENSOR, lambda value: value),
    onnx.defs.OpSchema.AttrType.GRAPH: (ir.AttributeType.GRAPH, lambda value: value),
}
"""What an attribute is converted to: the schema decides, since `alpha=1` would else be an INT that ONNX refuses."""


class GraphTape:
    """Collects the nodes of one ONNX graph or function body; keeps to `archdsl.ops.contract.OnnxTape`.

    Values are names. `known` are the inputs of the graph with their types: sizes are read from their shapes, so every symbol that
    an operator may ask for must stand in one of them (or be told with `give_size`). `at` says which step comes next. For the body
    of a Scan, Loop or If give the tape around as `outer`: its values are in scope, sizes are computed there, names are shared.

        tape = GraphTape({"x": read_type("[N, 8]")})
        result = op.onnx(tape.at(["x"], op_inputs, op_outputs, path="fc"), "x")
        graph = tape.graph("main", [tape.output(result, "y", op_outputs[0])])
    """

    def __init__(
        self, known: Mapping[str, TensorType], *, float: str = "f32", names: Names | None = None, outer: GraphTape | None = None,
    ) -> None:  # fmt: skip
        self.float = float
        self.outer = outer
        self.names: Names = names or (outer.names if outer else Names())
        self.graph_inputs: list[ir.Value] = []
        self.written: list[ir.Node] = []
        self.inputs: tuple[TensorType, ...] = ()
        self.outputs: tuple[TensorType, ...] = ()
        self._values: dict[str, ir.Value] = {}
        self._constants: dict[tuple[ir.DataType, tuple[int, ...], bytes], str] = {}
        self._shapes: dict[tuple[Size, ...], str] = {}
        self._scalars: dict[Size, str] = {}
        self._sizes = Sizes(self)
        self._path = ""
        self._metadata: dict[str, str] = {}
        self._operands: Sequence[str | None] = ()
        self._param: Callable[[str], str] | None = None
        self._results: set[str] = set()
        for name, type in known.items():
            self.add_input(name, type)

    # For the one who writes the graph.

    def add_input(self, name: str, type: TensorType, shown: str = "") -> ir.Value:
        """One more input of the graph; operators name it by `name`. `shown` is its name in the model, if it is claimed."""
        value = ir.Value(name=shown or self.names.fresh(name))
        self._declare(value, type)
        self.graph_inputs.append(value)
        self._values[name] = value
        self._sizes.know(name, type)
        return value

    def add_value(self, value: ir.Value, name: str | None = None) -> str:
        """A value made elsewhere, such as an initializer, becomes usable; returns the name operators know it by."""
        known = name or str(value.name)
        self._values[known] = value
        return known

    def give_size(self, size: Size, value: str) -> None:
        """`value`, an int64 of shape [1] in this graph, is that size."""
        self._sizes.given(size, value)

    def at(
        self, operands: Sequence[str | None], inputs: Sequence[TensorType], outputs: Sequence[TensorType], *, path: str = "",
        param: Callable[[str], str] | None = None, metadata: Mapping[str, str] | None = None,
    ) -> GraphTape:  # fmt: skip
        """The nodes that follow belong to this step: its operands and types, its label path, its parameters (leaf to name)."""
        self._operands = operands
        self.inputs = tuple(inputs)
        self.outputs = tuple(outputs)
        self._path = path
        self._param = param
        self._metadata = dict(metadata or {})
        return self

    def value_of(self, name: str) -> ir.Value:
        """The value of that name, also of the graphs around. KeyError where there is none."""
        found = self._values.get(name)
        if found is None and self.outer is not None:
            return self.outer.value_of(name)
        return self._values[name] if found is None else found

    def output(self, name: str, wanted: str, type: TensorType) -> ir.Value:
        """The value as an output called `wanted`, through an Identity where it is an input, a constant or an output already."""
        made = self._values.get(name)
        producer = made.producer() if made else None
        if producer is None or producer.op_type == "Constant" or name in self._results:
            name = self.node("Identity", [name])
        self._results.add(name)
        value = self._values[name]
        value.name = self.names.fresh(wanted)
        self._declare(value, type)
        return value

    def _declare(self, value: ir.Value, type: TensorType) -> None:
        value.shape = self.ir_shape(type)
        value.type = ir.TensorType(onnx_dtype(type.dtype, self.float))

    def graph(self, name: str, outputs: Sequence[ir.Value], initializers: Sequence[ir.Value] = ()) -> ir.Graph:
        """The graph of all that was written, inputs in the order they were added."""
        nodes = used_nodes(self.written, outputs)
        return ir.Graph(
            self.graph_inputs, outputs, nodes=nodes, initializers=initializers, opset_imports={"": OPSET}, name=name,
        )  # fmt: skip

    @staticmethod
    def ir_shape(type: TensorType) -> ir.Shape:
        """The shape as ONNX shows it: numbers, and sizes by their text (`H // 2`)."""
        return ir.Shape([one if isinstance(one, int) else str(one) for one in type.shape])

    # For operators.

    def node(self, op_type: str, inputs: list[str], /, **attributes: Any) -> str:
        return self.nodes(op_type, inputs, 1, **attributes)[0]

    def nodes(self, op_type: str, inputs: list[str], outputs: int, /, **attributes: Any) -> list[str]:
        domain = attributes.pop("domain", "")
        made = ir.Node(
            domain, op_type, [self.value_of(one) if one else None for one in inputs],
            [self._attribute(domain, op_type, name, value) for name, value in attributes.items() if value is not None],
            num_outputs=outputs, name=self.names.step(self._path, op_type), metadata_props=dict(self._metadata),
        )  # fmt: skip
        self.written.append(made)
        results = []
        for value in made.outputs:
            name = self.names.fresh(f"{made.name}_out")
            value.name = name
            self._values[name] = value
            results.append(name)
        return results

    def _attribute(self, domain: str, op_type: str, name: str, value: Any) -> ir.Attr:
        if name in ("to", "dtype") and isinstance(value, str):
            value = int(onnx_dtype(value, self.float))
        if domain:
            return ir.convenience.convert_attribute(name, value)
        kind, convert = _KINDS[onnx.defs.get_schema(op_type, OPSET, domain).attributes[name].type]
        return ir.Attr(name, kind, convert(value))

    def scalar(self, value: Any, dtype: str) -> str:
        if isinstance(value, Dim):
            size = self.size(value)
            return size if dtype == "i64" else self.node("Cast", [size], to=dtype)
        return self.constant(value, dtype)

    def constant(self, values: Any, dtype: str) -> str:
        made = tensor(values, onnx_dtype(dtype, self.float))
        array: np.ndarray[Any, Any] = made.numpy()
        key = (made.dtype, tuple(array.shape), array.tobytes())
        found = self._constants.get(key)
        if found is None:
            found = self._constants[key] = self.node("Constant", [], value=made)
        return found

    def ints(self, values: list[int]) -> str:
        return self.constant(np.asarray(values, dtype=np.int64), "i64")

    def size(self, size: Size) -> str:
        if isinstance(size, int):
            return self.constant(size, "i64")
        found = self._scalars.get(size)
        if found is None:
            found = self._scalars[size] = self.node("Squeeze", [self._one(size), self.ints([0])])
        return found

    def shape(self, sizes: tuple[Size, ...] | list[Size]) -> str:
        key = tuple(sizes)
        parts: list[str] = []
        numbers: list[int] = []
        if all(isinstance(one, int) for one in key):
            return self.ints([one for one in key if isinstance(one, int)])
        if key in self._shapes:
            return self._shapes[key]
        for one in key:
            if isinstance(one, int):
                numbers.append(one)
                continue
            if numbers:
                parts.append(self.ints(numbers))
                numbers = []
            parts.append(self._one(one))
        if numbers:
            parts.append(self.ints(numbers))
        made = parts[0] if len(parts) == 1 else self.node("Concat", parts, axis=0)
        self._shapes[key] = made
        return made

    def _one(self, size: Size) -> str:
        if self.outer is not None:
            try:
                return self.outer._one(size)
            except UnknownSize:
                return self._sizes.one(size)
        try:
            return self._sizes.one(size)
        except UnknownSize:
            # A symbol that no input of the graph shows may still stand in an operand.
            for name, type in zip(self._operands, self.inputs, strict=False):
                if name is not None and type is not None:
                    self._sizes.know(name, type)
            return self._sizes.one(size)

    def param(self, leaf: str) -> str:
        if self._param is None:
            raise KeyError(leaf)
        return self._param(leaf)
