"""One step after the other gives what the whole pass gives: scans of all kinds, in blocks, with pointwise work around."""

from __future__ import annotations

import onnx
import pytest
import torch

from archdsl.ir.verify import check
from archdsl.passes.streaming.choose import one_step
from tests.passes.streaming.running import agree, onnx_agrees, randomised, spec

B, T, D = 3, 6, 4

LSTM = """  scan xt in x over axis 1 {
    carry h = zeros(B, hidden)
    carry c = zeros(B, hidden)
    i, f, g, o = (xt -> W: Linear(4*hidden)) + (h -> U: Linear(4*hidden, bias=false)) -> chunk(4, axis=-1)
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    h = sigmoid(o) * tanh(c)
    yield h
  }"""
GRU = """  scan xt in x over axis 1 {
    carry h = zeros(B, hidden)
    r, z, n = xt -> W: Linear(3*hidden) -> chunk(3, axis=-1)
    rh, zh, nh = h -> U: Linear(3*hidden) -> chunk(3, axis=-1)
    z = sigmoid(z + zh)
    h = (1 - z) * tanh(n + sigmoid(r + rh) * nh) + z * h
    yield h
  }"""
OWN = """  param w0: [hidden] = normal
  scan xt in x over axis 1 {
    carry a: [B, hidden] = tanh(w0)
    carry b: [B, hidden] = 1.0
    a = tanh((concat(xt, a, axis=-1) -> A: Linear(hidden)) + 0.1 * b)
    b = 0.9 * b + a ** 2
    yield a / (1 + b)
  }"""


def block(name: str, body: str) -> str:
    return f"block {name}(hidden: int)(x: [B, T, D]) -> [B, T, hidden] {{\n{body}\n}}\n"


BLOCKS = block("LSTM_", LSTM) + block("GRU_", GRU) + block("Own", OWN)

MODELS = {
    "an LSTM": """
  rnn: LSTM_(5)""",
    "a GRU": """
  rnn: GRU_(5)""",
    "an own cell": """
  rnn: Own(5)""",
    "two in sequence": """
  a: LSTM_(5)
  b: GRU_(3)""",
    "a stack": """
  rnn: repeat 3 { Own(4) }""",
    "the same weights twice": """
  shared f = Own(4)
  x -> f
  it -> f""",
    "pointwise around": """
  norm: LayerNorm
  fc: Linear(8)
  gelu
  rnn: Own(4)
  skip { up: Linear(4); tanh; dropout: Dropout(0.3) }
  softmax(-1)""",
    "axes moved": """
  transpose(1, 2)
  mix: Conv1d(4, 1)
  bn: BatchNorm1d
  transpose(1, 2)
  rnn: Own(4)
  rearrange("b t (h d) -> b h t d", h=2)
  it * 2.0
  rearrange("b h t d -> b t (h d)")""",
    "broadcast tables": """
  param p: [1, 1, 4] = normal
  param q: [4] = normal
  x * p + q
  rnn: Own(4)
  it - p""",
    "filled with the length": """
  z = ones(B, T, 2)
  concat(x, z, axis=-1)
  rnn: Own(4)
  it + zeros_like(it)""",
    "expanded with the length": """
  param p: [1, 1, 2] = normal
  concat(x, expand(p, B, T, 2), axis=-1)
  rnn: Own(4)""",
    "two scanned tensors": """
  a = x -> A: Linear(4)
  scan u in x, v in a over axis 1 { carry h = zeros(B, 4); h = 0.5 * h + u * v; yield h + v }""",
    "no carry": """
  scan u in x over axis 1 { yield (u -> A: Linear(4)) * 2.0 }
  rnn: Own(4)""",
    "a scan in the body": """
  scan u in x over axis 1 {
    carry h = zeros(B)
 s = scan e in u over axis 1 { carry m = h
    m = tanh(m + e)
    final m }
 h = 0.5 * h + s
    yield h[:, none] + u }""",
    "a scan along another axis": """
  rnn: Own(4)
  scan e in it over axis 2 { carry m = zeros(B, T); m = 0.5 * m + tanh(e); yield m }""",
    "the old carry": """
  scan u in x over axis 1 { carry h = zeros(B, 4); yield h; h = 0.5 * h + u }""",
    "an if of training": """
  rnn: Own(4)
  if training { Dropout(0.5) } else { tanh }""",
    "a shift": """
  past = concat(zeros(B, 1, 4), x[:, :-1], axis=1)
  x - 0.5 * past
  rnn: Own(4)""",
    "a shift by the shape": """
  past = concat(zeros_like(x[:, :1]), x[:, :-1], axis=1)
  x - 0.5 * past
  rnn: Own(4)""",
    "a shift by padding": """
  past = pad(x, [0, 0, 2, 0])[:, :-2]
  x - 0.5 * past
  rnn: Own(4)""",
    "a learned first": """
  param p: [1, 1, 4] = normal
  past = concat(expand(p, B, 1, 4), x[:, :-1], axis=1)
  x - past
  rnn: Own(4)""",
    "a causal convolution": """
  transpose(1, 2) -> conv: Conv1d(4, 3, padding=2) -> it[:, :, :T] -> transpose(1, 2)
  rnn: Own(4)""",
    "padding, then a convolution": """
  transpose(1, 2) -> pad([4, 0]) -> conv: Conv1d(4, 3, dilation=2, bias=false) -> tanh -> transpose(1, 2)
  rnn: Own(4)""",
    "padding, a function, then a convolution": """
  transpose(1, 2) -> pad([2, 0], value=0.5) -> exp -> conv: Conv1d(4, 3) -> transpose(1, 2)
  rnn: Own(4)""",
    "a pool over the past": """
  transpose(1, 2) -> pad([1, 0], value=-9.0) -> max_pool1d(2, stride=1) -> transpose(1, 2)
  rnn: Own(4)""",
    "embedded positions": """
  places = arange(T) -> pos: Embedding(16, 4)
  x + places
  rnn: Own(4)
  it * cast(arange(3, 2*T + 3, 2), float)[:, none]""",
    "a table of positions": """
  require T <= 15
  param pos: [1, 16, 6] = normal
  x + pos[:, 1:T + 1, 0:4]
  rnn: Own(4)""",
    "a range that is scanned": """
  scan u in x, n in expand(arange(T)[none], B, T) over axis 1 {
    carry h = zeros(B, 4)
    h = (h * cast(n, float)[:, none] + u) / cast(n + 1, float)[:, none]
    yield h
  }""",
    "nn.LSTM": """
  rnn: LSTM(5, num_layers=2)
  rnn2: GRU(3)""",
    "nn.RNN from a state": """
  param h: [1, 1, 4] = normal
  (x, expand(h, 1, B, 4)) -> rnn: RNN(4)""",
}


