"""An arch's optional inputs are found out in each call: the module does what the one made for these inputs alone does."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archdsl.compiler import Spec, load
from archdsl.elaborate.outside import optional_inputs_of
from archdsl.ir.graph import Graph
from archdsl.problems.problem import ArchError
from archdsl.source import Source
from archdsl.targets.torch.weights import WeightsError, weights_bytes
from archdsl.verifying.bindings import choose_bindings
from archdsl.verifying.sides import apply, from_file
from archdsl.verifying.values import draw_inputs, randomise
from tests.targets.torch.made import check_tree
from tests.targets.torch.optional_programs import PROGRAMS

Inputs = dict[str, Tensor]


def spec(text: str) -> Spec:
    return load(Source("net.arch", text))


def ways(program: Spec, name: str, **config: Any) -> Iterator[tuple[tuple[str, ...], Graph]]:
    """Every set of optional inputs that the program takes."""
    names = optional_inputs_of(program.module, name)
    for count in range(len(names) + 1):
        for given in combinations(names, count):
            yield given, program.graph(name, given=given, **config)


def drawn(graph: Graph, seed: int) -> Inputs:
    values = draw_inputs(graph, choose_bindings(graph)[-1], seed)
    return {name: one.double() if one.is_floating_point() else one for name, one in values.items()}


def results(module: nn.Module, graph: Graph, inputs: Inputs) -> tuple[list[Tensor], dict[str, Tensor]]:
    """The outputs, and the gradients of a sum of them in which no two elements weigh the same."""
    module.zero_grad(set_to_none=True)
    leaves = {name: one.clone().requires_grad_(one.is_floating_point()) for name, one in inputs.items()}
    outputs = apply(module, graph, leaves)
    weighed = [(one * torch.arange(1, one.numel() + 1).reshape(one.shape).cos()).sum() for one in outputs]
    total = sum(weighed, torch.zeros(()))
    if total.requires_grad:
        total.backward()
    named = [*module.named_parameters(), *((f"input {name}", one) for name, one in leaves.items())]
    return outputs, {name: one.grad for name, one in named if one.grad is not None}


def agree_in_every_way(program: Spec, name: str, folder: Path, **config: Any) -> None:
    """The live module and its source against the module of each set of inputs alone, in values and gradients."""
    module = program.build(name, **config).double().eval()
    randomise(module, 0)
    printed = program.source(name, **config)
    check_tree(printed)
    fresh: nn.Module | None = None
    for given, graph in ways(program, name, **config):
        alone = program.build(name, given=given, **config).double().eval()
        state = module.state_dict()
        alone.load_state_dict({key: state[key] for key in alone.state_dict()})
        fresh = fresh or from_file(printed, graph, folder, module).double()
        for train in (False, True) if not any("dropout" in key for key, _ in alone.named_modules()) else (False,):
            for one in (alone, module, fresh):
                one.train(train)
            inputs = drawn(graph, len(given))
            wanted, slopes = results(alone, graph, inputs)
            for one in (module, fresh):
                found, own = results(one, graph, inputs)
                torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-12)
                assert own.keys() == slopes.keys(), given
                torch.testing.assert_close(own, slopes, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs(name: str, tmp_path: Path) -> None:
    program = spec(PROGRAMS[name])
    assert [one for one in program.check() if one.severity == "error"] == []
    agree_in_every_way(program, "Net", tmp_path)


TINY = {"vocab": 20, "width": 16, "depth": 2, "heads": 2, "hidden": 8, "positions": 40}
SPECS = [
    ("bert", "Bert", TINY),
    ("bert", "BertForPreTraining", TINY),
]


@pytest.mark.parametrize("file, name, config", SPECS)
def test_specs(file: str, name: str, config: dict[str, Any], root: Path, tmp_path: Path) -> None:
    agree_in_every_way(load(root / "specs" / f"{file}.arch"), name, tmp_path, **config)


ATTENTION = """arch Net(x: [B, T, 8], mask: bool[B, T] = none, offset: [T, T] = none) {
  q = x -> q: Linear(8)
  k = x -> k: Linear(8)
  scores = q @ transpose(k, 1, 2)
  if offset != none { scores = scores + offset }
  if mask != none { scores = where(mask[:, none, :], scores, -1e30) }
  y = softmax(scores, axis=-1) @ x
  h = rearrange(y, "b t (h d) -> b h t d", h=2)
  attention(h, h, h, mask=mask[:, none, none, :])
}"""


def by_hand(module: Any, x: Tensor, mask: Tensor | None, offset: Tensor | None) -> Tensor:
    scores = module.q(x) @ module.k(x).mT
    if offset is not None:
        scores = scores + offset
    if mask is not None:
        scores = scores.masked_fill(~mask[:, None], -1e30)
    h = (scores.softmax(-1) @ x).unflatten(-1, (2, 4)).transpose(1, 2)
    return F.scaled_dot_product_attention(h, h, h, attn_mask=None if mask is None else mask[:, None, None])


def calls(dtype: torch.dtype = torch.float64) -> Iterator[tuple[Tensor, dict[str, Tensor]]]:
    """Inputs of `ATTENTION` in all ways, of two lengths."""
    draw = torch.Generator().manual_seed(0)
    for size in (3, 5):
        x = torch.randn(2, size, 8, generator=draw, dtype=dtype)
        mask = torch.rand(2, size, generator=draw) < 0.7
        mask[:, 0] = True
        both = {"mask": mask, "offset": torch.randn(size, size, generator=draw, dtype=dtype)}
        for count in range(3):
            for names in combinations(both, count):
                yield x, {name: both[name] for name in names}


def test_by_hand() -> None:
    module = spec(ATTENTION).build().double()
    for x, more in calls():
        torch.testing.assert_close(module(x, **more), by_hand(module, x, more.get("mask"), more.get("offset")))


def test_compiled_in_one_graph() -> None:
    module = spec(ATTENTION).build().double()
    fast = torch.compile(module, fullgraph=True, dynamic=True, backend="eager")
    for x, more in calls():
        torch.testing.assert_close(fast(x, **more), module(x, **more))


def test_exported_in_every_way() -> None:
    module = spec(ATTENTION).build().double()
    for x, more in list(calls())[:4]:
        program = torch.export.export(module, (x,), more)
        torch.testing.assert_close(program.module()(x, **more), module(x, **more))


def test_source_is_what_one_would_write() -> None:
    printed = spec(ATTENTION).source()
    body = printed[printed.index("    def forward") :]
    assert "self, x: Tensor, *, mask: Tensor | None = None, offset: Tensor | None = None" in body
    assert (
        """
        if offset is not None:
            scores = scores + offset  # [B, T, T]
        if mask is not None:
            scores = torch.where(mask[:, None, :], scores, -1e30)  # [B, T, T]
