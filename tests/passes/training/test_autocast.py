"""The pass `autocast` beside `torch.autocast` around the same modules."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import archdsl
from archdsl.ir.text import print_graph, read_graph
from archdsl.passes.deployment.cast import Cast
from archdsl.passes.pattern import Refusal
from archdsl.passes.registry import UnknownPass, read_pass
from archdsl.passes.training.autocast import Autocast
from archdsl.passes.training.checkpoint import Checkpoint
from archdsl.targets.torch.module import build
from archdsl.targets.torch.source import print_source
from archdsl.verifying.bindings import choose_bindings
from archdsl.verifying.sides import apply
from archdsl.verifying.values import draw_inputs, randomise
from tests.elaborate.reading import graph
from tests.passes.deployment.passing import same, through
from tests.passes.reduced import REDUCED, reduced

HALVES = {"bf16": torch.bfloat16, "f16": torch.float16}
NET = (
    "block B()(x: [N, 8]) -> [N, 8] { skip { fc: Linear(16)\n norm: BatchNorm1d\n gelu\n down: Linear(8) } }\n"
    "arch Net(x: [N, 8]) { a: B; h: repeat 3 { B }; z: { w: Linear(8); LayerNorm }; out: Linear(4) }"
)


def wrapped(module: nn.Module, labels: tuple[str, ...], dtype: torch.dtype) -> nn.Module:
    """The module with some of its modules under autocast, and their results in float32."""
    for label in labels:
        one: Any = module.get_submodule(label)

        def run(*args: Any, plain: Any = one.forward) -> Any:
            with torch.autocast("cpu", dtype):
                made = plain(*args)
            return made.float()

        one.forward = run
    return module


def trained(module: nn.Module, x: torch.Tensor) -> dict[str, torch.Tensor]:
    """The output, gradients and buffers of one step."""
    out = module.train()(x)
    out.square().sum().backward()
    return {"": out.detach(), **{name: one.grad for name, one in module.named_parameters()}, **dict(module.named_buffers())}


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize("saving", [False, True])
@pytest.mark.parametrize(("blocks", "modules"), [("a", ("a",)), ("h.*", ("h.0", "h.1", "h.2")), ("a h.1", ("a", "h.1"))])
def test_as_torch_does(blocks: str, modules: tuple[str, ...], saving: bool, half: str) -> None:
    before = graph(NET)
    passes = [Autocast(blocks=blocks, to=half), *([Checkpoint(blocks=blocks)] if saving else [])]
    after = through(before, passes).graph
    assert read_graph(print_graph(after)) == after
    first, other = build(before), build(after)
    other.load_state_dict(first.state_dict())
    x = torch.randn(5, 8)
    wanted, made = trained(wrapped(first, modules, HALVES[half]), x), trained(other, x)
    assert list(wanted) == list(made)
    assert not [name for name in wanted if not torch.equal(wanted[name], made[name])]
    assert {one.dtype for one in made.values()} == {torch.float32, torch.int64}
    assert not torch.equal(made[""], trained(build(before, weights=first.state_dict()), x)[""])


def test_evaluation_stays() -> None:
    before = graph(NET)
    same(before, Autocast(blocks="a h.* z").apply(before))


def test_the_source_and_the_last_word() -> None:
    before = graph(NET)
    after = Autocast(blocks="h.*", to="f16").run(Checkpoint(blocks="h.*").run(Autocast(blocks="h.*").run(before)))
    assert "in_half(self.training, torch.float16, checkpointed, block, x)" in print_source(after)
    assert "bfloat16" not in print_source(after)


def test_beside_cast() -> None:
    refusals: list[Refusal] = []
    half = Cast().run(graph(NET))
    assert Autocast(blocks="a").run(half, refusals=refusals) is half
    assert [one.reason for one in refusals] == ["it is in bf16 already"]
    after = Cast(to="f16").run(Autocast(blocks="h.*").run(graph(NET)))
    assert "autocast" not in print_graph(after)
    build(after).train()(torch.randn(3, 8)).sum().backward()


def test_it_refuses_with_a_reason() -> None:
    refusals: list[Refusal] = []
    before = graph(NET)
    assert Autocast(blocks="out").run(before, refusals=refusals) is before
    assert [one.reason for one in refusals] == ["what is autocast is a block, or a labelled group of steps"]
    with pytest.raises(UnknownPass, match="bf16 or f16"):
        read_pass("autocast{to=f8}")
    with pytest.raises(archdsl.ArchError, match="nothing-selected"):
        Autocast(blocks="layer4").run(before)


@pytest.mark.parametrize("name", REDUCED)
def test_the_zoo(name: str) -> None:
    before = reduced(name)
    try:
        after = through(before, [Autocast(blocks="*.*")]).graph
    except archdsl.ArchError as none:
        assert [one.code for one in none.problems] == ["nothing-selected"]
        return
    if after is before or name in ("alexnet", "inception_v3", "googlenet", "resnet", "se_resnet"):
        return
    module = build(after).train()
    randomise(module, 0)
    inputs = draw_inputs(before, choose_bindings(before)[1], 0)
    outputs = apply(module, after, inputs)
    wanted = [torch.float32 if one.value.type.dtype == "float" else None for one in after.outputs]
    assert all(one.dtype == dtype for one, dtype in zip(outputs, wanted, strict=False) if dtype is not None)
    total: Any = sum(one.square().sum() for one in outputs if one.requires_grad)
    total.backward()
