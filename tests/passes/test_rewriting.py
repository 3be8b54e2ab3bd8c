"""The rewrite engine on small graphs."""

from __future__ import annotations

from typing import Any

import pytest

from archdsl.ir.graph import Graph
from archdsl.ir.verify import verify
from archdsl.passes.cleanup.dead_values import DeadValues
from archdsl.passes.pattern import Refusal, Rule, number, op, value
from archdsl.passes.rewriting import Endless, rewrite
from tests.elaborate.reading import graph


def through(text: str, *rules: Rule) -> tuple[list[str], list[Refusal]]:
    """The words of the graph's operators after the rules, without what nothing uses, and the refusals."""
    refusals: list[Refusal] = []
    after = rewrite(graph(text, "(x: [N, 8], y: [N, 8], a: [8, 8])"), rules, "f32", refusals)
    after = DeadValues().run(after)
    assert not verify(after)
    return words(after), refusals


def words(after: Graph) -> list[str]:
    return [node.op.name if node.op is not None else ".".join(node.member or ()) for node in after.nodes]


x, y = value("x"), value("y")


def test_a_pattern_in_any_order_and_with_a_number() -> None:
    rule = Rule(
        "2 x = x + x", op("mul", x, number(2), any_order=True), lambda match, build: build(match["x"]) + build(match["x"])
    )
    assert through("2 * x", rule)[0] == ["add"]
    assert through("x * 2", rule)[0] == ["add"]
    assert through("x * 3", rule)[0] == ["mul"]


def test_a_name_stands_for_one_operand() -> None:
    rule = Rule("x x = square(x)", op("mul", x, x), lambda match, build: build(match["x"]).square())
    assert through("x * x", rule)[0] == ["square"]
    assert through("x * y", rule)[0] == ["mul"]


def test_types_and_conditions_of_captures() -> None:
    rule = Rule("exp of a row", op("exp", value("x", rank=1, dtype="float")), lambda match, build: build(match["x"]).expm1())
    assert through("exp(x) + exp(sum(x, axis=0))", rule)[0] == ["exp", "sum", "expm1", "add"]
    wide = Rule("relu of 16", op("relu", value("x", when=lambda one: one is not None and one.type.shape[-1] == 16)),
                lambda match, build: build(match["x"]).abs())  # fmt: skip
    assert through("relu(concat(x, y, axis=1)) -> relu(it[:, :8])", wide)[0] == ["concat", "abs", "index", "relu"]


def test_arguments_of_operators() -> None:
    last = Rule(
        "softmax of the last", op("softmax", x, axis=-1), lambda match, build: build(match["x"]).log_softmax(axis=-1).exp()
    )
    assert through("softmax(x, axis=-1) + softmax(x, axis=0)", last)[0] == ["log_softmax", "exp", "softmax", "add"]
    some = Rule("any sum", op("sum", x, name="sum", when=lambda one: one.keepdim), lambda match, build: build(match["x"]).mean(
        axis=match.ops["sum"].axis, keepdim=True))  # fmt: skip
    assert through("sum(x, axis=0) + sum(x, axis=0, keepdim=true)", some)[0] == ["sum", "mean", "add"]


def test_several_results_of_one_node() -> None:
    halves = op("chunk", x, result=0, name="chunk"), op("chunk", x, result=1, name="chunk")
    rule = Rule("concat(chunk(x)) = x", op("concat", *halves, axis=-1, name="concat"), lambda match, build: match["x"])
    assert through("p, q = chunk(x, 2, axis=-1)\nconcat(p, q, axis=-1) + y", rule)[0] == ["add"]
    assert through("p, q = chunk(x, 2, axis=-1)\nconcat(q, p, axis=-1) + y", rule)[0] == ["chunk", "concat", "add"]


def test_several_roots_at_once() -> None:
    def both(match: Any, build: Any) -> Any:
        return build.op("matmul", match["x"], build.op("concat", match["p"], match["q"], axis=-1)).chunk(chunks=2, axis=-1)

    pair = op("matmul", x, value("p")), op("matmul", x, value("q"))
    rule = Rule("[x p, x q] = x [p, q]", pair, both)
    found, refusals = through("b = exp(a)\nr = x @ a\ns = x @ b\nr * s", rule)
    assert found == ["exp", "concat", "matmul", "chunk", "mul"]
    assert not refusals
    found, refusals = through("r = x @ a\nb = exp(a) * r[0, 0]\ns = x @ b\nr * s", rule)
    assert found.count("matmul") == 2
    assert [one.reason for one in refusals] == ["a value that it needs is made later"]


def test_a_check_refuses_with_its_reason() -> None:
    rule = Rule("no", op("relu", x), lambda match, build: build(match["x"]).exp(), lambda match: "it is loved")
    found, refusals = through("relu(x)", rule)
    assert found == ["relu"]
    assert [(one.equation, one.place, one.reason) for one in refusals] == [("no", "Net.x_1", "it is loved")]


def test_a_replacement_of_another_type_is_refused() -> None:
    rule = Rule("wrong", op("relu", x), lambda match, build: build(match["x"]).sum(axis=0))
    found, refusals = through("relu(x)", rule)
    assert found == ["relu"]
    assert refusals[0].reason == "[N, 8] would become [8]"


def test_an_operator_that_refuses_is_a_reason() -> None:
    rule = Rule("wrong", op("relu", x), lambda match, build: build(match["x"]).sum(axis=5))
    found, refusals = through("relu(x)", rule)
    assert found == ["relu"]
    assert "axis" in refusals[0].reason


def test_rules_that_undo_each_other_end() -> None:
    there = Rule("exp", op("exp", x), lambda match, build: build(match["x"]).expm1())
    back = Rule("expm1", op("expm1", x), lambda match, build: build(match["x"]).exp())
    with pytest.raises(Endless):
        through("exp(x)", there, back)


def test_what_is_rewritten_is_seen_by_what_follows() -> None:
    rule = Rule("neg neg", op("neg", op("neg", x)), lambda match, build: match["x"])
    assert through("(-(-(-(-x)))) + (-(-(-x)))", rule)[0] == ["neg", "add"]


def test_loops_keep_their_iterations() -> None:
    rule = Rule("x x x", op("mul", x, x), lambda match, build: build(match["x"]).square() + build(match["x"]) * 0)
    before = graph("repeat 3 { it * it\nrelu }")
    after = rewrite(before, (rule,), "f32", [])
    ranges = [one.ranges for one in after.loops]
    assert ranges == [((0, 4), (4, 8), (8, 12))]
    assert [[after.nodes[end - 1].op.name for _, end in several] for several in ranges] == [["relu"] * 3]  # type: ignore[union-attr]
