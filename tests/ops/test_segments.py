"""Segment operators against plain loops, with empty segments, and under `torch.compile` with dynamic sizes."""

from __future__ import annotations

import math
from collections.abc import Callable
from importlib import import_module

import pytest
import torch

from archdsl.dims.facts import Facts
from archdsl.dims.shape import TensorType
from archdsl.ops.contract import Code, Context, Op
from archdsl.ops.index.segments import SegmentMax, SegmentMean, SegmentSoftmax, SegmentSum
from archdsl.targets.torch import tape as torch_tape

KINDS: tuple[type[Op], ...] = (SegmentSum, SegmentMean, SegmentMax, SegmentSoftmax)


def function(op: Op, rank: int) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """The operator's own PyTorch line as a function."""
    types = (TensorType((5, 3)[:rank]), TensorType((5,), "i64"))
    outputs = op.infer(Context(Facts()), *types)
    around = torch_tape.Surroundings(dtype=str, device=str, let=lambda code, hint: code)
    line = op.torch(torch_tape.Tape(types, outputs, around), Code("x"), Code("segments"))
    helpers = {name: getattr(import_module(f"archdsl.targets.torch.runtime.{name}"), name) for name in around.helpers}
    made: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = eval(f"lambda x, segments: {line}", {"torch": torch, **helpers})
    return made


def by_loop(name: str, x: list[float], segments: list[int], n: int) -> list[float]:
    rows = [[value for value, segment in zip(x, segments, strict=True) if segment == one] for one in range(n)]
    if name == "segment_softmax":
        return [math.exp(value) / sum(map(math.exp, rows[segment])) for value, segment in zip(x, segments, strict=True)]
    if name == "segment_max":
        return [max(row, default=0.0) for row in rows]
    return [sum(row) / (max(len(row), 1) if name == "segment_mean" else 1) for row in rows]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rank", [1, 2])
def test_segments_are_loops(kind: type[Op], rank: int) -> None:
    torch.manual_seed(0)
    x, segments = torch.randn(5, 3, dtype=torch.float64), torch.tensor([3, 0, 3, 1, 0])
    result = function(kind(n=5), rank)(x if rank == 2 else x[:, 0], segments).reshape(-1, 3 if rank == 2 else 1)
    for column in range(result.shape[1]):
        wanted = by_loop(kind.name, x[:, column].tolist(), segments.tolist(), 5)
        assert result[:, column].tolist() == pytest.approx(wanted)


@pytest.mark.parametrize("kind", KINDS)
def test_segments_compile_as_one_graph(kind: type[Op]) -> None:
    plain = function(kind(n=5), 2)
    compiled = torch.compile(plain, fullgraph=True, dynamic=True, backend="eager")
    for rows in (5, 8):
        x, segments = torch.randn(rows, 3), torch.randint(0, 5, (rows,))
        torch.testing.assert_close(compiled(x, segments), plain(x, segments))
