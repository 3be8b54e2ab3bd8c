"""Runtime helpers of layers that PyTorch lacks, in training, and functions that must leave their inputs alone."""

from __future__ import annotations

import pytest
import torch

from archdsl.dims.facts import NO_FACTS
from archdsl.dims.read import read_type
from archdsl.ops.contract import Context
from archdsl.ops.embed.embedding import EmbeddingFunction
from archdsl.ops.norm.batch import BatchNormFunction
from archdsl.targets.torch.runtime.DropPath import DropPath
from archdsl.targets.torch.runtime.TransposedLinear import TransposedLinear
from archdsl.targets.torch.single import single_source


def test_drop_path_drops_whole_samples_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    y = DropPath(0.25)(torch.ones(20_000, 2, 3))
    flat = y.flatten(1)
    assert bool((flat == flat[:, :1]).all())
    assert sorted(set(flat[:, 0].tolist())) == [0.0, pytest.approx(4 / 3)]
    assert float(y.mean()) == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize(("p", "value"), [(0.0, 1.0), (1.0, 0.0)])
def test_drop_path_at_its_ends(p: float, value: float) -> None:
    assert torch.equal(DropPath(p)(torch.ones(4, 3)), torch.full((4, 3), value))


def test_drop_path_is_the_identity_in_evaluation() -> None:
    x = torch.randn(4, 3)
    assert DropPath(0.9).eval()(x) is x


def test_transposed_linear_is_linear_with_its_weight_turned() -> None:
    torch.manual_seed(0)
    ours, theirs = TransposedLinear(30, 20).double(), torch.nn.Linear(30, 20).double()
    theirs.load_state_dict({"weight": ours.weight.t(), "bias": ours.bias})
    x = torch.randn(5, 30, dtype=torch.float64)
    assert torch.allclose(ours(x), theirs(x), rtol=0, atol=1e-14)
    bound = 30**-0.5
    assert bound * 0.9 < float(ours.weight.detach().abs().max()) <= bound
    assert TransposedLinear(3, 2, bias=False).bias is None


def _function(op: object, *types: str) -> torch.nn.Module:
    from archdsl.ops.contract import Op

    assert isinstance(op, Op)
    inputs = [read_type(one) if one else None for one in types]
    bound = op.bind(Context(NO_FACTS), *inputs)
    names: dict[str, object] = {"__name__": "single"}
    exec(single_source(bound, inputs, bound.infer(Context(NO_FACTS), *inputs)), names)
    made = names["Single"]
    assert isinstance(made, type)
    module = made()
    assert isinstance(module, torch.nn.Module)
    return module


def test_embedding_renorms_a_copy() -> None:
    table = torch.full((4, 3), 9.0)
    y = _function(EmbeddingFunction(max_norm=1.0), "i64[N]", "[4, 3]")(torch.tensor([1, 2]), table)
    assert torch.allclose(y.norm(dim=-1), torch.ones(2))
    assert torch.equal(table, torch.full((4, 3), 9.0))


def test_batch_norm_by_the_batch_leaves_statistics_alone() -> None:
    mean, var = torch.zeros(3), torch.ones(3)
    x = torch.randn(50, 3) * 4 + 2
    y = _function(BatchNormFunction(training=True), "[N, 3]", "[3]", "[3]")(x, mean, var)
    assert torch.allclose(y, (x - x.mean(0)) / (x.var(0, unbiased=False) + 1e-5).sqrt(), atol=1e-5)
    assert torch.equal(mean, torch.zeros(3))
    assert torch.equal(var, torch.ones(3))
