"""Tensors computed at construction: the value of an initializer that is a constant expression."""

from __future__ import annotations

from archdsl.dims.shape import TensorType
from archdsl.ir.graph import Graph
from archdsl.ir.value import Number, Value
from archdsl.ops.contract import Code
from archdsl.targets.torch.statements import substitute, without_parentheses
from archdsl.targets.torch.tape import DTYPES, Tape


def constant_code(graph: Graph, type: TensorType, tape: Tape) -> str:
    """One expression for the graph's result, broadcast and converted to the declared type, on the default device."""
    code: dict[str, str] = {}
    for node in graph.nodes:
        if node.op is None:
            raise ValueError(f"the constant {graph.name} calls more than functions")
        operands: list[Code | None] = []
        inner: dict[str, str] = {}
        for index, one in enumerate(node.operands):
            if isinstance(one, Value):
                inner[f"operand_{index}_"] = code[one.name]
                operands.append(Code(f"operand_{index}_"))
            else:
                operands.append(tape.value(one.number) if isinstance(one, Number) else None)
        line = Tape(
            tuple(one.type for one in node.operands if one is not None), tuple(one.type for one in node.results), tape.around
        )
        text = str(node.op.torch(line, *operands)).replace(", device=None", "")
        for name, value in inner.items():
            while name in text:
                at = text.index(name)
                marked = text[:at] + "the_operand" + text[at + len(name) :]
                text = substitute(marked, "the_operand", value)
        if len(node.results) == 1:
            code[node.results[0].name] = text
        else:
            code.update((one.name, f"{text}[{index}]") for index, one in enumerate(node.results))
    made = graph.outputs[0].value
    text = without_parentheses(code[made.name])
    if made.type.dtype != type.dtype:
        text = f"({text}).to({DTYPES.get(type.dtype, 'torch.get_default_dtype()')})"
    if made.type.shape != type.shape:
        text = f"({text}).expand({tape.plain(tuple(type.shape))})"
    if ".expand(" in text:  # a tensor that is written to must own all its elements
        text = f"{text}.clone()"
    return without_parentheses(text)