@pytest.mark.parametrize("name", MODELS)
def test_a_step_gives_what_the_whole_gives(name: str) -> None:
    text = f"{BLOCKS}arch A(x: [B, T, 4]) -> y: [B, T, _] {{{MODELS[name]}\n  head y\n}}"
    torch.manual_seed(2)
    agree(spec(text), (torch.randn(B, T, D, dtype=torch.float64),), (1,), (1,))


@pytest.mark.parametrize(
    "name", ["an LSTM", "a stack", "a causal convolution", "a shift", "nn.LSTM", "the old carry", "embedded positions"]
)
def test_onnx_steps_too(name: str) -> None:
    text = f"{BLOCKS}arch A(x: [B, T, 4]) -> y: [B, T, _] {{{MODELS[name]}\n  head y\n}}"
    torch.manual_seed(2)
    onnx_agrees(spec(text), (torch.randn(B, T, D),), (1,), (1,))


def test_last_states_are_those_so_far() -> None:
    text = """arch A(x: [T, B, 4]) -> y: [T, B, 4], last: [B, 4], score: [B, 3], end: [B, 4] {
  y, h = scan u in x over axis 0 { carry h = zeros(B, 4); h = tanh(h + u); yield h * u; final h }
  head y { y }
  head last { h }
  head score { h -> fc: Linear(3); softmax(-1) }
  head end { y[-1] * 2.0 }
}"""
    torch.manual_seed(2)
    x = torch.randn(T, B, D, dtype=torch.float64)
    agree(spec(text), (x,), (0,), (0, None, None, None))


def test_until_stops_for_good() -> None:
    text = """arch A(x: [B, T, 4]) -> y: [B, 4] {
  scan u in x over axis 1 { carry h = zeros(B, 4); h = 0.5 * h + u; final h; until sum(h) > 1.0 }
  head y
}"""
    torch.manual_seed(0)
    agree(spec(text), (torch.randn(B, 9, D, dtype=torch.float64),), (1,), (None,))


def test_a_memory_that_is_the_same_in_every_step() -> None:
    text = """arch A(memory: [B, S, 4], x: [B, T, 4]) -> y: [B, T, 4] {
  start = mean(memory, axis=1) -> enc: Linear(4)
  scan u in x over axis 1 {
    carry h = start
    w = softmax(einsum("b s d, b d -> b s", memory, h), axis=-1)
    h = tanh(u + einsum("b s, b s d -> b d", w, memory))
    yield h
  }
  head y
}"""
    torch.manual_seed(0)
    agree(spec(text), (torch.randn(B, 5, D).double(), torch.randn(B, T, D).double()), (None, 1), (1,))


