"""The pass `identities`."""

from __future__ import annotations

from typing import Any, ClassVar

from archdsl.ir.graph import Graph
from archdsl.ir.value import Value
from archdsl.passes.contract import Pass
from archdsl.passes.pattern import Match, Rule, number, op, value
from archdsl.passes.rewriting import rewrite
from archdsl.passes.site import Site
from archdsl.records import record


def _order(match: Match, name: str) -> tuple[int, ...]:
    """The order of axes that a `permute` of this match takes."""
    made: Any = match.ops[name]
    rank = len(made.axis)
    return tuple(axis % rank for axis in made.axis)


def _swap(match: Match, name: str, rank: int) -> frozenset[int]:
    made: Any = match.ops[name]
    return frozenset((made.axis0 % rank, made.axis1 % rank))


def _x(match: Match, build: Any) -> Any:
    return match["x"]


def _same_type(match: Match) -> str:
    x, result = match["x"], match.nodes[0].results[0]
    return "" if isinstance(x, Value) and x.type == result.type else f"it is there to make {result.type}"


def _opposite(match: Match) -> str:
    rank = match.nodes[0].results[0].type.rank
    return "" if _swap(match, "one", rank) == _swap(match, "other", rank) else "they swap other axes"


def _reordered(match: Match, build: Any) -> Any:
    outer, inner = _order(match, "outer"), _order(match, "inner")
    order = tuple(inner[axis] for axis in outer)
    return match["x"] if order == tuple(range(len(order))) else build(match["x"]).permute(axis=order)


def _reshaped(match: Match, build: Any) -> Any:
    return build(match["x"]).reshape(sizes=match.nodes[0].results[0].type.shape)


def _undone(match: Match) -> str:
    one: Any = match.ops["out"]
    other: Any = match.ops["in"]
    rank = match.nodes[1].results[0].type.rank
    axes = one.axis if isinstance(one.axis, tuple) else (one.axis,)
    return "" if tuple(axis % rank for axis in axes) == (other.axis % rank,) else "they are other axes"


x = value("x")
RULES = (
    Rule("x + 0 = x", op("add", x, number(0), any_order=True), _x, _same_type),
    Rule("x - 0 = x", op("sub", x, number(0)), _x, _same_type),
    Rule("x * 1 = x", op("mul", x, number(1), any_order=True), _x, _same_type),
    Rule("x / 1 = x", op("div", x, number(1)), _x, _same_type),
    Rule("x ** 1 = x", op("pow", x, number(1)), _x, _same_type),
    Rule("-(-x) = x", op("neg", op("neg", x)), _x),
    Rule("x + (-y) = x - y", op("add", x, op("neg", value("y"))), lambda match, build: build(match["x"]) - build(match["y"])),
    Rule("x - (-y) = x + y", op("sub", x, op("neg", value("y"))), lambda match, build: build(match["x"]) + build(match["y"])),
    Rule("not not x = x", op("logical_not", op("logical_not", x)), _x),
    Rule("transpose(transpose(x)) = x", op("transpose", op("transpose", x, name="one"), name="other"), _x, _opposite),
    Rule("permute(permute(x)) = permute(x)", op("permute", op("permute", x, name="inner"), name="outer"), _reordered),
    Rule("reshape(reshape(x)) = reshape(x)", op("reshape", op("reshape", x)), _reshaped),
    Rule("squeeze(unsqueeze(x)) = x", op("squeeze", op("unsqueeze", x, name="in"), name="out"), _x, _undone),
    Rule("reshape to its own shape", op("reshape", x), _x, _same_type),
    Rule("expand to its own shape", op("expand", x), _x, _same_type),
    Rule("cast to its own type", op("cast", x), _x, _same_type),
    Rule("concat of one", op("concat", x), _x, _same_type),
    Rule("relu(relu(x)) = relu(x)", op("relu", op("relu", x)), lambda match, build: match.nodes[1].results[0]),
)


@record
class Identities(Pass):
    """Takes away what leaves its input as it is, and what undoes itself: `x * 1`, two transposes, a reshape to its own shape."""

    word: ClassVar[str] = "identities"

    def edit(self, graph: Graph, site: Site) -> Graph:
        return rewrite(graph, RULES, site.float, site.refusals)
