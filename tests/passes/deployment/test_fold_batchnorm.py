"""The pass `fold-batchnorm`: the same function with fewer layers, and reasons where it cannot be."""

from __future__ import annotations

import pytest
import torch

from archdsl.passes.deployment.fold_batchnorm import FoldBatchNorm
from archdsl.passes.pattern import Refusal
from tests.elaborate.reading import graph
from tests.passes.deployment.passing import same, through, words

FOLDED = {
    "1d": ("(x: [N, 4, L])", "Conv1d(6, 3, padding=1, groups=2)\nBatchNorm1d"),
    "2d without a bias": ("(x: [N, 3, 8, 8])", "Conv2d(4, 3, stride=2, bias=false)\nBatchNorm2d(eps=1e-2)\nrelu"),
    "3d": ("(x: [N, 2, 4, 4, 4])", "Conv3d(4, 2)\nBatchNorm3d(affine=false)"),
    "a norm that does not shift": ("(x: [N, 3, 6, 6])", "Conv2d(4, 1)\nBatchNorm2d(bias=false)"),
    "depthwise": ("(x: [N, 6, 6, 6])", "Conv2d(12, 3, groups=6, bias=false)\nBatchNorm2d"),
    "transposed": ("(x: [N, 4, 5, 5])", "ConvTranspose2d(6, 3, stride=2, padding=1, output_padding=1)\nBatchNorm2d"),
    "transposed in groups": ("(x: [N, 4, L])", "ConvTranspose1d(6, 2, groups=2, bias=false)\nBatchNorm1d"),
    "linear": ("(x: [N, 5])", "Linear(7)\nBatchNorm1d"),
    "linear, stored otherwise": ("(x: [N, 5])", "Linear(7, transposed=true, bias=false)\nBatchNorm1d"),
    "before a convolution": ("(x: [N, 4, 7, 7])", "BatchNorm2d\nConv2d(6, 3, groups=2)"),
    "before one that wraps": ("(x: [N, 4, 7])", 'BatchNorm1d\nConv1d(6, 3, padding=1, padding_mode="circular", bias=false)'),
    "before linear": ("(x: [N, 5])", "BatchNorm1d\nLinear(3)"),
    "before linear, stored otherwise": ("(x: [N, 5])", "BatchNorm1d\nLinear(3, transposed=true, bias=false)"),
    "before and behind": ("(x: [N, 5])", "BatchNorm1d\nLinear(3)\nBatchNorm1d\nBatchNorm1d"),
    "in a block, twice": (
        "(x: [N, 4, 6, 6])",
        "shared f = { Conv2d(4, 3, padding=1)\nBatchNorm2d }\n(x -> f) + (relu(x) -> f)",
    ),
    "in copies of a block": ("(x: [N, 4, 6, 6])", "repeat 3 { skip { Conv2d(4, 3, padding=1)\nBatchNorm2d\nrelu } }"),
}


@pytest.mark.parametrize("case", FOLDED)
def test_the_function_stays(case: str) -> None:
    header, text = FOLDED[case]
    before = graph(text, header)
    refusals: list[Refusal] = []
    passed = through(before, [FoldBatchNorm()], refusals)
    assert not refusals
    assert not [word for word in words(passed.graph) if word.startswith("BatchNorm")]
    assert not [path for path, _ in passed.graph.tensors() if path[-1].startswith("running")]
    same(before, passed)


LEFT = {
    "of the batch": ("(x: [N, 4, L])", "Conv1d(6, 3)\nBatchNorm1d(track_running_stats=false)", "statistics of the batch"),
    "used elsewhere": ("(x: [N, 4, L])", "y = x -> c: Conv1d(6, 3)\nz = y -> n: BatchNorm1d\nz + y", "used elsewhere"),
    "padding": ("(x: [N, 4, L])", "BatchNorm1d\nConv1d(6, 3, padding=1)", "zeros of the padding"),
    "transposed": ("(x: [N, 4, L])", "BatchNorm1d\nConvTranspose1d(6, 3)", "another number of shifts"),
    "other axis": ("(x: [N, 4, 5])", "Linear(6)\nBatchNorm1d", "axis 1"),
    "a function between": ("(x: [N, 4, L])", "Conv1d(6, 3)\nrelu\nBatchNorm1d\nrelu", "by itself"),
    "a shared convolution": ("(x: [N, 4])", "shared f = Linear(4)\nx -> f\nBatchNorm1d\n(it -> f) + x", "more than once"),
    "a tied weight": ("(x: [N, 4])", "shared a = Linear(4)\nx -> a\nb: Linear(4, weight=a.weight)\nBatchNorm1d", "tied"),
    "a weight that is read": ("(x: [N, 4])", "shared a = Linear(4)\nz = x -> a -> n: BatchNorm1d\nz + a.bias", "read by itself"),
    "a tie from above": (
        "(x: [N, 4])", "shared f = { inner: Linear(4)\nBatchNorm1d }\n(x -> f)\nb: Linear(4, weight=f.inner.weight)", "tied",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", LEFT)
def test_it_refuses_with_a_reason(case: str) -> None:
    header, text, reason = LEFT[case]
    before = graph(text, header)
    refusals: list[Refusal] = []
    assert FoldBatchNorm().run(before, refusals=refusals) is before
    assert any(reason in one.reason for one in refusals), [one.reason for one in refusals]


def test_a_missing_tensor_is_told() -> None:
    passed = FoldBatchNorm().apply(graph("Linear(4)\nBatchNorm1d", "(x: [N, 4])"))
    with pytest.raises(KeyError, match="0.weight"):
        passed.carry({"0.bias": torch.zeros(4)})


def test_the_weights_keep_their_type() -> None:
    before = graph("Linear(4, bias=false)\nBatchNorm1d", "(x: [N, 4])")
    state = {"0.weight": torch.ones(4, 4, dtype=torch.bfloat16)}
    state |= {f"1.{leaf}": torch.ones(4) for leaf in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")}
    made = FoldBatchNorm().apply(before).carry(state)
    assert {key: one.dtype for key, one in made.items()} == {"0.weight": torch.bfloat16, "0.bias": torch.bfloat16}
