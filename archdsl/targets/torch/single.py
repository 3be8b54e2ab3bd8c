"""One operator as a small module of its own: what the operator battery runs, and `archdsl ops` shows."""

from __future__ import annotations

import re
from collections.abc import Sequence

from archdsl.dims.shape import TensorType
from archdsl.ops.contract import Code, Op
from archdsl.targets.torch.imports import with_imports
from archdsl.targets.torch.runtime_source import helper_source
from archdsl.targets.torch.sizes import python_size, shape_names
from archdsl.targets.torch.tape import Surroundings, Tape


def single_source(op: Op, inputs: Sequence[TensorType | None], outputs: Sequence[TensorType], name: str = "Single") -> str:
    """A file with one class, whose `forward` takes the inputs that are given, in order; a layer is its member `layer`.

    `op` is bound. The class needs no arguments. Symbolic sizes are read from the shapes of the inputs.
    """
    labels = _labels(op, len(inputs))
    given = {label: type for label, type in zip(labels, inputs, strict=True) if type is not None}
    symbols = shape_names(given)
    floats = [label for label, type in given.items() if type.dtype == "float"]
    lines: list[str] = []

    def let(code: str, hint: str) -> str:
        local = hint
        while local in given or any(line.startswith(f"{local} = ") for line in lines):
            local += "_"
        lines.append(f"{local} = {code}")
        return local

    dtype = f"{floats[0]}.dtype" if floats else "torch.get_default_dtype()"
    if not floats and op.layer and (weight := next((leaf for leaf, one in op.parameters().items() if one.dtype == "float"), "")):
        dtype = f"self.layer.{weight}.dtype"
    device = f"{next(iter(given))}.device" if given else 'torch.device("cpu")'
    around = Surroundings(symbol=lambda one: python_size_of(one, symbols), dtype=lambda: dtype, device=lambda: device, let=let)
    tape = Tape(tuple(one for one in inputs if one is not None), tuple(outputs), around)
    operands: list[Code | None] = [Code(label) if label in given else None for label in labels]
    head = [Code("self.layer")] if op.layer else []
    call = op.torch(tape, *head, *operands)
    maker = op.module(Tape(tape.inputs, tape.outputs, around)) if op.layer else ""
    result = "Tensor" if len(outputs) == 1 else f"tuple[{', '.join(['Tensor'] * len(outputs))}]"
    parts = [f"class {name}(nn.Module):"]
    if maker:
        parts += ["    def __init__(self) -> None:", "        super().__init__()", f"        self.layer = {maker}", ""]
    parts.append(f"    def forward({', '.join(['self', *(f'{label}: Tensor' for label in given)])}) -> {result}:")
    parts += [f"        {line}" for line in lines]
    parts.append(f"        return {call}")
    return with_imports([*map(helper_source, around.helpers), "\n".join(parts)])


def python_size_of(symbol: str, names: dict[str, str]) -> str:
    """The expression for a symbol, in parentheses where it needs them."""
    from archdsl.dims.dim import symbol as make

    return python_size(make(symbol), names)


def _labels(op: Op, count: int) -> list[str]:
    labels: list[str] = []
    for one in op.tensors:
        if one.startswith("*"):
            stem = one[1:].rstrip("?").removesuffix("s") or "x"
            labels += [f"{stem}{index}" for index in range(count - len(op.tensors) + 1)]
        else:
            labels.append(re.sub(r"\W", "", one))
    labels += [f"x{index}" for index in range(len(labels), count)]
    return [
        f"{label}_" if label in ("self", "torch", "nn", "F", "math", "lambda", "input") else label for label in labels[:count]
    ]
