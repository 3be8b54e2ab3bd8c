"""The pass `prune-channels`: what is left computes what the whole model does with those channels zero."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import archdsl
from archdsl.analyses.cost import parameters
from archdsl.ir.graph import Graph, Layer
from archdsl.ops.conv.transposed import TransposedConvolution
from archdsl.passes.carrying import Passed
from archdsl.passes.deployment.prune_channels import PruneChannels
from archdsl.passes.labels import members_under
from archdsl.passes.pattern import Refusal
from archdsl.passes.registry import UnknownPass, read_pass
from archdsl.targets.onnx.model import export
from archdsl.targets.torch.module import build
from archdsl.verifying.sides import apply
from archdsl.verifying.values import randomise
from tests.elaborate.reading import graph
from tests.passes.reduced import REDUCED, reduced
from tests.passes.training.beside import equal, inputs_of

LARGE = ("alexnet", "inception_v3")


def masked(before: Graph, passed: Passed, state: dict[str, Tensor], ratio: float) -> dict[str, Tensor]:
    """The tensors of the whole model with the channels of the smallest filters zero where they are made, shifted and added up."""
    second = {
        ".".join((*path, "weight")) for path, one, _ in members_under(before, "")
        if isinstance(one, Layer) and (isinstance(one.op, TransposedConvolution) or getattr(one.op, "transposed", False))
    }  # fmt: skip
    found = {key: one.clone() for key, one in state.items()}
    for group in passed.derived:
        filters = found[group.used[0]].movedim(int(group.used[0] in second), 0)
        gone = torch.argsort(filters.flatten(1).abs().sum(1))[: round(ratio * len(filters))]
        filters[gone] = 0
        for key in group.used[1:]:
            one = found[key]
            if one.ndim == 1 or (one.ndim > 2 and one.shape[1] == 1):
                one[gone] = one[gone] if "running" in key else 0
            else:  # what adds them up
                one.movedim(int(key not in second), 0)[gone] = 0
    return found


def agree(before: Graph, ratio: float = 0.5, labels: str = "") -> Passed:
    """The outputs in evaluation are those of the whole model with masks."""
    passed = PruneChannels(ratio=ratio, labels=labels).apply(before)
    first, other = build(before, dtype=torch.float64).eval(), build(passed.graph, dtype=torch.float64).eval()
    randomise(first, 0)
    other.load_state_dict(passed.carry(first.state_dict()), strict=True)
    first.load_state_dict(masked(before, passed, first.state_dict(), ratio))
    inputs = inputs_of(before)
    with torch.no_grad():
        wanted, made = apply(first, before, inputs), apply(other, passed.graph, inputs)
    assert all(equal(*both) for both in zip(wanted, made, strict=True))
    return passed


PROGRAMS = {
    "linear": ("(x: [B, T, 6])", "a: Linear(10)\ngelu\nb: Linear(7)\nrelu\nc: Linear(3)", {"a": 5, "b": 4}),
    "stored otherwise": ("(x: [B, 6])", "a: Linear(10, transposed=true)\ntanh\nb: Linear(7, transposed=true)", {"a": 5}),
    "convolutions and their norms": (
        "(x: [N, 3, 9, 9])",
        "a: Conv2d(8, 3, bias=false)\nan: BatchNorm2d\nrelu\nmax_pool2d(2)\nb: Conv2d(6, 2)\nbn: BatchNorm2d\nrelu\n"
        "mean(axis=[2, 3])\nc: Linear(5)",
        {"a": 4, "b": 3},
    ),
    "depthwise": (
        "(x: [N, 4, 8, 8])",
        "skip { a: Conv2d(12, 1, bias=false)\nan: BatchNorm2d\nrelu6\nd: Conv2d(12, 3, padding=1, groups=12)\ndn: BatchNorm2d\n"
        "hardswish\nb: Conv2d(4, 1) }",
        {"a": 6},
    ),
    "transposed convolutions": (
        "(x: [N, 3, 6])", "a: ConvTranspose1d(6, 3)\nsilu\nb: ConvTranspose1d(4, 2)\nrelu\nc: Conv1d(2, 1)", {"a": 3, "b": 2},
    ),
    "axes that move": (
        "(x: [N, 3, 6, 6])", "a: Conv2d(8, 1)\nrelu\npermute(0, 2, 3, 1)\ndrop: Dropout(0.1)\nb: Linear(4)", {"a": 4},
    ),
    "beside itself": ("(x: [N, 6])", "h = x -> a: Linear(8)\nh * tanh(h) - 2 * h -> b: Linear(3)", {"a": 4}),
    "used twice": ("(x: [N, 6])", "h = x -> a: Linear(8) -> relu\n(h -> b: Linear(3)) + (h -> c: Linear(3))", {"a": 4}),
    "in copies of a block": (
        "(x: [N, 6])", "h: repeat 2 { skip { up: Linear(12); relu; down: Linear(6) } }", {"h.0.up": 6, "h.1.up": 6},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", PROGRAMS)
def test_what_is_left_computes_the_same(case: str) -> None:
    header, text, narrow = PROGRAMS[case]
    before = graph(text, header)
    passed = agree(before)
    layers = {".".join(path): one.op for path, one, _ in members_under(passed.graph, "") if isinstance(one, Layer)}
    for path, count in narrow.items():
        assert getattr(layers[path], "out_features", None) or layers[path].out_channels == count  # type: ignore[attr-defined]
    assert len(passed.derived) == len(narrow)
    assert {path for path, _ in passed.graph.tensors()} == {path for path, _ in before.tensors()}


TIED = {
    "a skip": ("(x: [N, 6])", "skip { a: Linear(6) }\nb: Linear(2)", "ties them to the channels of `x`"),
    "a product": ("(x: [N, 6])", "(x -> a: Linear(8)) * (x -> g: Linear(8)) -> b: Linear(2)", "ties them"),
    "a norm of all": ("(x: [N, 6])", "a: Linear(8)\nLayerNorm\nb: Linear(2)", "`LayerNorm` handles its channels jointly"),
    "groups": ("(x: [N, 4, 6])", "a: Conv1d(8, 1)\nGroupNorm(2)\nb: Conv1d(2, 1)", "jointly"),
    "a softmax": ("(x: [N, 6])", "a: Linear(8)\nsoftmax(axis=-1)\nb: Linear(2)", "jointly"),
    "heads": ("(x: [N, 6])", "a: Linear(8)\nreshape(N, 2, 4)\nb: Linear(2)", "jointly"),
    "the output": ("(x: [N, 6])", "a: Linear(8)", "leave the block"),
    "a tie": ("(x: [N, 6])", "shared a = Linear(6)\nx -> a -> relu\nb: Linear(6, weight=a.weight)", "tied"),
    "a scan": ("(x: [T, 6])", "a: Linear(8)\nscan v in it over axis 0 { carry h = zeros(8)\n h = h + v\n yield h }", "scan"),
    "a scale of its own": ("(x: [N, 6])", "param s: [8] = ones\na: Linear(8)\nit * s\nb: Linear(2)", "channels of `s`"),
}


@pytest.mark.parametrize("case", TIED)
def test_it_refuses_with_a_reason(case: str) -> None:
    header, text, reason = TIED[case]
    before = graph(text, header)
    refusals: list[Refusal] = []
    assert PruneChannels(labels="a").run(before, refusals=refusals) is before
    assert any(reason in one.reason for one in refusals), refusals


@pytest.mark.parametrize("name", REDUCED)
def test_the_zoo(name: str) -> None:
    before = reduced(name)
    passed = PruneChannels().apply(before)
    if passed.derived:
        assert parameters(passed.graph) < parameters(before)
    if passed.derived and name not in LARGE:
        agree(before)


def test_a_narrow_residual_network_runs_everywhere() -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    before = reduced("resnet")
    passed = agree(before, 0.3, labels="layer*.*.conv[12]")
    module = build(passed.graph).eval()
    x = torch.randn(2, 3, 33, 40)
    session = onnxruntime.InferenceSession(export(passed.graph, module), providers=["CPUExecutionProvider"])
    (made,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    assert torch.allclose(torch.from_numpy(made), module(x), rtol=1e-3, atol=1e-4)


def test_options_are_checked() -> None:
    with pytest.raises(UnknownPass, match="below 1"):
        read_pass("prune-channels{ratio=1.0}")
    with pytest.raises(archdsl.ArchError, match="nothing-selected"):
        PruneChannels(labels="q").run(graph("Linear(4)"))
