"""A layer whose weight is a product of two thinner ones: which layers can be, the block of two, and their tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from archdsl.dims.facts import Facts
from archdsl.dims.shape import TensorType
from archdsl.ir.build import Builder
from archdsl.ir.graph import Graph, Layer
from archdsl.ops.contract import Op
from archdsl.ops.conv.conv import Convolution
from archdsl.ops.dense.linear import Linear


def sides(op: Op) -> tuple[int, int] | None:
    """Rows and columns of the weight as a matrix, `[out, in]` or `[out, in * kernel]`; None where it is none."""
    if isinstance(op, Linear):
        rows, columns = op.out_features, op.in_features
    elif isinstance(op, Convolution) and op.groups == 1 and isinstance(op.in_channels, int):
        rows, columns = op.out_channels, op.in_channels * prod(op.kernel)
    else:
        return None
    return (rows, columns) if isinstance(rows, int) and isinstance(columns, int) else None


def is_factored(graph: Graph) -> bool:
    """Whether a block is two layers of this kind, the first without a bias."""
    layers = [one.op for one in graph.members.values() if isinstance(one, Layer)]
    if len(layers) != 2 or len(graph.nodes) != 2 or any(sides(one) is None for one in layers):
        return False
    return "bias" not in layers[0].parameters()


def in_two(op: Op, rank: int, x: TensorType, facts: Facts) -> Graph:
    """The block of two layers, `0` and `1`, for an input of that type."""
    block = Builder("LowRank", facts=facts)
    value = block.input("x", x)
    if isinstance(op, Linear):
        first, second = (
            op.changed(out_features=rank, bias=False, transposed=False),
            op.changed(in_features=rank, transposed=False),
        )
        return block.finish(block.layer("1", second, block.layer("0", first, value)))
    if not isinstance(op, Convolution):
        raise TypeError(f"{op.name} has no factors")
    thin = op.changed(out_channels=rank, bias=False)
    wide = op.changed(in_channels=rank, kernel_size=1, stride=1, padding=0, dilation=1, padding_mode="zeros")
    return block.finish(block.layer("1", wide, block.layer("0", thin, value)))


def energetic(op: Op, weight: Any, energy: float) -> int:
    """The least rank that keeps this share of the squares of the singular values."""
    import numpy as np

    squares = np.linalg.svd(_matrix(op, weight), compute_uv=False) ** 2
    kept = np.cumsum(squares) / max(float(squares.sum()), 1e-300)
    return min(int((kept < energy * (1 - 1e-12)).sum()) + 1, len(squares))


def _matrix(op: Op, weight: Any) -> Any:
    """The weight as `[out, in]` in NumPy."""
    turned = weight.t() if isinstance(op, Linear) and op.transposed else weight.flatten(1)
    return turned.detach().double().cpu().numpy()


def factors(op: Op, rank: int) -> Callable[..., Sequence[Any]]:
    """The tensors of the two layers from those of the one: the largest singular values, shared by both sides."""

    def how(weight: Any, *bias: Any) -> Sequence[Any]:
        import numpy as np

        left, values, right = np.linalg.svd(_matrix(op, weight), full_matrices=False)
        root = np.sqrt(values[:rank])
        spatial = () if isinstance(op, Linear) else tuple(weight.shape[1:])
        thin = weight.new_tensor(root[:, None] * right[:rank]).reshape(rank, *(spatial or (-1,)))
        wide = weight.new_tensor(left[:, :rank] * root).reshape(-1, rank, *(1 for _ in spatial[1:]))
        return [thin, wide, *bias]

    return how
