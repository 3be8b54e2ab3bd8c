"""GRU, Elman and LSTM bodies in many spellings become the fused kernel and compute what the loop does; what is none does not."""

from __future__ import annotations

import pytest
import torch

from archdsl.compiler import load
from archdsl.ir.graph import Graph
from archdsl.ir.verify import check
from archdsl.passes.scans.choose import explained, fast_scans
from archdsl.source import Source
from archdsl.targets.torch.module import build
from tests.passes.scans.cells import ELMANS, GRUS, HIDDEN, LSTMS, OTHERS, WIDTH, spec

FUSED = {
    **{("gru_scan", name): body for name, body in GRUS.items()},
    **{("rnn_scan", name): body for name, body in ELMANS.items()},
    **{("lstm_scan", name): body for name, body in LSTMS.items()},
}
WHY = {
    "Cho's GRU": ["like a GRU's", "`Un` is applied to what `mul` gives, not to `h` as it was", "(<body>:9)"],
    "no reset gate": ["like a GRU's", "no reset gate"],
    "a reset gate on all": ["like a GRU's", "the reset gate is not on the product with the state alone"],
    "a norm before the curve": ["like an Elman RNN's", "`norm` is applied to what `add` gives"],
    "a norm of the state": ["like an Elman RNN's", "`U` is applied to what `norm` gives"],
    "a value of each sequence": ["a gate sees `s` itself"],
    "two products with the state": ["a gate sees the state through several products"],
    "coupled gates": ["like an LSTM's", "`c` is not a gate times `c` and another gate times a tanh"],
    "peepholes": ["like an LSTM's", "what `mul` gives is no sum of products with weights"],
}


def operators(graph: Graph) -> list[str]:
    return [node.op.name for node in graph.nodes if node.op is not None]


