"""The pass `channels-last`: what is computed stays, and no convolution gets an image that lies otherwise."""

from __future__ import annotations

from typing import Any

import onnx
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import archdsl
from archdsl.ir.graph import Graph
from archdsl.passes.deployment.channels_last import ChannelsLast
from archdsl.passes.deployment.fold_batchnorm import FoldBatchNorm
from archdsl.passes.deployment.remove_dropout import RemoveDropout
from archdsl.passes.pattern import Refusal
from archdsl.targets.arch.source import print_arch
from archdsl.targets.torch.module import build
from archdsl.verifying.bindings import choose_bindings
from archdsl.verifying.sides import apply
from archdsl.verifying.values import draw_inputs, randomise
from tests.elaborate.reading import graph, spec
from tests.passes.deployment.passing import same, through, words
from tests.passes.deployment.test_specs import ROOT, SPECS

LAST = torch.channels_last
IMAGE = "(x: [N, 3, H, W])"


class Watched(TorchDispatchMode):
    """Of every convolution with more than one way to lie in memory: whether image and weight are channels last."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[bool, bool]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten.convolution.default and args[0].dim() == 4:
            self.seen.append((args[0].is_contiguous(memory_format=LAST), args[1].is_contiguous(memory_format=LAST)))
        return func(*args, **(kwargs or {}))


def watched(before: Graph, bind: dict[str, int] | None = None) -> list[tuple[bool, bool]]:
    """What is seen in evaluation, in float32, of the module that the graph makes."""
    module = build(before).eval()
    randomise(module, 3)
    with torch.no_grad(), Watched() as watch:
        apply(module, before, draw_inputs(before, choose_bindings(before, bind)[0], 3))
    return watch.seen


def entries(after: Graph) -> int:
    return words(after).count("channels_last")


@pytest.mark.parametrize(
    "name",
    ["densenet", "efficientnet", "googlenet", "mobilenet_v3", "preact_resnet", "resnet", "sd_unet", "sd_vae", "swin", "unet"],
)
def test_a_spec_in_the_layout(name: str) -> None:
    arch, config, bind = SPECS[name]
    before = archdsl.load(ROOT / f"specs/{name}.arch").graph(arch, **config)
    known = {one: size for one, size in bind.items() if any(one in str(value.type) for value in before.input_values)}
    passed = through(before, [RemoveDropout(), ChannelsLast(), FoldBatchNorm()])
    same(before, passed, sizes=1, bind=known)
    seen = watched(passed.graph, known)
    assert seen
    assert all(image and weight for image, weight in seen)


CASES = {
    "a stack": (IMAGE, "a: Conv2d(8, 3); relu; b: Conv2d(4, 1); max_pool2d(2); c: Conv2d(2, 1)", 1),
    "a skip over it": (IMAGE, "skip { a: Conv2d(3, 3, padding=1); BatchNorm2d; relu }; b: Conv2d(4, 1)", 1),
    "before a rectifier": (IMAGE, "relu; BatchNorm2d; a: Conv2d(8, 3)", 1),
    "left and entered again": (
        IMAGE, 'a: Conv2d(4, 3); rearrange("n c h w -> n (h w) c"); l: Linear(4); rearrange("n (h w) c -> n c h w", h=H - 2); '
        "b: Conv2d(2, 1); c: Conv2d(3, 1)", 2,
    ),
    "an output has a layout too": (IMAGE, "a: ConvTranspose2d(8, 3); interpolate(scale_factor=2.0); b: Conv2d(4, 3)", 1),
    "two inputs, joined": ("(x: [N, 3, H, W], y: [N, 2, H, W])", "concat(x, y, axis=1) -> a: Conv2d(8, 3)", 2),
    "beside a gate": (IMAGE, "a: Conv2d(4, 3); it * sigmoid(adaptive_avg_pool2d(it, 1) -> b: Conv2d(4, 1)); c: Conv2d(4, 1)", 1),
    "in a scan": (
        "(x: [T, N, 3, 6, 6])",
        "scan u in x over axis 0 { carry h = zeros(N, 3, 6, 6); h = tanh(u + (h -> c: Conv2d(3, 3, padding=1))); yield h }", 1,
    ),
    "in training alone": (IMAGE, "a: Conv2d(4, 1); if training { relu } else { relu(relu(it)) }; b: Conv2d(4, 1)", None),
    "a kernel that is a tensor": (IMAGE, "param k: [4, 3, 3, 3] = ones\nconv2d(x, k) -> relu -> a: Conv2d(4, 1)", 1),
    "a canvas": ("(x: [N, 3, 5, 5])", "param p: [1, 3, 5, 5] = ones\np + x -> a: Conv2d(4, 3) -> b: Conv2d(4, 1)", None),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_where_it_is_entered(case: str) -> None:
    header, text, count = CASES[case]
    before = graph(text, header)
    passed = through(before, [ChannelsLast()])
    same(before, passed)
    assert count is None or entries(passed.graph) == count
    assert all(image for image, _ in watched(passed.graph))
    again = spec(print_arch(passed.graph)).graph()
    assert entries(again) == entries(passed.graph)


BLOCKS = """block Body(x: [N, C, H, W]) -> [N, C, H, W] { skip { a: Conv2d(C, 3, padding=1); BatchNorm2d }; relu }
block Plain(x: [N, C, H, W]) -> [N, C, H, W] { relu; x * sigmoid(it) }
block Turned(x: [N, C, H, W]) -> [N, C, H, W] { transpose(2, 3) }
arch Net(x: [N, 4, 6, 6]) -> y: [N, 4, 6, 6] { BODY; head y }
"""


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ("a: Body; b: Body; c: Body", 1),
        ("a: Plain; b: Body", 1),
        ("a: Body; b: Plain; c: Body", 1),
        ("a: Body; b: Turned; c: Body", 2),
        ("shared f = Body; x -> f -> f", 1),
        ("a: repeat 3 { Body }", 1),
    ],
)
def test_blocks_pass_it_on(body: str, count: int) -> None:
    before = graph(BLOCKS.replace("BODY", body))
    passed = through(before, [ChannelsLast()])
    same(before, passed)
    assert sum(node.op is not None and node.op.name == "channels_last" for node in passed.graph.nodes) == count
    assert entries(passed.graph) == count, "a block enters it once more"
    assert all(image and weight for image, weight in watched(passed.graph))


def test_what_is_not_for_images_says_so() -> None:
    before = graph("c: Conv1d(4, 3); relu", "(x: [N, 3, L])")
    refusals: list[Refusal] = []
    assert ChannelsLast().run(before, refusals=refusals) is before
    assert [one.reason for one in refusals] == [
        "its values have 3 axes: the layout is for [N, C, H, W]", "it has no convolution over two axes"
    ]  # fmt: skip
    refusals.clear()
    before = graph("Linear(3)")
    assert ChannelsLast().run(before, refusals=refusals) is before
    assert [str(one) for one in refusals] == ["Net: convolutions channels last: it has no convolution over two axes"]


def test_the_source_runs_and_onnx_stays() -> None:
    program = spec("a: Conv2d(8, 3, bias=false); BatchNorm2d; relu; b: Conv2d(4, 1); flatten(1)", "(x: [N, 3, 6, 6])")
    source = program.source(passes="channels-last")
    assert source.count("memory_format=torch.channels_last") == 2
    module = program.build(passes="channels-last").eval()
    assert module.state_dict().keys() == program.build().state_dict().keys()
    x = torch.randn(2, 3, 6, 6)
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
    with torch.no_grad():
        torch.testing.assert_close(compiled(x), program.build().eval()(x))
    models = [onnx.load_from_string(program.onnx(passes=one)) for one in ((), "channels-last")]
    counts = [[node.op_type for one in (model.graph, *model.functions) for node in one.node] for model in models]
    assert counts[0] == counts[1]
    meta = program.build(passes="channels-last", device="meta")
    assert meta.state_dict()["a.weight"].is_contiguous(memory_format=LAST)
