"""What operators say of channels-last images: PyTorch's kernels do it."""

from __future__ import annotations

import pytest
import torch

from archdsl.dims.shape import TensorType
from archdsl.ops.registry import all_ops
from tests.ops.cases import case_of, evaluate
from tests.ops.torch_side import Program, random_state

LAST = torch.channels_last
SAID = [op for op in all_ops() if op.channels_last]


def undecided(shape: tuple[int, ...]) -> bool:
    """Whether an image of that shape lies in one way only."""
    return len(shape) != 4 or shape[1] == 1 or set(shape[2:]) <= {1}


def test_convolutions_want_it() -> None:
    assert {op.name for op in SAID if op.channels_last == "wants"} >= {"Conv2d", "ConvTranspose2d", "conv2d", "conv_transpose2d"}
    assert {op.channels_last for op in SAID} == {"keeps", "wants", "makes"}


@pytest.mark.parametrize("op", SAID, ids=lambda one: one.name)
def test_the_layout_comes_out(op: type) -> None:
    for example in op.examples:  # type: ignore[attr-defined]
        case = case_of(op, example)
        numbers = next(case.environments())
        shapes = [tuple(evaluate(one, numbers).shape) for one in case.raw if isinstance(one, TensorType)]
        if all(map(undecided, shapes)):
            continue
        program = Program(case, numbers, torch.float32)
        given = program.tensors(case.arrays(numbers))
        turned = [one.contiguous(memory_format=LAST) if one.dim() == 4 else one for one in given]
        program.load(random_state(program.module))
        if program.module is not None:
            program.module.to(memory_format=LAST)  # as the pass does
        for made in program.run(turned):
            if not undecided(tuple(made.shape)):
                assert made.is_contiguous(memory_format=LAST), str(case)
