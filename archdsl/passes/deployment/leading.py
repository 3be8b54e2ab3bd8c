"""Reshapes that join or part leading axes, moved behind the steps that leave these axes alone: there they undo each other."""

from __future__ import annotations

from typing import Any

from archdsl.ir.graph import Graph
from archdsl.passes.cleanup.dead_values import DeadValues
from archdsl.passes.pattern import Match, Rule, number, op, value
from archdsl.passes.rewriting import rewrite
from archdsl.passes.site import Site

x, y = value("x"), value("y")


def _type(match: Match, name: str) -> Any:
    return match[name].type if match[name] is not None else None  # type: ignore[union-attr]


def _ends(match: Match, step: int, name: str, count: int) -> bool:
    """Whether a reshape leaves the last axes of what it is given as they are."""
    return bool(match.nodes[step].results[0].type.shape[-count:] == _type(match, name).shape[-count:])


def _last_stays(match: Match) -> str:
    axis, rank = dict(match.nodes[0].op.items())["axis"], match.nodes[0].results[0].type.rank  # type: ignore[union-attr]
    return "" if axis % rank == rank - 1 and _ends(match, 1, "x", 1) else "the last axis is another one"


def _two_stay(match: Match) -> str:
    left, right = _type(match, "x").shape, _type(match, "y").shape
    same = left[:-2] == right[:-2] and match.nodes[1].results[0].type.shape[:-2] == match.nodes[2].results[0].type.shape[:-2]
    return "" if same and _ends(match, 1, "x", 2) and _ends(match, 2, "y", 2) else "their leading axes are others"


def _swapped_stay(match: Match) -> str:
    said: dict[str, Any] = dict(match.nodes[0].op.items()) if match.nodes[0].op is not None else {}
    rank = match.nodes[0].results[0].type.rank
    last = {said["axis0"] % rank, said["axis1"] % rank} == {rank - 1, rank - 2}
    return "" if last and _ends(match, 1, "x", 2) else "it swaps leading axes"


def _parted(match: Match) -> str:
    inner, made = _type(match, "x"), match.nodes[0].results[0].type
    return "" if inner == made else "it has another shape"


def _shaped(match: Match, made: Any) -> Any:
    return made.reshape(sizes=match.nodes[0].results[0].type.shape)


def _scaled(word: str) -> Rule:
    return Rule(
        f"{word}(reshape(x)) = reshape({word}(x))",
        op(word, op("reshape", x), number(name="by")),
        lambda match, build: _shaped(match, build.op(word, match["x"], match["by"])),
    )


RULES = (
    Rule("softmax(reshape(x)) = reshape(softmax(x))", op("softmax", op("reshape", x)),
         lambda match, build: _shaped(match, build(match["x"]).softmax(axis=-1)), _last_stays),
    Rule("reshape(x) @ reshape(y) = reshape(x @ y)", op("matmul", op("reshape", x), op("reshape", y)),
         lambda match, build: _shaped(match, build(match["x"]).matmul(build(match["y"]))), _two_stay),
    Rule("transpose(reshape(x)) = reshape(transpose(x))", op("transpose", op("reshape", x)),
         lambda match, build: _shaped(match, build(match["x"]).transpose(axis0=-2, axis1=-1)), _swapped_stay),
    Rule("reshape(reshape(x)) = x", op("reshape", op("reshape", x)), lambda match, build: match["x"], _parted),
    *map(_scaled, ("mul", "div")),
)  # fmt: skip


def without_joined_axes(graph: Graph, site: Site) -> Graph:
    """The graph with these reshapes as far down as they go; itself where there are none."""
    made = rewrite(graph, RULES, site.float, [])
    return graph if made is graph else DeadValues().edit(made, site)
