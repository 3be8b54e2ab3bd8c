"""The pass `prune` beside `torch.nn.utils.prune`."""

from __future__ import annotations

import pytest
import torch
from torch.nn.utils import prune

import archdsl
from archdsl.passes.deployment.prune import Prune
from archdsl.passes.registry import UnknownPass, read_pass
from archdsl.targets.torch.module import build
from archdsl.verifying.values import randomise
from tests.elaborate.reading import graph
from tests.passes.reduced import REDUCED, reduced

NET = (
    "arch Net(x: [N, 3, H, W]) { a: { Conv2d(8, 3); BatchNorm2d; relu }; b: Conv2d(6, 1, groups=2); mean(axis=[2, 3])\n"
    " c: Linear(7); d: Linear(4, transposed=true) }"
)
PRUNED = ("a.0", "b", "c", "d")
LARGE = ("alexnet", "inception_v3")


@pytest.mark.parametrize("ratio", [0.0, 0.3, 0.75, 1.0])
@pytest.mark.parametrize("over", ["layer", "model"])
def test_as_torch_prunes(over: str, ratio: float) -> None:
    before = graph(NET)
    passed = Prune(ratio=ratio, over=over).apply(before)
    assert passed.graph is before
    module = build(before)
    randomise(module, 0)
    made = passed.carry(module.state_dict())
    assert set(made) == set(module.state_dict())
    chosen = [(module.get_submodule(name), "weight") for name in PRUNED]
    if over == "model":
        prune.global_unstructured(chosen, pruning_method=prune.L1Unstructured, amount=ratio)
    for layer, name in chosen:
        if over == "layer":
            prune.l1_unstructured(layer, name, ratio)
        prune.remove(layer, name)
    wanted = module.state_dict()
    for key, value in made.items():
        assert torch.equal(value, wanted[key]), key


def test_labels_choose_and_what_is_tied_stays_tied() -> None:
    text = (
        "arch Net(x: i64[B, T]) { shared wte = Embedding(20, 8)\n x -> wte\n h: repeat 2 { { Linear(8); relu; Linear(8) } }\n"
        " shared f = Linear(8); it -> f; again: f; lm_head: Linear(20, bias=false, weight=wte.weight) }"
    )
    before = graph(text)
    module = build(before)
    state = Prune(ratio=0.5, labels="h.1 again f").apply(before).carry(module.state_dict())
    changed = {key for key, one in state.items() if not torch.equal(one, module.state_dict()[key])}
    assert changed == {"h.1.0.weight", "h.1.2.weight", "f.weight", "again.weight"} & set(state)
    state = Prune(ratio=0.5).apply(before).carry(module.state_dict())
    module.load_state_dict(state)
    assert torch.equal(module.state_dict()["lm_head.weight"], state["wte.weight"])
    archdsl.targets.torch.weights.load_weights(module, state)
    with pytest.raises(archdsl.ArchError, match="nothing-selected"):
        Prune(labels="h.7").apply(before)


@pytest.mark.parametrize("over", ["layer", "model"])
@pytest.mark.parametrize("name", REDUCED)
def test_the_zoo(name: str, over: str) -> None:
    before = reduced(name)
    passed = Prune(over=over).apply(before)
    assert passed.graph is before
    if name in LARGE:
        return
    module = build(before)
    randomise(module, 0)
    state = passed.carry(module.state_dict())
    archdsl.targets.torch.weights.load_weights(module, state)
    keys = [key for one in passed.derived for key in one.used]
    for keys_of_one in [keys] if over == "model" and keys else [[key] for key in keys]:
        elements = torch.cat([state[key].flatten() for key in keys_of_one])
        assert int((elements == 0).sum()) == round(0.5 * elements.numel())
    again = passed.carry(state)
    assert all(torch.equal(one, again[key]) for key, one in state.items())


def test_a_declared_matrix_is_a_weight_and_a_table_is_none() -> None:
    before = graph("param w: [4, 8] = zeros\nparam pos: [8] = zeros\nparam grid: [1, 8] = zeros\nlinear(it + pos + grid, w)")
    assert [one.used for one in Prune().apply(before).derived] == [("w",)]


def test_options_are_checked() -> None:
    with pytest.raises(UnknownPass, match="from 0 to 1"):
        read_pass("prune{ratio=1.5}")
    with pytest.raises(UnknownPass, match="layer or model"):
        read_pass("prune{over=all}")
