"""A cell that is written as a block gets the form that it gets written in place; keys stay."""

from __future__ import annotations

import pytest
import torch

from archdsl.compiler import load
from archdsl.ir.graph import Graph
from archdsl.ir.verify import check
from archdsl.passes.scans.choose import explained, fast_scans
from archdsl.source import Source
from archdsl.targets.torch.module import build

LSTM = """
    i, f, g, o = (xt -> W: Linear(16)) + (h -> U: Linear(16)) -> chunk(4, axis=-1)
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    h = sigmoid(o) * tanh(c)"""
CELLS = {
    "an LSTM": ("(xt: [B, D], h: [B, H], c: [B, H])", LSTM, "(h, c)", "h, c"),
    "an affine carry": (
        "(xt: [B, D], h: [B, H])",
        "\n    h = (xt -> gate: Linear(4) -> sigmoid) * h + (xt -> W: Linear(4))",
        "h",
        "h",
    ),
    "a table of its own": (
        "(xt: [B, D], h: [B, H])",
        "\n    param decay: [4] = normal\n    h = tanh(h * decay + (xt -> W: Linear(4)))",
        "h",
        "h",
    ),
}


def text(name: str, *, block: bool) -> str:
    header, body, result, carries = CELLS[name]
    names = carries.split(", ")
    starts = "\n".join(f"    carry {one} = zeros(B, 4)" for one in names)
    if block:
        called = f"    {carries} = (xt, {carries}) -> cell: Cell"
        return f"""block Cell{header} {{
  {body.strip()}
  {result}
}}
arch A(x: [B, T, 3]) -> y: [B, T, 4] {{
  scan xt in x over axis 1 {{
{starts}
{called}
    yield h
  }}
  head y
}}"""
    inside = body.strip()
    outside = ""
    if inside.startswith("param"):
        outside, _, inside = inside.partition("\n")
        outside = "  " + outside.replace("param decay", "param decay = cell.decay") + "\n"
    inside = inside.replace("W:", "cell.W:").replace("U:", "cell.U:").replace("gate:", "cell.gate:")
    return f"""arch A(x: [B, T, 3]) -> y: [B, T, 4] {{
{outside}  scan xt in x over axis 1 {{
{starts}
    {inside}
    yield h
  }}
  head y
}}"""


def graph(source: str) -> Graph:
    return load(Source("case.arch", source)).graph()


def ops(graph: Graph) -> list[str]:
    return sorted(node.op.name for one in graph.graphs() for node in one.nodes if node.op is not None)


@pytest.mark.parametrize("solving", [True, False])
@pytest.mark.parametrize("name", CELLS)
def test_the_form_is_that_of_the_cell_in_place(name: str, solving: bool) -> None:
    plain = graph(text(name, block=True))
    made = check(fast_scans(plain, solving=solving))
    assert ops(made) == ops(fast_scans(graph(text(name, block=False)), solving=solving))
    assert dict(made.tensors()) == dict(plain.tensors())
    one, two = build(plain, dtype=torch.float64), build(made, dtype=torch.float64)
    assert list(two.state_dict()) == list(one.state_dict())
    two.load_state_dict(one.state_dict())
    x = torch.randn(2, 5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for module in (one, two):
        module(x).sum().backward()
    torch.testing.assert_close(two(x), one(x), rtol=1e-12, atol=1e-12)
    for key, value in one.named_parameters():
        torch.testing.assert_close(dict(two.named_parameters())[key].grad, value.grad, rtol=1e-10, atol=1e-12)


def test_a_cell_in_a_cell_that_others_call_too() -> None:
    source = """block Gate(x: [B, D]) -> [B, D] { fc: Linear(D); sigmoid }
block Cell(xt: [B, D], h: [B, D]) -> [B, D] { (xt -> gate: Gate) * h + xt }
arch A(x: [B, T, 4]) -> y: [B, T, 4] {
  shared cell = Cell
  z = (x[:, 0], x[:, 0]) -> cell
  scan xt in x over axis 1 {
    carry h = z
    h = (tanh(xt), h) -> cell
    yield h
  }
  head y
}"""
    plain = graph(source)
    made = check(fast_scans(plain))
    assert not any(node.scan for node in made.nodes)
    one, two = build(plain, dtype=torch.float64), build(made, dtype=torch.float64)
    two.load_state_dict(one.state_dict())
    x = torch.randn(2, 5, 4, dtype=torch.float64)
    torch.testing.assert_close(two(x), one(x), rtol=1e-12, atol=1e-12)


def test_a_cell_that_stays_in_the_loop_stays_a_block() -> None:
    source = """block Cell(h: [B, D]) -> [B, D] { fc: Linear(D); tanh }
arch A(x: [B, T, 4]) -> y: [B, T, 4] {
  scan xt in x over axis 1 { carry h = zeros(B, 4); h = tanh(h * xt) -> cell: Cell; yield h }
  head y
}"""
    plain = graph(source)
    assert fast_scans(plain).members.keys() == plain.members.keys()
    assert [one.form for one in explained(plain)] == ["the loop"]
