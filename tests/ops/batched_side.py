"""What an operator says of `batched` is tried out: on many inputs at once it gives what it gives on each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from archdsl.dims.shape import TensorType
from archdsl.ops.contract import Along, Batched, Op, OpFault
from tests.ops.cases import Case, case_of, evaluate
from tests.ops.torch_side import Program, random_state

STEPS = 3


def check_batched(op: type[Op]) -> None:
    """For each example, with all operands different in each step, and each alone, the new axis first or last."""
    for case in (case_of(op, example) for example in op.examples):
        for after in places(case):
            made = case.op.batched(after, case.types, case.outputs)
            if made is not None:
                check_one(case, after, made)


def check_larger_batch(op: type[Op]) -> None:
    """For each example whose operands are all batches that are treated alike: a batch of several is each of them, beside the
    others."""
    for case in (case_of(op, example) for example in op.examples):
        tensors = [index for index, one in enumerate(case.types) if one is not None]
        batches = [case.types[index] for index in tensors]
        ranked = all(isinstance(case.raw[index], TensorType) and case.types[index].rank for index in tensors)  # type: ignore[union-attr]
        if not case.op.alike or not tensors or not ranked or not all(one.rank for one in case.outputs):
            continue
        sizes = {one.shape[0] for one in (*batches, *case.outputs) if one is not None}
        reaches = [case.op.reach(index, 0, case.types, case.outputs) for index in tensors]
        if len(sizes) == 1 and all(one == Along(0) for one in reaches):
            check_beside(case)


def check_beside(case: Case) -> None:
    """Several batches at once."""
    env = next(case.environments())
    each, state = program_of(case, env)
    draws = [case.arrays(env, seed=seed) for seed in range(STEPS)]
    wanted = [each.run(each.tensors(draw)) for draw in draws]
    if case.op.empty_batch:
        for one in each.run(each.tensors([None if array is None else array[:0] for array in draws[0]])):
            assert one.numel() == 0, f"{case}: of no samples"
    arrays = [None if draw[0] is None else np.concatenate(draw) for draw in zip(*draws, strict=True)]  # type: ignore[arg-type]
    raw = tuple(
        TensorType(two.shape, one.dtype) if isinstance(one, TensorType) and two is not None else one
        for one, two in zip(case.raw, arrays, strict=True)
    )
    types = tuple(two if isinstance(two, TensorType) else one for one, two in zip(case.types, raw, strict=True))
    numbers = case.op.changed(**{name: evaluate(value, env) for name, value in case.op.items()})
    try:
        bound = numbers.bind(case.context, *types)
        outputs = tuple(bound.infer(case.context, *types))
    except OpFault:
        return  # its arguments tell how large the batch is
    if bound != numbers or any(
        one.shape[0] != STEPS * evaluate(two, env).shape[0] for one, two in zip(outputs, case.outputs, strict=True)
    ):
        return
    many, _ = program_of(replace(case, op=bound, raw=raw, types=types, outputs=outputs), env, state)
    for index, one in enumerate(many.run(many.tensors(arrays))):
        beside = torch.cat([results[index] for results in wanted])
        torch.testing.assert_close(
            one, beside, rtol=1e-9, atol=1e-11, equal_nan=True, msg=f"{case}: output {index} of a larger batch"
        )


def places(case: Case) -> Iterator[tuple[int | None, ...]]:
    """Which operands differ in each step, and how many axes stand after that of the steps."""
    tensors = [index for index, one in enumerate(case.raw) if isinstance(one, TensorType)]
    ranks = [one.rank if one is not None else 0 for one in case.types]
    chosen = [tensors, *([one] for one in tensors if len(tensors) > 1)]
    for varying in chosen:
        for last in (False, True):
            yield tuple((0 if last else rank) if index in varying else None for index, rank in enumerate(ranks))


def check_one(case: Case, after: tuple[int | None, ...], made: Batched) -> None:
    """Numbers of one promise."""
    env = next(case.environments())
    each, state = program_of(case, env)
    draws = [case.arrays(env, seed=seed) for seed in range(STEPS)]
    for draw in draws[1:]:
        for index, place in enumerate(after):
            if place is None:
                draw[index] = draws[0][index]
    wanted = [each.run(each.tensors(draw)) for draw in draws]

    arrays: list[np.ndarray | None] = []
    raw: list[Any] = []
    for index, (one, place, wants) in enumerate(zip(case.raw, after, made.inputs, strict=True)):
        if not isinstance(one, TensorType):
            arrays.append(None)
            raw.append(one)
            continue
        drawn = [draw[index] for draw in draws]
        arrays.append(laid([one for one in drawn if one is not None], wants, varies=place is not None))
        raw.append(TensorType(arrays[-1].shape, one.dtype))
    types = tuple(two if isinstance(two, TensorType) else one for one, two in zip(case.types, raw, strict=True))
    numbers = made.op.changed(**{name: evaluate(value, env) for name, value in made.op.items()})
    bound = numbers.bind(case.context, *types)
    outputs = tuple(bound.infer(case.context, *types))
    many, _ = program_of(replace(case, op=bound, raw=tuple(raw), types=types, outputs=outputs), env, state)
    found = many.run(many.tensors(arrays))
    for index, one in enumerate(found):
        told = f"{case}: {made} for {after}, output {index}"
        axis = one.ndim - 1 - made.result
        assert axis >= 0, told
        assert one.shape[axis] == STEPS, told
        for step in range(STEPS):
            torch.testing.assert_close(
                one.select(axis, step), wanted[step][index], rtol=1e-9, atol=1e-11, equal_nan=True, msg=told
            )


def program_of(case: Case, env: dict[str, int], state: Any = None) -> tuple[Program, Any]:
    """A case in PyTorch, with random parameters or these."""
    program = Program(case, env, torch.float64)
    state = random_state(program.module) if state is None else state
    program.load(state)
    return program, state


def laid(steps: list[np.ndarray], after: int | None, *, varies: bool) -> np.ndarray:
    """An operand of all steps, with so many axes after that of the steps."""
    rank = steps[0].ndim
    if not varies:
        return steps[0] if after is None or rank <= after else np.expand_dims(steps[0], rank - after)
    assert after is not None, "an operand that varies must be told where its axis stands"
    made = np.stack(steps, axis=rank - min(after, rank))
    for _ in range(after - rank):
        made = np.expand_dims(made, 1)
    return made