"""
        in body
    )
    assert "mask = None if mask is None else mask[:, None, None, :]" in body
    assert "attn_mask=mask)" in body
    assert "else:" not in body


def test_what_is_stated_is_fixed() -> None:
    program = spec(ATTENTION)
    for make in (program.build(given=()), program.build(given=("mask",))):
        with pytest.raises(TypeError, match="offset"):
            make(torch.zeros(2, 3, 8), offset=torch.zeros(3, 3))
    assert "is None" not in program.source(given=("mask", "offset"))


TOGETHER = """arch Net(x: [B, 8], a: [B, 8] = none, b: [B, 8] = none) {
  require (a == none) == (b == none), "a and b go together"
  if a != none { x + a * b }
}"""


def test_a_way_that_the_program_refuses_is_refused_in_the_call() -> None:
    module = spec(TOGETHER).build()
    x = torch.randn(3, 8)
    torch.testing.assert_close(module(x), x)
    torch.testing.assert_close(module(x, a=x, b=x), x + x * x)
    for more in ({"a": x}, {"b": x}):
        with pytest.raises(ValueError, match="a and b go together"):
            module(x, **more)


def test_one_of_two_must_be_given() -> None:
    module = spec("""arch Net(x: [B, 8], a: [B, 8] = none, b: [B, 8] = none) {
      require a != none or b != none, "give a or b"
      x + (a if a != none else b)
    }""").build()
    x = torch.randn(3, 8)
    torch.testing.assert_close(module(x, b=x), x + x)
    with pytest.raises(ValueError, match="give a or b"):
        module(x)


def test_the_module_has_the_parameters_of_all_ways() -> None:
    program = spec(PROGRAMS["a layer of one way"])
    keys = ["a.weight", "a.bias", "b.weight", "b.bias", "c.weight", "c.bias"]
    assert list(program.build().state_dict()) == list(program.build(given=("m",)).state_dict()) == keys
    assert list(program.build(given=()).state_dict()) == [key for key in keys if key[0] != "b"]


def test_an_error_of_one_way_is_told() -> None:
    with pytest.raises(ArchError) as found:
        spec("arch Net(x: [B, 8], m: [B, 4] = none) { if m != none { x + m } }").build()
    assert [one.code for one in found.value.problems] == ["shape-mismatch"]


@pytest.mark.parametrize(
    "body",
    [
        "fc: Linear(8 if m == none else 4)",
        "if m != none { Linear(8) } else { LayerNorm }",
        "param p: [8 if m == none else 1] = ones\nx * p",
    ],
)
def test_another_tensor_under_the_same_key_is_a_problem(body: str) -> None:
    with pytest.raises(ArchError) as found:
        spec(f"arch Net(x: [B, 8], m: [B, 8] = none) {{ {body} }}").build()
    assert [one.code for one in found.value.problems] == ["differs-when-given"]


def test_what_an_arch_expects_is_of_no_optional_inputs() -> None:
    program = spec("""arch Net(x: [B, 8], m: [B, S, 8] = none) {
      fc: Linear(8)
      if m != none { it + sum(m -> more: Linear(8), axis=1) }
      expect { params == 72; macs(B=2) == 128 }
    }""")
    assert not program.check()
    x, m = torch.zeros(2, 8), torch.zeros(2, 3, 8)
    assert program.build()(x, m=m).shape == program.build(given=("m",))(x, m=m).shape == x.shape


FOLDED = """arch Net(x: [B, 3, 8, 8], m: [B, 4, 8, 8] = none) {
  c: Conv2d(4, 3, padding=1)
  bn: BatchNorm2d
  if m != none { it + m }
  relu
}"""


def test_passes_go_before() -> None:
    """Weights are carried through a pass that makes other tensors, for all ways of calling."""
    program = spec(FOLDED)
    plain = program.build().double().eval()
    randomise(plain, 0)
    folded = program.build(passes=("fold-batchnorm",), weights=plain.state_dict(), dtype="f64").eval()
    assert list(folded.state_dict()) == ["c.weight", "c.bias"]
    x, m = torch.randn(2, 3, 8, 8).double(), torch.randn(2, 4, 8, 8).double()
    torch.testing.assert_close(folded(x), plain(x))
    torch.testing.assert_close(folded(x, m=m), plain(x, m=m))
    assert program.verify(passes=("fold-batchnorm",), bind={"B": 2}).ok
    assert "m: Tensor | None = None" in program.source(passes=("fold-batchnorm",))


def test_an_edited_graph_takes_them_too() -> None:
    program = spec(FOLDED)
    edited = program.graph().select("relu").replace("gelu")
    x, m = torch.randn(2, 3, 8, 8), torch.randn(2, 4, 8, 8)
    module = program.build(edited).eval()
    torch.testing.assert_close(module(x, m=m), F.gelu(module.bn(module.c(x)) + m))  # type: ignore[operator]
    torch.testing.assert_close(module(x), F.gelu(module.bn(module.c(x))))  # type: ignore[operator]


def test_weights_of_all_ways_fit_the_module_of_one(tmp_path: Path) -> None:
    text = """arch Net(x: [N, 8], extra: [N, 4] = none) {
      a: Linear(8)
      bn: BatchNorm1d
      if extra != none { it + (extra -> side: Linear(8)) }
      b: Linear(3)
    }"""
    program = spec(text)
    state = program.build(seed=4).state_dict()
    assert "side.weight" in state
    file = tmp_path / "all.safetensors"
    file.write_bytes(weights_bytes(program.build(seed=4)))
    for weights in (state, file):
        for given in ((), ("extra",)):
            made = program.build(given=given, weights=weights).state_dict()
            assert all(torch.equal(made[key], state[key]) for key in made)
            assert ("side.weight" in made) == bool(given)
        folded = program.build(given=(), passes=("fold-batchnorm",), weights=weights)
        assert list(folded.state_dict()) == ["a.weight", "a.bias", "b.weight", "b.bias"]
    with pytest.raises(WeightsError) as caught:
        program.build(given=(), weights={**state, "other": torch.ones(1)})
    assert caught.value.extra == ["other"]
