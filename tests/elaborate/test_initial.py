"""`param`, `buffer`, `init`, `default` (section 5): first values, their scope, what is refused."""

from __future__ import annotations

import pytest
import torch

from archdsl.ir.graph import Layer, Parameter
from tests.elaborate.reading import graph, keys, only, same, spec


def built(text: str, header: str = "(x: [N, 8])") -> dict[str, torch.Tensor]:
    """The tensors as they were drawn."""
    return dict(spec(text, header).build(seed=3).double().state_dict())


@pytest.mark.parametrize(
    ("type", "value", "wanted"),
    [
        ("[2, 3]", "zeros", torch.zeros(2, 3)),
        ("[2, 3]", "ones", torch.ones(2, 3)),
        ("[2, 3]", "0.5", torch.full((2, 3), 0.5)),
        ("[2, 3]", "constant(0.5)", torch.full((2, 3), 0.5)),
        ("[2, 3]", "arange(3)", torch.arange(3.0).expand(2, 3)),
        ("[3]", "log(arange(1, 4))", torch.log(torch.arange(1.0, 4.0))),
        ("[3, 3]", "eye(3) * 2", torch.eye(3) * 2),
        ("[2, 2]", "constant([[1, 2], [3, 4]])", torch.tensor([[1.0, 2.0], [3.0, 4.0]])),
        ("[]", "2", torch.tensor(2.0)),
    ],
)
def test_first_values(type: str, value: str, wanted: torch.Tensor) -> None:
    for word in ("param", "buffer"):
        made = built(f"{word} p: {type} = {value}\nx + sum(p)")["p"]
        torch.testing.assert_close(made, wanted.double(), rtol=1e-6, atol=1e-6)


def test_a_constant_may_be_a_list_that_has_a_name() -> None:
    made = built("let kernel = [1, 2, 1]\nbuffer p: [3] = constant(kernel)\nbuffer q: [3] = constant(kernel[1])\nx + sum(p * q)")
    assert made["p"].tolist() == [1.0, 2.0, 1.0]
    assert made["q"].tolist() == [2.0, 2.0, 2.0]


def test_an_initializer_is_converted_to_the_declared_type() -> None:
    made = graph("buffer b: i64[4] = arange(4) * 2\nbuffer m: bool[4] = arange(4) > 1\nx + cast(sum(b), float)").members
    assert [str(one.value.type) for one in made.values() if isinstance(one, Parameter)] == ["i64[4]", "bool[4]"]


def test_a_buffer_may_not_be_saved() -> None:
    made = spec("buffer(persistent=false) b: [8] = ones\nbuffer c: [8] = ones\nx + b + c").build()
    assert list(made.state_dict()) == ["c"]
    same(made.double()(torch.zeros(2, 8).double()), torch.full((2, 8), 2.0).double())


def test_a_parameter_may_have_its_own_path() -> None:
    assert keys('repeat i in 0..2 { param p = "tok{i}.w": [8] = zeros\nit + p }') == ["tok0.w", "tok1.w"]


def inits(text: str) -> dict[str, str]:
    return {
        f"{'.'.join(path)}.{leaf}": one.name
        for path, member in graph(text).members.items()
        if isinstance(member, Layer)
        for leaf, one in member.inits
    }


def test_the_nearest_init_wins() -> None:
    text = (
        "a: Linear(8)\ninit Linear.weight = normal(std=0.02)\nb: Linear(8)\n{ init Linear.weight = zeros\nc: Linear(8) }\n"
        "d: Linear(8)\ne: Linear(8, init=ones)\ninit Linear.bias = zeros\nf: Linear(8)"
    )
    assert inits(text) == {
        "b.weight": "normal",
        "c.weight": "zeros",
        "d.weight": "normal",
        "e.weight": "ones",
        "f.weight": "normal",
        "f.bias": "zeros",
    }


def test_an_init_holds_in_all_that_is_called() -> None:
    made = built("block B { fc: Linear(8) }\narch Net(x: [N, 8]) { init Linear.weight = constant(0.25)\nb: B }")
    assert bool((made["b.fc.weight"] == 0.25).all())


def test_defaults_are_arguments_unless_the_layer_says_them() -> None:
    text = "default Linear(bias=false)\na: Linear(8)\nb: Linear(8, bias=true)\n{ default Linear(bias=true)\nc: Linear(8) }\nd: Linear(8)"
    assert [key for key in keys(text) if "bias" in key] == ["b.bias", "c.bias"]


@pytest.mark.parametrize(
    ("body", "code", "text"),
    [
        ("init Linear.wight = zeros\nfc: Linear(4)", "unknown-argument", "init Linear.wight = zeros"),
        ("init relu.weight = zeros\nfc: Linear(4)", "not-a-layer", None),
        ("init Linear.weight = norml(std=1)\nfc: Linear(4)", "unknown-name", "norml(std=1)"),
        ("init Linear.weight = normal(sdt=1)\nfc: Linear(4)", "unknown-argument", "sdt=1"),
        ("init Linear.weight = normal(std=-1)\nfc: Linear(4)", "bad-argument", "std=-1"),
        ("init Linear.weight = normal(std=x)\nfc: Linear(4)", "bad-argument", "std=x"),
        ("init Linear.weight = normal(std=N)\nfc: Linear(4)", "bad-argument", "std=N"),
        ("fc: Linear(4, init=norml)", "unknown-name", "norml"),
        ("default relu(3)\nx", "not-a-layer", None),
        ("default Linear\nx", "misplaced-statement", None),
        ("default Linear(bais=false)\nx", "unknown-argument", "bais=false"),
        ("param p: [8] = zeros(4)\nx + p", "shape-mismatch", None),
        ("param p: [8] = x[0]\nx + p", None, None),
        ("param p: [N] = zeros\nx", "needs-a-number", "[N]"),
        ("param p: [8] = Linear(8)\nx + p", None, None),
        ("buffer(saved=false) b: [8] = zeros\nx + b", "unknown-argument", "saved=false"),
        ("fn f(x: [N, D]) -> [N, D] { param p: [D] = zeros\nx + p }\narch Net(x: [N, 8]) { f }", "misplaced-statement", None),
    ],
)
def test_refusals(body: str, code: str | None, text: str | None) -> None:
    found = only(body)
    assert code is None or found[0] == code
    assert text is None or found[1] == text


def test_every_leaf_of_a_recurrent_layer_may_be_named() -> None:
    assert inits("init LSTM.weight_hh_l5 = zeros\nx[:, none] -> l: LSTM(4, num_layers=6) -> it[:, 0]") == {
        "l.weight_hh_l5": "zeros"
    }


def test_a_leaf_of_a_part_of_a_layer_may_be_named() -> None:
    body = "init MultiheadAttention.out_proj.weight = eye\nx[:, none] -> (it, it, it) -> attn: MultiheadAttention(2) -> it[:, 0]"
    assert inits(body) == {"attn.out_proj.weight": "eye"}
    assert only(body.replace("proj.weight", "proj.wight"))[0] == "unknown-argument"
