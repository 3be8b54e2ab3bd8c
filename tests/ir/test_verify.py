"""The verifier accepts every program that compiles and refuses every corruption, by the invariant that it breaks."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from archdsl.ir.build import Builder
from archdsl.ir.graph import Parameter
from archdsl.ir.invariants.finding import INVARIANTS
from archdsl.ir.verify import InvalidGraph, check, verify
from tests.ir import corruptions, more_corruptions
from tests.ir.corrupting import (
    CORRUPTIONS,
    node,
    op,
    runs,
)
from tests.ir.everything import everything, programs

STATED_IN = (corruptions, more_corruptions)
"""Importing them registers what they state."""


def test_there_is_nothing_to_find_in_what_compiles() -> None:
    assert {name: verify(graph) for name, graph in programs().items() if verify(graph)} == {}
    assert check(everything()) is everything()


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_corruption_is_refused_by_its_invariant(name: str) -> None:
    rule, corrupt = CORRUPTIONS[name]
    broken = corrupt(everything())
    findings = verify(broken)
    assert rule in {one.rule for one in findings}, [str(one) for one in findings]
    with pytest.raises(InvalidGraph) as caught:
        check(broken)
    assert caught.value.findings == findings
    assert rule in str(caught.value)


def test_every_invariant_has_a_corruption_that_breaks_it() -> None:
    assert {rule for rule, _ in CORRUPTIONS.values()} == set(INVARIANTS)
    assert all(check.__doc__ for check in INVARIANTS.values())


def test_free_configuration_may_size_parameters() -> None:
    builder = Builder("Net", "arch")
    x = builder.input("x", "[N, width]")
    graph = builder.finish({"y": builder.layer("fc", op("Linear", out_features=3), x)})
    assert {one.rule for one in verify(graph)} == {"parameters-have-numbers-for-sizes"}
    assert verify(graph, free=["width"]) == ()


def test_the_builder_makes_valid_graphs() -> None:
    inner = Builder("Inner")
    x = inner.input("x", "[N, 8]")
    graph = inner.finish(inner.op(op("relu"), inner.layer("fc", op("Linear", out_features=8), x), path="1"))
    outer = Builder("Outer", "arch")
    y = outer.input("x", "[N, 8]")
    w = outer.parameter("w", "[8]")
    assert isinstance(outer._members["w",], Parameter)
    y = outer.op(op("add"), outer.call("a", graph, y), w)
    assert verify(outer.finish({"y": outer.call("b", graph, y)})) == ()


@dataclass(frozen=True)
class Broken:
    """No operator at all, in a node."""

    name: str = "broken"
    layer: bool = False
    numbers: bool = True
    tensors: tuple[str, ...] = ("x", "y")

    def bind(self, *_: object) -> Broken:
        raise ZeroDivisionError


def test_a_tie_of_a_tensor_whose_name_has_dots_is_counted_once() -> None:
    builder = Builder("Net", "arch")
    x = builder.input("x", "[N, T, 8]")
    for name in ("a", "b"):
        x = builder.layer(name, op("MultiheadAttention", num_heads=2), x, x, x, None, None)
    builder.ties["b", "out_proj", "weight"] = "a", "out_proj", "weight"
    graph = builder.finish({"y": x})
    assert verify(graph) == ()
    keys = [".".join(path) for path, _ in graph.tensors()]
    assert keys.count("a.out_proj.weight") == 1
    assert "b.out_proj.weight" not in keys
    assert "b.out_proj.bias" in keys


def test_an_operator_that_fails_is_a_finding() -> None:
    broken = node(everything(), runs("mul"), op=Broken())
    assert "results-are-typed-as-inferred" in {one.rule for one in verify(broken)}
