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
    "the norm in the block around": (
        "(x: [N, 4, 6, 6])",
        "a: { b: { Conv2d(6, 3, bias=false) } }\nBatchNorm2d\nrelu",
    ),
    "by the function": (
        "(x: [N, 4, 6])",
        "buffer m: [6] = zeros\nbuffer v: [6] = ones\nparam g: [6] = ones\nparam s: [6] = zeros\n"
        "Conv1d(6, 3)\nbatch_norm(it, m, v, g, s)\nrelu",
    ),
    "by the function, without a gain": (
        "(x: [N, 4])",
        "buffer m: [6] = zeros\nbuffer v: [6] = ones\nLinear(6, bias=false)\nbatch_norm(it, m, v, eps=1e-2)",
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


BLOCKS = """block Conv(to: int)(x: [N, C, H, W]) -> [N, to, _, _] { conv: Conv2d(to, 3, padding=1, bias=false) }
block Norm(x: [N, C, H, W]) -> [N, C, H, W] { bn: BatchNorm2d }
block Norms(x: [N, C, H, W]) -> [N, C, H, W] { inner: Norm }
block Active(x: [N, C, H, W]) -> [N, C, H, W] { norm: Norm; relu }
block First(x: [N, C, H, W]) -> [N, C, H, W] { relu; bn: BatchNorm2d }
block Twice(x: [N, C, H, W]) -> [N, C, H, W] { a: Conv(C); b: Norms; relu; c: Conv(C); d: Active }
block Both(x: [N, C, H, W]) -> [N, C, H, W] { n: Norm; relu; c: Conv2d(C, 1) }
arch Net(x: [N, 4, 6, 6]) -> y: [N, _, _, _] { BODY; head y }
"""


@pytest.mark.parametrize(
    "body",
    [
        "a: Conv(6); b: BatchNorm2d", "a: Conv2d(6, 1); b: Norm", "a: Conv(6); b: Norms; relu", "a: Conv(6); b: Active",
        "a: Twice; b: Twice", "repeat 3 { Twice }", "a: Conv(4); relu; b: Conv(4); c: Norm; d: Active; e: Conv(4); f: Active",
        "a: First; b: Conv2d(5, 1)", "c: Conv(4); a: Both; b: Norm", "skip { a: Conv(4); b: Norm }; c: Conv(4); d: Active",
    ],
)  # fmt: skip
def test_across_blocks(body: str) -> None:
    before = graph(BLOCKS.replace("BODY", body))
    refusals: list[Refusal] = []
    passed = through(before, [FoldBatchNorm()], refusals)
    assert not refusals
    assert not [word for word in words(passed.graph) if word.startswith("BatchNorm")]
    same(before, passed)
    again = {id(one) for one in passed.graph.graphs() if one.name == "Twice"}
    assert len(again) == len({id(one) for one in before.graphs() if one.name == "Twice"}), "copies of a block are one no more"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("shared f = Conv(4)\nx -> f -> a: BatchNorm2d\n(it -> f) + x", "by itself"),
        ("shared f = Norm\nx -> a: Conv(4) -> f\n(it -> f) + x", "called more than once"),
        ("a: Conv(4)\ny = it -> n: Norm\ny + it", "used elsewhere"),
        ("a: Norm\nb: Conv(4)", "zeros of the padding"),
        ("shared f = Conv(4)\nx -> f\nn: BatchNorm2d\nb: Conv2d(4, 3, weight=f.conv.weight)", "tied"),
    ],
)
def test_what_blocks_keep(body: str, reason: str) -> None:
    before = graph(BLOCKS.replace("BODY; head y", f"{body}\nhead y"))
    refusals: list[Refusal] = []
    assert FoldBatchNorm().run(before, refusals=refusals) is before
    assert any(reason in one.reason for one in refusals), [one.reason for one in refusals]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("batch_norm(it, none, none, training=true)", "statistics of the batch"),
        ("buffer(persistent=false) m: [4] = zeros\nbuffer v: [4] = ones\nc: Linear(4)\nbatch_norm(it, m, v)", "owns and saves"),
        ("param m: [4] = zeros\nparam v: [4] = ones\nc: Linear(4)\nbatch_norm(it, m, exp(v))", "owns and saves"),
        ("param m: [4] = zeros\nparam v: [4] = ones\nc: Linear(4)\nbatch_norm(it, m, v) + m", "used elsewhere"),
    ],
)
def test_statistics_that_must_stay(text: str, reason: str) -> None:
    before = graph(text, "(x: [N, 4])")
    refusals: list[Refusal] = []
    assert FoldBatchNorm().run(before, refusals=refusals) is before
    assert any(reason in one.reason for one in refusals), [one.reason for one in refusals]


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