def test_a_length_that_is_a_number() -> None:
    text = f"{BLOCKS}arch A(x: [B, 6, 4]) -> y: [B, 6, 5] {{ fc: Linear(3); rnn: Own(5); tanh; head y }}"
    agree(spec(text), (torch.randn(B, 6, D).double(),), (1,), (1,))


def test_a_table_for_a_length_that_is_a_number() -> None:
    text = f"""{BLOCKS}arch A(x: [6, B, 4]) -> y: [6, B, 4] {{
  param pos: [6, 1, 4] = normal
  param gain: [6, 4] = normal
  x + pos
  y = scan u in it, g in gain, n in arange(6) over axis 0 {{
    carry h = zeros(B, 4)
    h = tanh(h + u) * g
    yield h * cast(n, float)
  }}
  head y {{ y }}
}}"""
    agree(spec(text), (torch.randn(6, B, D).double(),), (0,), (0,))


def test_several_lengths_are_told_apart() -> None:
    text = """arch A(x: [B, S, 4], y: [B, T, 4]) -> z: [B, T, 4] {
  s = scan u in x over axis 1 { carry h = zeros(B, 4); h = tanh(h + u); final h }
  y -> scan v in it over axis 1 { carry h = s; h = tanh(h + v); yield h }
  head z
}"""
    text = text.replace("y -> scan v in it", "scan v in y")
    torch.manual_seed(0)
    agree(spec(text), (torch.randn(B, 5, D).double(), torch.randn(B, T, D).double()), (None, 1), (1,), over="T")


ATTENDING = """block Attention(width: int)(query: [B, Q], memory: [B, S, M]) -> [B, M] {
  q = query -> W_query: Linear(width, bias=false)
  k = memory -> W_memory: Linear(width, bias=false)
  scores = tanh(q[:, none, :] + k) -> v: Linear(1, bias=false) -> squeeze(-1)
  einsum("b s, b s m -> b m", softmax(scores, axis=-1), memory)
}
arch A(source: [B, S, 4], x: [B, T, 4]) -> y: [B, T, 4], memory: [B, S, 6] {
  memory = source -> encoder: GRU(3, bidirectional=true)
  y = scan u in x over axis 1 {
    carry h = mean(memory, axis=1) -> start: Linear(4) -> tanh
    context = (h, memory) -> attention: Attention(5)
    h = (concat(u, context, axis=-1), h) -> cell: GRUCell(4)
    yield h
  }
  head y { y }
  head memory { memory }
}"""


def test_an_encoder_runs_in_the_first_step_alone() -> None:
    model = spec(ATTENDING)
    torch.manual_seed(0)
    source, x = torch.randn(B, 5, D).double(), torch.randn(B, T, D).double()
    graph = model.graph()
    assert check(one_step(graph)).inputs[2:] != ()
    step, whole = randomised(model.step(dtype=torch.float64)), model.build(dtype=torch.float64).eval()
    whole.load_state_dict(step.state_dict())
    ran: list[str] = []
    for name in ("encoder", "start", "attention.W_memory", "attention.W_query"):
        step.get_submodule(name).register_forward_hook(lambda *_, name=name: ran.append(name))
    y, memory = whole(source, x)
    state: list[torch.Tensor] = []
    for t in range(T):
        ran.clear()
        got, kept, *state = step(source, x[:, t], *state)
        torch.testing.assert_close(got, y[:, t], rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(kept, memory, rtol=1e-9, atol=1e-9)
        assert sorted(ran) == sorted(
            ["attention.W_query"] if t else ["encoder", "start", "attention.W_memory", "attention.W_query"]
        )


def test_an_encoder_is_no_part_of_later_onnx_steps() -> None:
    model = spec(ATTENDING)
    whole = model.build()
    first, later = (onnx.load_from_string(model.onnx(weights=whole, step=step, inline=True)).graph for step in ("first", True))
    assert "GRU" in {node.op_type for node in first.node}
    assert "GRU" not in {node.op_type for node in later.node}
    assert [one.name for one in first.input] == ["source", "x"]
    assert [one.name for one in later.input] == ["x", "h", "memory_2", "k"]  # `memory` is an output
    assert not [one.name for one in later.initializer if one.name.startswith(("encoder", "start"))]
    torch.manual_seed(0)
    onnx_agrees(model, (torch.randn(B, 5, D), torch.randn(B, T, D)), (None, 1), (1, None))
