"""The pass `stop-gradient`: the results stay, and gradients end where PyTorch's hooks end them."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import archdsl
from archdsl.passes.training.stop_gradient import StopGradient
from tests.elaborate.reading import graph
from tests.passes.deployment.passing import through
from tests.passes.reduced import REDUCED, reduced
from tests.passes.training.beside import equal, evaluate_equally, inputs_of, pair, step

LARGE = ("alexnet", "inception_v3")
BLOCK = "block B()(x: [N, 8]) -> [N, 8] { skip { fc: Linear(8)\n tanh } }\n"
NET = BLOCK + "arch Net(x: [N, 8]) { a: B; h: repeat 3 { B }; z: { w: Linear(8); norm: LayerNorm }; out: Linear(4) }"


def hooked(module: nn.Module, labels: tuple[str, ...]) -> nn.Module:
    """The module with the outputs of some of its modules detached."""
    for one in labels:
        module.get_submodule(one).register_forward_hook(lambda _, __, out: out.detach())
    return module


@pytest.mark.parametrize(
    ("labels", "modules"),
    [
        ("a", ("a",)),
        ("a.fc", ("a.fc",)),
        ("h.*", ("h.0", "h.1", "h.2")),
        ("h.1.fc", ("h.1.fc",)),
        ("h.[02].fc a", ("h.0.fc", "h.2.fc", "a")),
        ("z.w", ("z.w",)),
        ("out", ("out",)),
    ],
)
def test_gradients_end_where_hooks_end_them(labels: str, modules: tuple[str, ...]) -> None:
    before = graph(NET)
    after = through(before, [StopGradient(labels=labels)]).graph
    first, other = pair(before, after)
    inputs = inputs_of(before)
    hooked(first, modules)
    if modules == ("out",):
        assert not other(*inputs.values()).requires_grad
        return
    (out, wanted), (made, found) = step(first, before, inputs), step(other, after, inputs)
    assert all(equal(*both) for both in zip(out, made, strict=True))
    assert not [name for name in wanted if not equal(wanted[name], found[name])]
    assert [name for name in wanted if wanted[name] is None]


def test_a_group_a_list_and_a_parameter() -> None:
    inputs = torch.randn(3, 8, dtype=torch.float64)
    for labels, frozen in (("z", "z."), ("h", "h."), ("z.* h.2", "z.")):
        _, other = pair(graph(NET), StopGradient(labels=labels).run(graph(NET)))
        other(inputs).sum().backward()
        without = {name for name, one in other.named_parameters() if one.grad is None}
        assert {name for name in without if name.startswith(frozen)} == {
            name for name, _ in other.named_parameters() if name.startswith(frozen)
        }
        assert "out.weight" not in without
    text = "arch Net(x: [N, 8]) { param s: [8] = ones; buffer b: [8] = ones; it * s + b; fc: Linear(8); it * s }"
    before = graph(text)
    _, other = pair(before, through(before, [StopGradient(labels="s")]).graph)
    other(inputs).sum().backward()
    assert [name for name, one in other.named_parameters() if one.grad is None] == ["s"]


def test_in_a_body_and_what_is_used_inside_too() -> None:
    text = (
        "arch Net(x: [T, N, 8]) { scan v in x over axis 0 { carry h = zeros(N, 8)\n"
        " a = h -> u: Linear(8)\n h = tanh(a + (v -> w: Linear(8)))\n yield h } }"
    )
    before = graph(text)
    first, other = pair(before, through(before, [StopGradient(labels="u")]).graph)
    inputs = inputs_of(before)
    (out, _), (made, found) = step(first, before, inputs), step(other, before, inputs)
    assert torch.allclose(out[0], made[0])
    w, u = first.w, first.u
    h, total = torch.zeros_like(inputs["x"][0]), 0.0
    for v in inputs["x"]:
        h = torch.tanh(u(h).detach() + w(v))
        total = total + h.square().sum()
    first.zero_grad()
    total.backward()
    assert found["u.weight"] is None
    assert equal(found["w.weight"], w.weight.grad)


@pytest.mark.parametrize("name", REDUCED)
def test_the_zoo_computes_the_same(name: str) -> None:
    before = reduced(name)
    try:
        passed = StopGradient(labels="*.*").apply(before)
    except archdsl.ArchError as none:
        assert [one.code for one in none.problems] == ["nothing-selected"]
        return
    through(before, [StopGradient(labels="*.*")])
    if name not in LARGE:
        evaluate_equally(before, passed)
