"""What an operator says of `reach` is tried out: one position is disturbed, and only the promised ones may change."""

from __future__ import annotations

import numpy as np
import torch

from archdsl.dims.shape import TensorType
from archdsl.ops.contract import Along, Op, Reach
from tests.ops.cases import Case, case_of, evaluate
from tests.ops.torch_side import Program, random_state


def check_reach(op: type[Op]) -> None:
    """For each example, each axis of each input."""
    for case in (case_of(op, example) for example in op.examples):
        env = next(case.environments())
        program = Program(case, env, torch.float64)
        program.load(random_state(program.module))
        arrays = case.arrays(env)
        other = case.arrays(env, seed=7)
        base = _run(program, arrays)
        for operand, one in enumerate(case.raw):
            if isinstance(one, TensorType):
                for axis in range(len(one.shape)):
                    _check_axis(case, program, arrays, other, base, operand, axis, env)


def _run(program: Program, arrays: list[np.ndarray | None]) -> list[np.ndarray]:
    with torch.no_grad():
        return [one.numpy() for one in program.run(program.tensors(arrays))]


def _check_axis(
    case: Case, program: Program, arrays: list[np.ndarray | None], other: list[np.ndarray | None], base: list[np.ndarray],
    operand: int, axis: int, env: dict[str, int],
) -> None:  # fmt: skip
    for output, reach in enumerate(case.op.reach_each(operand, axis, case.types, case.outputs)):
        _check_output(case, program, arrays, other, base, operand, axis, env, output, reach)


def _check_output(
    case: Case, program: Program, arrays: list[np.ndarray | None], other: list[np.ndarray | None], base: list[np.ndarray],
    operand: int, axis: int, env: dict[str, int], index: int, reach: Reach,
) -> None:  # fmt: skip
    what = f"{reach} for axis {axis} of input {operand}"
    mine = arrays[operand]
    assert mine is not None
    size = mine.shape[axis]
    if not isinstance(reach, Along):
        if reach.symmetric and size > 1:
            order = np.random.default_rng(3).permutation(size)
            moved = _run(program, [*arrays[:operand], mine.take(order, axis), *arrays[operand + 1 :]])
            assert _same(base[index], moved[index]).all(), f"{case}: {what}, but its order matters in output {index}"
        return
    fresh = other[operand]
    assert fresh is not None
    for position in sorted({0, size // 2, size - 1} if size else ()):
        changed = mine.copy()
        place = [slice(None)] * mine.ndim
        place[axis] = position
        changed[tuple(place)] = fresh[tuple(place)]
        results = _run(program, [*arrays[:operand], changed, *arrays[operand + 1 :]])
        before, after = base[index], results[index]
        assert 0 <= reach.axis < before.ndim, f"{case}: {reach} names no axis of output {index}"
        rows = np.moveaxis(~_same(before, after), reach.axis, 0)
        rows = rows.reshape(rows.shape[0], int(np.prod(rows.shape[1:])))
        touched = np.flatnonzero(rows.any(axis=1))
        low, high = (None if one is None else evaluate(one, env) for one in (reach.low, reach.high))
        for out in touched:
            seen = (low is None or position >= out + low) and (high is None or position <= out + high)
            assert seen, f"{case}: {what}, but position {position} changes position {out} of output {index}"


def _same(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    if before.dtype.kind != "f":
        return np.asarray(before == after)
    return np.isclose(before, after, rtol=1e-9, atol=1e-11, equal_nan=True)
