"""Shared instances, ties, aliases, borrowed layers (sections 4 to 6), and what is elaborated once (section 7)."""

from __future__ import annotations

import pytest
import torch

from archdsl.ir.graph import Call
from tests.elaborate.reading import graph, keys, module, numbers, only, same, spec


def test_a_shared_layer_has_one_set_of_weights() -> None:
    made = module("shared f = Linear(8)\nx -> f -> tanh -> f")
    x, state = numbers(3, 8), made.state_dict()
    assert list(state) == ["f.weight", "f.bias"]
    one = lambda v: v @ state["f.weight"].T + state["f.bias"]
    same(made(x), one(torch.tanh(one(x))))


def test_a_shared_layer_may_have_its_own_path_and_other_labels() -> None:
    made = graph("shared f = enc.emb: Linear(8)\nx -> f\nx -> dec.emb: f\nx -> dec.emb: f\nx -> enc.emb: f\nx -> f")
    assert [".".join(path) for path, _ in made.tensors()] == ["enc.emb.weight", "enc.emb.bias"]
    assert made.aliases == {("dec", "emb"): ("enc", "emb")}
    assert ("dec",) in made.containers


def test_a_shared_block_and_group() -> None:
    made = module("shared f = { Linear(8); tanh }\nx -> f -> f")
    x, state = numbers(3, 8), made.state_dict()
    one = lambda v: torch.tanh(v @ state["f.0.weight"].T + state["f.0.bias"])
    same(made(x), one(one(x)))


def test_a_shared_layer_passed_to_a_block_stays_itself() -> None:
    program = "block Res(f: layer)(x: [N, D]) -> [N, D] { skip { f } }\narch Net(x: [N, 8]) { shared s = Linear(8)\na: Res(s); b: Res(s) }"
    made = module(program)
    x, state = numbers(3, 8), made.state_dict()
    assert list(state) == ["s.weight", "s.bias"]
    step = lambda v: v + v @ state["s.weight"].T + state["s.bias"]
    same(made(x), step(step(x)))


def test_its_labels_in_the_block_are_aliases() -> None:
    program = "block Res(f: layer)(x: [N, D]) -> [N, D] { skip { g: f } }\narch Net(x: [N, 8]) { shared s = Linear(8)\na: Res(s); b: Res(s) }"
    assert list(module(program).state_dict()) == ["s.weight", "s.bias", "a.g.weight", "a.g.bias", "b.g.weight", "b.g.bias"]


TIES = [
    "arch Net(t: i64[N]) { shared e = Embedding(10, 8)\nt -> e -> lm: Linear(10, bias=false, weight=e.weight) }",
    "block H(w: layer)(x: [N, D]) { out: Linear(10, bias=false, weight=w.weight) }\narch Net(t: i64[N]) { shared e = Embedding(10, 8)\nt -> e -> lm: H(e) }",
    "block H(x: [N, D], w: [V, D]) { out: Linear(V, bias=false, weight=w) }\narch Net(t: i64[N]) { param w = e.weight: [10, 8] = normal\nembed(t, w) -> (it, w) -> lm: H }",
]


@pytest.mark.parametrize("program", TIES[:2])
def test_ties_across_blocks(program: str) -> None:
    made = module(program)
    t = torch.tensor([1, 4, 9])
    weight = made.state_dict()["e.weight"]
    same(made(t), weight[t] @ weight.T)
    assert sum(one.numel() for one in made.parameters()) == 80


def test_a_parameter_passed_through_blocks_stays_that_parameter() -> None:
    program = (
        "block H(x: [N, D], w: [V, D]) -> [N, V] { out: Linear(V, bias=false, weight=w) }\n"
        "block Mid(x: [N, D], w: [V, D]) -> [N, V] { (x, w) -> h: H }\n"
        "arch Net(x: [N, 8]) { param w: [10, 8] = normal\n(x, w) -> m: Mid }"
    )
    made = module(program)
    x = numbers(3, 8)
    assert list(made.state_dict()) == ["w", "m.h.out.weight"]
    same(made(x), x @ made.state_dict()["w"].T)


