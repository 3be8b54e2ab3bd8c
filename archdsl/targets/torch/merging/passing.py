"""Which operators may be given None at run time for an optional tensor: those whose PyTorch call leaves its keyword out."""

from __future__ import annotations

import re
from collections.abc import Sequence

from archdsl.dims.shape import TensorType
from archdsl.ops.contract import Code, Op
from archdsl.targets.torch.tape import Surroundings, Tape


def passes(op: Op, inputs: Sequence[TensorType | None], outputs: Sequence[TensorType], absent: int) -> bool:
    """Whether the call with that input and the one without it differ only in a keyword that is the input: PyTorch's keywords for
    optional tensors are None where they are left out."""
    with_it = _line(op, inputs, outputs)
    without = _line(op, [None if at == absent else one for at, one in enumerate(inputs)], outputs)
    return re.sub(rf", \w+=operand_{absent}_(?=[,)])", "", with_it) == without


def _line(op: Op, inputs: Sequence[TensorType | None], outputs: Sequence[TensorType]) -> str:
    lines: list[str] = []

    def let(code: str, hint: str) -> str:
        lines.append(code)
        return f"{hint}_{len(lines)}"

    tape = Tape(tuple(one for one in inputs if one is not None), tuple(outputs), Surroundings(let=let))
    operands = [None if one is None else Code(f"operand_{at}_") for at, one in enumerate(inputs)]
    head = [Code("self.layer")] if op.layer else []
    return "\n".join([*lines, str(op.torch(tape, *head, *operands))])
