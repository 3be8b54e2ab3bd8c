"""The pass `low-rank` beside NumPy's singular values."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import archdsl
from archdsl.analyses.cost import parameters
from archdsl.passes.deployment.cast import Cast
from archdsl.passes.deployment.low_rank import LowRank
from archdsl.passes.pattern import Refusal
from archdsl.passes.registry import UnknownPass, read_pass
from archdsl.targets.torch.module import build
from archdsl.verifying.values import randomise
from tests.elaborate.reading import graph
from tests.passes.deployment.passing import same, through
from tests.passes.reduced import REDUCED, reduced
from tests.passes.training.beside import evaluate_equally

LARGE = ("alexnet", "inception_v3")
LAYERS = {
    "linear": ("(x: [B, T, 12])", "fc: Linear(20)"),
    "linear without a bias": ("(x: [12])", "fc: Linear(7, bias=false)"),
    "linear, stored otherwise": ("(x: [B, 12])", "fc: Linear(20, transposed=true)"),
    "1d": ("(x: [N, 4, 9])", "fc: Conv1d(10, 3, padding=1, stride=2)"),
    "2d": ("(x: [N, 5, 9, 8])", 'fc: Conv2d(11, [3, 2], dilation=[1, 2], padding=1, padding_mode="circular", bias=false)'),
    "3d": ("(x: [N, 6, 4, 4, 4])", "fc: Conv3d(8, 1)"),
}


@pytest.mark.parametrize("case", LAYERS)
def test_exact_at_the_full_rank(case: str) -> None:
    header, text = LAYERS[case]
    before = graph(text + "\nrelu", header)
    passed = through(before, [LowRank(rank=1000)])
    assert [".".join(path) for path, _ in passed.graph.tensors()][:2] == ["fc.0.weight", "fc.1.weight"]
    same(before, passed)


@pytest.mark.parametrize("rank", [1, 3])
@pytest.mark.parametrize("case", LAYERS)
def test_the_best_of_a_rank(case: str, rank: int) -> None:
    header, text = LAYERS[case]
    before = graph(text, header)
    passed = through(before, [LowRank(rank=rank)])
    module = build(before, dtype=torch.float64)
    randomise(module, 0)
    state = passed.carry(module.state_dict())
    weight = module.state_dict()["fc.weight"]
    matrix = (weight.T if "transposed" in text else weight.flatten(1)).numpy()
    made = (state["fc.1.weight"].flatten(1) @ state["fc.0.weight"].flatten(1)).numpy()
    values = np.linalg.svd(matrix, compute_uv=False)
    assert np.linalg.matrix_rank(made) == rank
    np.testing.assert_allclose(np.linalg.norm(matrix - made), np.sqrt((values[rank:] ** 2).sum()), rtol=1e-9)
    build(passed.graph, dtype=torch.float64).load_state_dict(state, strict=True)


REFUSED = {
    "too small": ("fc: Linear(2)", "would be larger"),
    "a tied weight": ("shared a = Linear(64)\nx -> a\nfc: Linear(64, weight=a.weight)", "tied"),
    "called twice": ("shared fc = Linear(64)\nit -> fc -> fc", "more than once"),
    "in a scan": ("scan v in x over axis 0 { carry h = zeros(64)\n h = h + (v -> fc: Linear(64))\n yield h }", "in a body"),
    "never called": ("shared fc = Linear(64, in_features=64)\nrelu", "no step calls it"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_it_refuses_with_a_reason(case: str) -> None:
    text, reason = REFUSED[case]
    refusals: list[Refusal] = []
    before = graph(text, "(x: [N, 64])")
    assert LowRank(ratio=1.0 if case == "too small" else 0.25, labels="fc").run(before, refusals=refusals) is before
    assert any(reason in one.reason for one in refusals), refusals


def test_after_cast_it_is_too_late() -> None:
    refusals: list[Refusal] = []
    half = Cast().run(graph("fc: Linear(64)", "(x: [N, 64])"))
    assert LowRank().run(half, refusals=refusals) is half
    assert [one.reason for one in refusals] == ["it is in bf16: factorise before `cast`"]


def test_energy_tells_the_rank_of_given_weights() -> None:
    text = "h: repeat 2 { skip { a: Linear(40); relu; b: Linear(24, transposed=true) } }\nc: Linear(3)"
    before = graph(text, "(x: [N, 24])")
    module = build(before, dtype=torch.float64)
    state = module.state_dict()
    for key in ("h.0.a.weight", "h.1.b.weight"):  # of rank 4 and a little
        one = torch.randn(state[key].shape[0], 4, dtype=torch.float64) @ torch.randn(4, state[key].shape[1], dtype=torch.float64)
        state[key] = one + 1e-3 * torch.randn(one.shape, dtype=torch.float64)
    refusals: list[Refusal] = []
    passed = LowRank(energy=0.999).apply(before, weights=state, refusals=refusals)
    shapes = {".".join(path): tensor.type.shape for path, tensor in passed.graph.tensors()}
    for key, weight in state.items():
        values = np.linalg.svd(weight.numpy(), compute_uv=False) ** 2 if weight.ndim == 2 else np.ones(0)
        wanted = next((r for r in range(1, len(values) + 1) if values[:r].sum() >= 0.999 * values.sum()), 0)
        if wanted * sum(weight.shape) < weight.numel() and weight.ndim == 2:
            assert shapes[key.replace(".weight", ".0.weight")][0] == wanted
        else:
            assert key in shapes or weight.ndim == 1
    assert shapes["h.0.a.0.weight"] == (4, 24)
    build(passed.graph, dtype=torch.float64).load_state_dict(passed.carry(state), strict=True)
    assert any("would be larger" in one.reason for one in refusals)
    assert LowRank(energy=0.9).run(before, refusals=refusals) is before
    assert "needs the weights" in refusals[-1].reason


def test_labels_choose_instances() -> None:
    text = (
        "block B()(x: [N, 32]) -> [N, 32] { up: Linear(64); relu; down: Linear(32) }\n"
        "arch Net(x: [N, 32]) { h: repeat 3 { B }; out: Linear(32) }"
    )
    before = graph(text)
    passed = through(before, [LowRank(ratio=0.2, labels="h.1 h.2.up")])
    assert {one.used[0] for one in passed.derived} == {"h.1.up.weight", "h.1.down.weight", "h.2.up.weight"}
    shapes = {".".join(path): tensor.type.shape for path, tensor in passed.graph.tensors()}
    assert shapes["h.1.up.0.weight"] == (6, 32)
    assert shapes["h.0.up.weight"] == (64, 32)
    same(before, LowRank(rank=99, labels="h.1 h.2.up").apply(before))
    with pytest.raises(archdsl.ArchError, match="nothing-selected"):
        LowRank(labels="g").apply(before)


@pytest.mark.parametrize("name", REDUCED)
def test_the_zoo(name: str) -> None:
    before = reduced(name)
    passed = through(before, [LowRank()])
    if name not in LARGE and parameters(before) < 300_000:
        build(passed.graph).load_state_dict(passed.carry(build(before).state_dict()), strict=True)
        evaluate_equally(before, LowRank(rank=10**6).apply(before))


def test_options_are_checked() -> None:
    with pytest.raises(UnknownPass, match="above 0"):
        read_pass("low-rank{ratio=0.0}")
    with pytest.raises(UnknownPass, match="at least 1"):
        read_pass("low-rank{rank=-1}")