@pytest.mark.parametrize(
    ("body", "code", "text"),
    [
        ("shared e = Linear(8)\nx -> e -> lm: Linear(10, bias=false, weight=e.weight)", "shape-mismatch", None),
        ("shared e = Linear(8)\nx -> e -> lm: Linear(8, weight=e.wight)", "unknown-name", None),
        ("shared e = Linear(8)\nx -> e -> lm: Linear(8, wight=e.weight)", "unknown-argument", None),
        ("v = zeros(8, 8) + 1\nx -> lm: Linear(8, weight=v)", "not-a-parameter", None),
        ("shared e = Linear(8)\nx -> e(3)", "too-many-arguments", None),
        ("shared e = Linear(8)\nx -> e\nx[:, :4] -> e", "shape-mismatch", "e"),
        ("shared e = relu + 1\nx", "not-a-tensor", "relu"),
        ("shared e = repeat 2 { Linear(8) }\nx", "misplaced-statement", None),
    ],
)
def test_refusals(body: str, code: str, text: str | None) -> None:
    found = only(body)
    assert found[0] in (code, "shared-mismatch")
    assert text is None or found[1] == text


def test_a_leaf_is_a_tensor_in_expressions() -> None:
    made = module("shared f = Linear(8)\nx -> f\nit * sum(f.weight) + f.bias")
    x, state = numbers(3, 8), made.state_dict()
    weight, bias = state["f.weight"], state["f.bias"]
    same(made(x), (x @ weight.T + bias) * weight.sum() + bias)


DEEP = "block B(k: int = 1)(x: [N, D]) -> [N, D] { skip { fc: Linear(k * D); relu; out: Linear(D) } }\n"


def blocks(program: str) -> list[int]:
    made = graph(program)
    return [id(one.graph) for one in made.members.values() if isinstance(one, Call)]


def test_equal_blocks_are_one_graph() -> None:
    assert len(set(blocks(DEEP + "arch Net(x: [N, 8]) { layers: repeat 96 { B } }"))) == 1
    assert len(set(blocks(DEEP + "arch Net(x: [N, 8]) { a: B; b: B(1); c: B(k=1) }"))) == 1


@pytest.mark.parametrize(
    "body",
    [
        "a: B(1); b: B(2)",
        "a: B; init Linear.weight = zeros\nb: B",
        "a: B; default Linear(bias=false)\nb: B",
        "a: B; Linear(4); b: B",
    ],
)
def test_other_blocks_are_others(body: str) -> None:
    assert len(set(blocks(DEEP + f"arch Net(x: [N, 8]) {{ {body} }}"))) == 2


def test_an_arch_is_mounted_like_a_block() -> None:
    program = (
        "arch Inner(n: int = 4)(x: [N, 8]) -> y: [N, n] { head y { fc: Linear(n) } }\narch Net(x: [N, 8]) { inner: Inner(5) }"
    )
    assert [".".join(path) for path, _ in spec(program).graph("Net").tensors()] == ["inner.fc.weight", "inner.fc.bias"]
    assert keys("shared f = Linear(8)\nx -> f") == ["f.weight", "f.bias"]


SECOND_LABELS = {
    "said where it is declared again": (
        "arch Net(t: i64[N]) -> y: [N, 8] { shared w = model.words: Embedding(10, 8)\nshared again = model.encoder.words: w\n"
        "model: { encoder: { again; fc: Linear(8) } } }",
        {"model.words.weight", "model.encoder.words.weight", "model.encoder.fc.weight", "model.encoder.fc.bias"},
    ),
    "deep in a block that is called deep": (
        "block In(words: layer)(x: i64[N]) -> [N, 8] { shared again = far.away.table: words\nagain -> Dropout(0.1) }\n"
        "block Outer(words: layer)(x: i64[N]) -> [N, 8] { _: In(words) }\n"
        "arch Net(t: i64[N]) -> y: [N, 8] { shared w = words: Embedding(10, 8)\nsub.deep: Outer(w) }",
        {"words.weight", "sub.deep.far.away.table.weight"},
    ),
    "reaching into a block from outside": (
        "block In(words: layer)(x: i64[N]) -> [N, 8] { words }\n"
        "arch Net(t: i64[N]) -> y: [N, 8] { shared w = words: Embedding(10, 8)\nshared again = sub.deep.far.table: w\nsub.deep: In(w) }",
        {"words.weight", "sub.deep.far.table.weight"},
    ),
}


@pytest.mark.parametrize("name", SECOND_LABELS)
def test_a_second_label_may_be_declared_anywhere(name: str) -> None:
    """Its containers are made where nothing else stands in them."""
    program, wanted = SECOND_LABELS[name]
    made = module(program)
    assert set(made.state_dict()) == wanted
    t = torch.tensor([1, 4, 9])
    assert made(t).shape == (3, 8)


def test_a_second_label_is_claimed() -> None:
    program = "arch Net(t: i64[N]) -> y: [N, 8] { shared w = Embedding(10, 8)\nshared again = fc: w\nagain -> fc: Linear(8) }"
    assert [one.code for one in spec(program).check()] == ["duplicate-label"]
