"""Edits of random programs that change nothing: to whatever steps they are done, keys and numbers stay exactly."""

from __future__ import annotations

import torch
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import archdsl
from archdsl.elaborate.editing.selection import Selection
from archdsl.elaborate.editing.sites import Occurrence
from archdsl.ir.graph import Graph
from archdsl.source import Source
from archdsl.syntax import tree
from tests.elaborate.programs import programs

ROOMY = settings(
    max_examples=40, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
WRAPS = ("{ }", "repeat 1", "if true { }", "skip(when=false)")


def same_again(one: Occurrence) -> str:
    """The text of the step itself, without what is sent to it."""
    node = one.site.node
    term = node.term if isinstance(node, tree.Step) else node
    return one.word if one.kind == "function" else term.span.text


def written(one: Occurrence) -> bool:
    if one.word in ("add", "mul"):
        return len(one.takes) == 2
    return one.span.source.name == "net.arch" and one.word not in (
        "concat",
        "softmax",
        "minimum",
        "squeeze",
        "flip",
        "mean",
        "transpose",
    )


def edit(some: Selection, kind: str, data: st.DataObject) -> Graph:
    """An edit that changes nothing, of those steps to which it can be done."""
    if kind == "wrap":
        return some.where(lambda one: one.kind != "shared").wrap(data.draw(st.sampled_from(WRAPS)))
    if kind == "replace":  # not what was put around, whose text does not say what is in it
        return some.where(lambda one: written(one) and one.kind != "use").replace(same_again)
    return getattr(some.where(lambda one: one.kind != "shared"), kind)("neg -> neg")


@ROOMY
@given(programs(), st.data())
def test_an_edit_that_changes_nothing(made: tuple[str, tuple[int, ...], tuple[int, ...]], data: st.DataObject) -> None:
    text, start, _ = made
    spec = archdsl.load(Source("net.arch", text))
    graph = before = spec.graph()
    for _ in range(3):
        chances = data.draw(st.randoms(use_true_random=False))
        some = graph.select().where(lambda one, chances=chances: chances.random() < 0.3)
        kind = data.draw(st.sampled_from(["insert_after", "insert_before", "wrap", "replace"]))
        try:
            graph = edit(some, kind, data)
        except archdsl.ArchError as fault:
            assert {one.code for one in fault.problems} <= {"edit-not-possible", "nothing-selected"}, (
                f"{text}\n{some}\n{kind}\n{fault}"
            )
    assert [path for path, _ in graph.tensors()] == [path for path, _ in before.tensors()], text
    modules = [spec.build(one, seed=1).eval() for one in (before, graph)]
    x = torch.randn(3, *start)
    assert torch.equal(modules[0](x), modules[1](x)), text
