"""The pass `cast`: half precision where it holds, float32 where it would lose, in PyTorch and ONNX."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx.reference import ReferenceEvaluator

import archdsl
from archdsl.ir.graph import Call, Graph, Layer
from archdsl.ir.text import print_graph, read_graph
from archdsl.ir.value import Value
from archdsl.ir.verify import below, verify
from archdsl.passes.deployment.cast import Cast
from archdsl.passes.forms import of_step
from archdsl.passes.registry import UnknownPass, read_pass
from archdsl.passes.scans.choose import fast_scans
from archdsl.targets.arch.fault import Unsayable
from archdsl.targets.arch.source import print_arch
from archdsl.targets.onnx.model import export
from archdsl.targets.torch.module import build
from archdsl.verifying.bindings import choose_bindings
from archdsl.verifying.sides import apply
from archdsl.verifying.values import draw_inputs, randomise
from tests.elaborate.reading import graph
from tests.passes.deployment.passing import through
from tests.passes.reduced import REDUCED, SPECS, reduced

LARGE = ("alexnet", "inception_v3")
ROUNDED = {"bf16": torch.bfloat16, "f16": torch.float16}
ALLOWED = {"bf16": 8 * 2.0**-8, "f16": 8 * 2.0**-11}
"""How far results may be from those in float32, in units of the largest: some roundings, one after the other."""
IN_RUNTIME = ("bert", "efficientnet", "gpt2", "lenet", "llama", "lstm", "mamba", "swin", "t5", "unet", "vit")


def inputs_of(one: Graph) -> dict[str, torch.Tensor]:
    return draw_inputs(one, choose_bindings(one)[1], 0)


def near(made: Any, wanted: torch.Tensor, half: str) -> None:
    """Equal up to the rounding of the half type."""
    found = torch.as_tensor(np.asarray(made, dtype=np.float32) if isinstance(made, np.ndarray) else made.float())
    assert found.shape == wanted.shape
    found, wanted = found.detach(), wanted.detach()
    assert float((found - wanted).abs().max()) <= ALLOWED[half] * float(wanted.abs().max())


def steps(one: Graph) -> list[tuple[Any, list[str], list[str]]]:
    """Every operator that a step runs, functions and layers, with the types of its tensors, and of its results."""
    found = []
    for body, owner in below(one):
        for node in body.nodes:
            member = owner.members.get(owner.aliases.get(node.member, node.member)) if node.member else None
            op = node.op or (member.op if isinstance(member, Layer) and not node.leaf else None)
            if op is not None:
                taken = [each.type.dtype for each in node.operands if isinstance(each, Value)]
                found.append((op, taken, [each.type.dtype for each in node.results]))
    return found


@pytest.mark.parametrize("half", ROUNDED)
@pytest.mark.parametrize("name", REDUCED)
def test_the_zoo(name: str, half: str) -> None:
    before = reduced(name)
    after = through(before, [Cast(to=half)]).graph
    assert not [op for op, taken, made in steps(after) if op.precise and half in (*taken, *made)]
    assert read_graph(print_graph(after)) == after
    if name in LARGE or half == "f16":
        return
    first = build(before).eval()
    randomise(first, 0)
    other = build(after).eval()
    other.load_state_dict(first.state_dict())
    inputs = inputs_of(before)
    with torch.no_grad():
        wanted, made = apply(first, before, inputs), apply(other, after, inputs)
    for one, two in zip(made, wanted, strict=True):
        assert one.dtype == two.dtype
        near(one, two, half)


@pytest.mark.parametrize("name", IN_RUNTIME)
def test_onnx_in_half_precision(name: str) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    before = reduced(name)
    first = build(before).eval()
    randomise(first, 0)
    inputs = inputs_of(before)
    with torch.no_grad():
        wanted = apply(first, before, inputs)
    feeds = {key: value.numpy() for key, value in inputs.items()}
    data = export(fast_scans(Cast(to="f16").run(before), solving=False), first)
    onnx.checker.check_model(data, full_check=True)
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    for one, two in zip(session.run(None, feeds), wanted, strict=True):
        near(one, two, "f16")


@pytest.mark.parametrize("name", ["lenet", "llama", "resnet_cifar", "vit"])
def test_onnx_in_bfloat16(name: str) -> None:
    before = reduced(name)
    first = build(before).eval()
    randomise(first, 0)
    inputs = inputs_of(before)
    with torch.no_grad():
        wanted = apply(first, before, inputs)
    data = export(Cast(to="bf16").run(before), first)
    onnx.checker.check_model(data, full_check=True)
    model = onnx.load_from_string(data)
    assert {one.data_type for one in model.graph.initializer} >= {onnx.TensorProto.BFLOAT16}
    made = ReferenceEvaluator(model).run(None, {key: value.numpy() for key, value in inputs.items()})
    for one, two in zip(made, wanted, strict=True):
        near(one, two, "bf16")


def test_what_half_precision_cannot_hold() -> None:
    """e^20 and the sum of 100,000 ones are beyond float16."""
    text = "a = log(sum(exp(x * 20), axis=-1))\nb = cumsum(x + 30, axis=0) -> mean(axis=-1)\n"
    text += "c = x * 300 -> norm: LayerNorm\n(a, b, c)"
    before = graph(text, "(x: [N, 8])")
    after = through(before, [Cast(to="f16")]).graph
    x = torch.linspace(0.5, 1.0, 4000 * 8).reshape(4000, 8)
    for one, two in zip(build(after)(x), build(before)(x), strict=True):
        assert torch.allclose(one, two, rtol=1e-3)


def test_layers_hold_their_tensors_in_half_precision_and_the_doors_may_too() -> None:
    text = (
        "block B()(x: [N, 8, H, W]) -> [N, 8, H, W] {\n"
        " skip { conv: Conv2d(8, 3, padding=1, bias=false)\n bn: BatchNorm2d\n relu } }\n"
        "arch Net(x: [N, 3, H, W]) { param scale: [8, 1, 1] = ones; buffer table: [8, 1, 1] = ones\n stem: Conv2d(8, 1)\n"
        " it * scale + table\n repeat 2 { B }\n mean(axis=[2, 3])\n drop: Dropout(0.5)\n fc: Linear(4)\n softmax(axis=-1) }"
    )
    before = graph(text)
    after = through(before, [Cast(to="bf16")]).graph
    other = build(after)
    types = {key: one.dtype for key, one in other.state_dict().items()}
    assert types["stem.weight"] == types["scale"] == types["fc.bias"] == torch.bfloat16
    assert types["table"] == torch.float32
    assert {one for key, one in types.items() if ".bn." in key} == {torch.float32, torch.int64}
    x = torch.randn(2, 3, 8, 8)
    assert other(x).dtype == torch.float32
    other(x).sum().backward()
    assert all(one.grad is not None and one.grad.dtype == one.dtype for one in other.parameters())
    doors = Cast(to="bf16", doors=False).run(before)
    assert not verify(doors)
    assert (str(doors.inputs[0].value.type), str(doors.output_types[0])) == ("bf16[N, 3, H, W]", "bf16[N, 4]")  # type: ignore[union-attr]
    assert build(doors).eval()(x.bfloat16()).dtype == torch.bfloat16


KEPT = {
    "what a scan calls": (
        "scan v in x over axis 0 { carry h = zeros(8)\n h = tanh((h -> u: Linear(8)) + (v -> w: Linear(8)))\n yield h }\n"
        "fc: Linear(4)",
        {"u", "w"},
    ),
    "what is tied to it": (
        "shared a = Linear(8, bias=false)\nx -> a\nscan v in it over axis 0 { carry h = zeros(8)\n h = h + (v -> a)\n yield h }\n"
        "b: Linear(8, bias=false, weight=a.weight)\nfc: Linear(4)",
        {"a", "b"},
    ),
    "what is differentiated": ("shared f = { Linear(8)\ntanh }\n_, d = (x, sin(x)) -> jvp(f, 0)\nd -> fc: Linear(4)", {"f"}),
    "a recurrent layer": ("unsqueeze(1)\nrnn: GRU(8)\nfc: Linear(4)", {"rnn"}),
}


@pytest.mark.parametrize("case", KEPT)
def test_what_stays(case: str) -> None:
    text, stays = KEPT[case]
    before = graph(text)
    after = through(before, [Cast(to="bf16")]).graph
    first, other = build(before).eval(), build(after).eval()
    other.load_state_dict(first.state_dict())
    types = {key: one.dtype for key, one in other.state_dict().items()}
    assert {key.split(".")[0] for key, one in types.items() if one == torch.float32} == stays
    assert types["fc.weight"] == torch.bfloat16
    x = torch.randn(5, 8)
    near(other(x), first(x), "bf16")


def test_a_shared_block_that_takes_two_types_has_one() -> None:
    text = "shared f = { Linear(8)\nrelu }\na = x -> f\nb = softmax(x, axis=-1) -> f\nc = stack(x, x, axis=0) -> f\na + b + c[0]"
    before = graph(text)
    after = through(before, [Cast(to="bf16")]).graph
    first, other = build(before), build(after)
    other.load_state_dict(first.state_dict())
    x = torch.randn(5, 8)
    near(other(x), first(x), "bf16")
    assert [one.float for one in _layers(after)] == ["bf16"]


def _layers(one: Graph) -> list[Layer]:
    found = []
    for member in one.members.values():
        found += [member] if isinstance(member, Layer) else _layers(member.graph) if isinstance(member, Call) else []
    return found


def test_the_source_says_it() -> None:
    spec = archdsl.load(archdsl.source.Source("net.arch", "arch Net(x: [N, 8]) { fc: Linear(4); softmax(axis=-1) }"))
    source = archdsl.targets.torch.source.print_source(Cast().run(spec.graph()))
    assert "nn.Linear(8, 4).to(torch.bfloat16)" in source
    assert "x.to(torch.bfloat16)" in source


def test_options_are_checked() -> None:
    with pytest.raises(UnknownPass, match="`to` is bf16 or f16, not `f32`"):
        read_pass("cast{to=f32}")
    with pytest.raises(ValueError, match="bf16 or f16"):
        Cast(to="i8").run(graph("relu"))


def test_step_by_step_in_half_precision() -> None:
    text = (
        "arch Tagger(words: i64[B, T]) -> scores: [B, T, 5] { embed: Embedding(20, 8)\n pre: Linear(12)\n relu\n"
        " scan v in it over axis 1 { carry h = zeros(B, 6)\n h = tanh((v -> w: Linear(6)) + (h -> u: Linear(6)))\n yield h }\n"
        " head scores { out: Linear(5) } }"
    )
    half = Cast().run(graph(text))
    module = build(half).eval()
    step = build(of_step(half, True, None, None)).eval()
    step.load_state_dict(module.state_dict())
    words = torch.randint(0, 20, (2, 7))
    state: list[torch.Tensor] = []
    with torch.no_grad():
        whole = module(words)
        for t in range(7):
            scores, *state = step(words[:, t], *state)
            near(scores, whole[:, t], "bf16")


def test_what_has_no_text_says_so() -> None:
    with pytest.raises(Unsayable, match="the layer fc computes in bf16"):
        print_arch(Cast().run(graph("fc: Linear(4)")))


@pytest.mark.parametrize("half", ROUNDED)
@pytest.mark.parametrize("name", ["llama", "resnet_cifar"])
def test_all_products_agree(name: str, half: str) -> None:
    arch, config = REDUCED[name]
    report = archdsl.load(SPECS / f"{name}.arch").verify(arch, passes=(f"cast{{to={half}}}",), **config)
    assert report.ok, str(report)
