"""Generated modules under PyTorch's own tools."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch

from archdsl.targets.torch.module import build, execute
from archdsl.targets.torch.source import print_source
from archdsl.targets.torch.weights import WeightsError, load_weights, weights_bytes
from tests.targets.torch.made import graph, module
from tests.targets.torch.test_numbers import CHOICE, ELMAN, RESIDUAL, TIED

NETS = [
    (RESIDUAL, lambda n: torch.randn(n, 3, 6 + n, 5, dtype=torch.float64)),
    (ELMAN.replace("DIRECTION", ""), lambda n: torch.randn(n, 5, 3, dtype=torch.float64)),
    (TIED, lambda n: torch.randint(0, 11, (n, 4 + n))),
    (CHOICE, lambda n: torch.randn(n, 4, dtype=torch.float64)),
]


def flat(out):
    return [one for one in (out if isinstance(out, tuple) else [out]) if one is not None]


@pytest.mark.parametrize("text, make", NETS)
def test_compiled_in_one_graph_with_dynamic_shapes(text, make) -> None:
    net = module(text)
    fast = torch.compile(net, fullgraph=True, dynamic=True, backend="eager")
    for n in (2, 3, 5):
        x = make(n)
        for a, b in zip(flat(net(x)), flat(fast(x)), strict=True):
            torch.testing.assert_close(a, b)


@pytest.mark.parametrize("text, make", NETS)
def test_exported(text, make) -> None:
    net = module(text)
    batch = torch.export.Dim("batch", min=2)
    x = make(3)
    exported = torch.export.export(net, (x,), dynamic_shapes=({0: batch},)).module()
    other = make(3)
    for a, b in zip(flat(net(other)), flat(exported(other)), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("text, make", NETS)
def test_copied_pickled_and_moved(text, make) -> None:
    net = module(text)
    x = make(2)
    want = flat(net(x))
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        for a, b in zip(want, flat(other(x)), strict=True):
            assert torch.equal(a, b)
    assert all(one.is_meta for one in copy.deepcopy(net).to("meta").parameters())
    half = net.to(torch.bfloat16)
    out = flat(half(x.to(torch.bfloat16) if x.is_floating_point() else x))
    assert all(one.dtype == torch.bfloat16 for one in out)


def test_a_seed_is_a_seed_and_the_generator_is_left_alone() -> None:
    made = graph(RESIDUAL)
    before = torch.get_rng_state()
    one, two, other = (build(made, seed=seed).state_dict() for seed in (3, 3, 4))
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(one[key], two[key]) for key in one)
    assert not torch.equal(one["stem.weight"], other["stem.weight"])


def test_initializers_are_applied() -> None:
    text = """
    arch Net(x: [N, 400]) -> [N, 300] {
      init Linear.weight = normal(std=0.02)
      init Linear.bias = zeros
      param shift: [1, 400] = normal(mean=3.0, std=0.0)
      buffer(persistent=false) mask: [400] = constant([0.5])
      it + shift * mask
      fc: Linear(300)
    }
    """
    net = build(graph(text), seed=0)
    state = net.state_dict()
    assert list(state) == ["shift", "fc.weight", "fc.bias"]
    assert abs(state["fc.weight"].std().item() - 0.02) < 1e-3
    assert not state["fc.bias"].any()
    assert torch.equal(state["shift"], torch.full((1, 400), 3.0))
    assert torch.equal(dict(net.named_buffers())["mask"], torch.full((400,), 0.5))


def test_meta_modules_take_weights() -> None:
    made = graph(TIED)
    net = build(made, device="meta")
    assert all(one.is_meta for one in net.parameters())
    weights = build(made, seed=5).state_dict()
    load_weights(net, weights)
    assert all(torch.equal(net.state_dict()[key], weights[key]) for key in weights)


def test_weights_tell_every_fault_at_once(tmp_path) -> None:
    net = build(graph(TIED), seed=0)
    path = tmp_path / "w.safetensors"
    path.write_bytes(weights_bytes(net))
    load_weights(build(graph(TIED), seed=1), path)
    weights = dict(net.state_dict())
    del weights["body.0.0.bias"]
    weights["body.9.bias"] = torch.zeros(1)
    weights["body.2.0.weight"] = torch.zeros(5, 6)
    weights["out.weight"] = weights["out.weight"] + 1
    with pytest.raises(WeightsError) as fault:
        load_weights(net, weights)
    assert fault.value.missing == ["body.0.0.bias"]
    assert fault.value.extra == ["body.9.bias"]
    assert "body.2.0.weight" in fault.value.misshapen[0]
    assert fault.value.disagreeing == ["embed.words.weight and out.weight"]


def test_the_same_source_is_the_same_module_and_shows_in_tracebacks() -> None:
    source = print_source(graph(RESIDUAL))
    assert execute(source) is execute(source)
    net = module(RESIDUAL)
    with pytest.raises(RuntimeError) as fault:
        net(torch.zeros(1, 2, 3, 3, dtype=torch.float64))
    assert any("archdsl_generated" in str(entry.path) for entry in fault.traceback)