def agree(plain: Graph, fast: Graph, axis: int = 1) -> None:
    """Values and gradients, also those of the inputs, in float64."""
    one, two = build(plain, dtype=torch.float64).eval(), build(fast, dtype=torch.float64).eval()
    assert list(one.state_dict()) == list(two.state_dict())
    two.load_state_dict(one.state_dict())
    for length in (0, 1, 2, 7):
        torch.manual_seed(length)
        x = torch.randn(*((2, length, WIDTH) if axis else (length, 2, WIDTH)), dtype=torch.float64, requires_grad=True)
        s = torch.randn(2, HIDDEN, dtype=torch.float64, requires_grad=True)
        grads = []
        outputs = [module(x, s) for module in (one, two)]
        for a, b in zip(*outputs, strict=True):
            torch.testing.assert_close(b, a, rtol=1e-9, atol=1e-9)
        for module, made in zip((one, two), outputs, strict=True):
            total = sum((y * y.detach().cos() + y.sin()).sum() for y in made)
            wanted = [*module.parameters(), x, s]
            grads.append(torch.autograd.grad(total, wanted, allow_unused=True, materialize_grads=True))
        for a, b in zip(*grads, strict=True):
            torch.testing.assert_close(b, a, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("axis, reverse", [(1, ""), (0, "reverse")])
@pytest.mark.parametrize("kind, name", FUSED)
def test_a_cell_however_written(kind: str, name: str, axis: int, reverse: str) -> None:
    plain = spec(FUSED[kind, name], axis, reverse).graph()
    fast = check(fast_scans(plain))
    assert kind in operators(fast)
    assert not any(node.scan for node in fast.nodes)
    agree(plain, fast, axis)


@pytest.mark.parametrize("name", OTHERS)
def test_another_function_keeps_its_loop(name: str) -> None:
    plain = spec(OTHERS[name]).graph()
    fast = check(fast_scans(plain))
    assert not {"gru_scan", "rnn_scan", "lstm_scan"} & set(operators(fast))
    assert any(node.scan for node in fast.nodes)
    agree(plain, fast)


@pytest.mark.parametrize("name", WHY)
def test_why_it_is_none_is_told(name: str) -> None:
    told = "\n".join(map(str, explained(spec(OTHERS[name]).graph())))
    for words in WHY[name]:
        assert words in told, told


def test_weights_in_pytorch_order_are_not_copied() -> None:
    fast = fast_scans(spec(GRUS["a product for all gates"]).graph())
    assert "concat" not in operators(fast)[: operators(fast).index("gru_scan")]


def test_what_yields_make_of_the_state_is_made_behind() -> None:
    plain = spec(GRUS["a product for all gates"], given="tanh(h) * r").graph()
    fast = check(fast_scans(plain))
    assert "gru_scan" in operators(fast)
    agree(plain, fast)


def with_carry(body: str, given: str = "h") -> Graph:
    """The arch with one carry `m` more."""
    text = spec(body, given=given).text.text
    return load(Source("<two>", text.replace("carry h = s", "carry h = s\n    carry m = tanh(s)"))).graph()


def test_cells_upon_each_other_in_one_body() -> None:
    body = """
    m = tanh((a -> W: Linear(5)) + (m -> U: Linear(5)))
    h = tanh((m -> V: Linear(5)) + (h -> R: Linear(5)))"""
    plain = with_carry(body)
    fast = check(fast_scans(plain))
    assert operators(fast).count("rnn_scan") == 2
    assert not any(node.scan for node in fast.nodes)
    agree(plain, fast)


def test_an_affine_carry_of_a_fused_one_is_solved() -> None:
    body = "h = tanh((a -> W: Linear(5)) + (h -> U: Linear(5)))\n    m = 0.9 * m + 0.1 * h"
    plain = with_carry(body, given="m")
    fast = check(fast_scans(plain))
    assert {"rnn_scan", "affine_scan"} <= set(operators(fast))
    agree(plain, fast)


RANKS = {
    "no batch": (
        "x: [T, 3], s: [5]",
        "over axis 0 { carry h = s; h = tanh(w @ a + u @ h + b); yield h; final h }",
        [("T", 3), (5,)],
    ),
    "two batch axes": (
        "x: [B, N, T, 3], s: [B, N, 5]",
        """over axis 2 reverse {
    carry h = s
    r, z, n = a -> W: Linear(15) -> chunk(3, axis=-1)
    hr, hz, hn = h -> U: Linear(15) -> chunk(3, axis=-1)
    h = lerp(tanh(n + sigmoid(r + hr) * hn), h, sigmoid(z + hz))
    yield h + a[:, :, :1]
    final h
  }""",
        [(2, 3, "T", 3), (2, 3, 5)],
    ),
}


@pytest.mark.parametrize("name", RANKS)
def test_states_of_other_ranks(name: str) -> None:
    header, body, shapes = RANKS[name]
    params = "param w: [5, 3] = ones\n  param u: [5, 5] = ones\n  param b: [5] = ones" if "w @" in body else ""
    text = f"arch A({header}) {{\n  {params}\n  y, l = scan a in x {body}\n  head y {{ y }}\n  head l {{ l }}\n}}"
    plain = load(Source("<rank>", text)).graph()
    fast = check(fast_scans(plain))
    assert {"gru_scan", "rnn_scan"} & set(operators(fast))
    assert not any(node.scan for node in fast.nodes)
    one, two = (build(graph, dtype=torch.float64) for graph in (plain, fast))
    generator = torch.Generator().manual_seed(0)
    state = {key: torch.randn(value.shape, generator=generator, dtype=value.dtype) for key, value in one.state_dict().items()}
    one.load_state_dict(state)
    two.load_state_dict(state)
    for length in (0, 1, 2, 5):
        given = [torch.randn(*[length if size == "T" else size for size in shape], dtype=torch.float64) for shape in shapes]
        for a, b in zip(one(*given), two(*given), strict=True):
            torch.testing.assert_close(b, a, rtol=1e-9, atol=1e-9)
