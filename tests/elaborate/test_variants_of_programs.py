"""Variants of random programs: the edits of a text do what the same edits do in Python, and what is wrong is a problem."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

import archdsl
from archdsl.ir.graph import Graph
from archdsl.records import changed
from archdsl.source import Source
from archdsl.syntax.format import format_source
from tests.elaborate.programs import programs

ROOMY = settings(
    max_examples=40, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
PIECES = ("gelu", "tanh -> neg", "{ relu; sigmoid }", "Dropout(0.5)", "neg", "more: LayerNorm", "Linear(3)")


@st.composite
def edits(draw: st.DrawFn, graph: Graph) -> list[tuple[str, str, str]]:
    """A few edits: word, selector, and what is given."""
    steps = list(graph.select())
    assume(steps)
    found = []
    for _ in range(draw(st.integers(1, 3))):
        one = draw(st.sampled_from(steps))
        selector = draw(
            st.sampled_from(
                [
                    one.word if one.kind not in ("if", "repeat", "scan", "skip", "branch", "group") else f"[{one.kind}]",
                    f'"{".".join(one.path)}"' if one.path else "relu",
                    f"block={one.block} and not [group]",
                    f"depth={len(one.container) + 1} and not Linear",
                ]
            )
        )
        word = draw(
            st.sampled_from(
                ["replace", "insert after", "insert after", "insert before", "wrap", "wrap", "unwrap", "remove", "set"]
            )
        )
        given_ = {"wrap": draw(st.sampled_from(["skip", "repeat 2"])), "set": "bias = false"}.get(
            word, draw(st.sampled_from(PIECES))
        )
        found.append((word, selector, given_))
    return found


def line(word: str, selector: str, given_: str) -> str:
    match word:
        case "replace" | "wrap":
            return f"{word} {selector} with {given_}"
        case "insert after" | "insert before":
            return f"{word} {selector} {{ {given_} }}"
        case "set":
            return f"set {given_} for {selector}"
    return f"{word} {selector}"


def in_python(graph: Graph, edit: tuple[str, str, str]) -> Graph:
    word, selector, given_ = edit
    some = graph.select(selector)
    if word == "set":
        return some.set(bias=False)
    method = getattr(some, word.replace(" ", "_"))
    return method() if word in ("unwrap", "remove") else method(f"{{ {given_} }}" if word.startswith("insert") else given_)


@ROOMY
@given(programs(), st.data())
def test_the_text_does_what_python_does(made: tuple[str, tuple[int, ...], tuple[int, ...]], data: st.DataObject) -> None:
    text = made[0]
    plain = archdsl.load(Source("net.arch", text))
    graph: Graph | None = plain.graph()
    assert graph is not None
    wanted = data.draw(edits(graph))
    lines = "".join(f"  {line(*one)}\n" for one in wanted)
    whole = f"{text.rstrip()}\n\nvariant Edited of {graph.name} {{\n{lines}}}\n"
    assert f"{{\n{lines}}}" in format_source(Source("net.arch", whole))
    spec = archdsl.load(Source("net.arch", whole))
    problems = [one for one in spec.check("Edited") if one.severity == "error"]
    assert all(0 <= one.at.start <= one.at.end <= len(one.at.source.text) for one in problems)
    try:
        for one in wanted:
            graph = in_python(graph, one)
    except archdsl.ArchError as fault:
        if problems or "shape" not in {each.code.partition("-")[0] for each in fault.problems}:
            return
        raise
    if {one.code for one in problems} <= {"edits-clash"} and problems:
        return
    assert not problems, whole
    ours = spec.graph("Edited")
    assert str(changed(ours, name=graph.name)) == str(graph), whole
    assert spec.graph(graph.name) == plain.graph(), whole
