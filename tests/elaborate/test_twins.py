"""Blocks that differ in a number which they only hand on: made once, and the same as if each had been elaborated."""

from __future__ import annotations

from pathlib import Path

import pytest

import archdsl
from archdsl.elaborate import twins
from archdsl.ir.graph import Call, Graph, Layer
from archdsl.source import Source

ONCE = {
    "skip": "skip { Linear(D); if D > 1 { DropPath(p) } }",
    "keyword": "Linear(D); Dropout(p=p)",
    "function": "Linear(D); leaky_relu(p); Dropout(0.5)",
    "label": "body: { Linear(D); drop: Dropout(p) }",
    "twice": "Dropout(p); Linear(D); Dropout(p)",
    "unused": "Linear(D); if D > 100 { Dropout(p) }",
    "repeat": "repeat 3 { Linear(D); Dropout(p) }",
    "param": "param scale = scale: [D] = ones\nLinear(D); it * scale; DropPath(p)",
    "bound": "Linear(D); clamp(max=p)",
    "assign": "y = x -> fc: Linear(D) -> Dropout(p)\ny + x",
}
"""Bodies that only hand `p` on."""

EACH = {
    "first value": "param scale = scale: [D] = p\nLinear(D); it * scale; DropPath(p)",
    "computed": "Linear(D); Dropout(p / 2)",
    "compared": "Linear(D); if p > 0.15 { relu }",
    "let": "let q = p\nLinear(D); Dropout(q)",
    "sub-block": "Linear(D); Inner(p)",
    "template": "Linear(D); Outer(Dropout(p))",
    "group": "Linear(D); Outer({ Dropout(p) })",
    "shared": "shared d = Dropout(p)\nLinear(D); d",
    "training": "Linear(D); if training { Dropout(p) } else { relu }",
    "scan": "Linear(D) as y\nscan t in y over axis 0 { t -> leaky_relu(p) as u\nyield u }",
    "rebound": "Linear(D); if D > 1 { let p = 0.4\nDropout(p) }",
    "derived": "Linear(D) as y; y * p",
}
"""Bodies in which it stands elsewhere too."""

PARTS = """
block Inner(p: float)(x: [N, D]) -> [N, D] { Dropout(p) }
block Outer(f: layer)(x: [N, D]) -> [N, D] { f }
block Part(p: float = 0.0)(x: [N, D]) -> [N, D] {
  BODY
}
arch Net()(x: [N, 4]) -> y: [N, 4] { repeat i in 0..4 { Part(0.1 * (i + 1)) }; head y { Linear(4) } }
"""


def everything(graph: Graph) -> list[object]:
    """All of a graph that is printed or run, and of those in it."""
    found: list[object] = [graph.name, graph.config, graph.parameters, graph.inputs, graph.outputs, graph.nodes, graph.containers]
    for path, member in graph.members.items():
        found += [path, *everything(member.graph)] if isinstance(member, Call) else [path, member]
    return found


def graphs(monkeypatch: pytest.MonkeyPatch, text: str) -> tuple[Graph, Graph, int]:
    """The graph with and without twins, and how many were made."""
    made = 0
    another = twins.Family.another

    def counted(*given: object) -> object:
        nonlocal made
        found = another(*given)  # type: ignore[arg-type]
        made += found is not None
        return found

    monkeypatch.setattr(twins.Family, "another", counted)
    with_twins = archdsl.load(Source("twins.arch", text)).graph("Net")
    monkeypatch.setattr(twins.Family, "another", lambda *_: None)
    alone = archdsl.load(Source("twins.arch", text + "\n")).graph("Net")
    return with_twins, alone, made


@pytest.mark.parametrize("body", ONCE)
def test_a_number_handed_on_is_made_once(monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    twin, alone, made = graphs(monkeypatch, PARTS.replace("BODY", ONCE[body]))
    assert made == 3
    assert everything(twin) == everything(alone)


@pytest.mark.parametrize("body", EACH)
def test_a_number_that_stands_elsewhere_is_elaborated_each_time(monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    text = PARTS.replace("BODY", EACH[body])
    twin, alone, made = graphs(monkeypatch, text)
    assert made == (3 if body == "sub-block" else 0)  # the block inside only hands it on
    assert everything(twin) == everything(alone)


def test_a_word_of_the_block_is_no_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    text = PARTS.replace("BODY", "Linear(D); Dropout(p)").replace("block Part(", "block Part(Dropout: layer = Inner, ")
    twin, alone, made = graphs(monkeypatch, text.replace("Part(0.1", "Part(p=0.1"))
    assert everything(twin) == everything(alone)
    inner = [one for one in everything(twin) if isinstance(one, Layer) and one.op.name == "Dropout"]
    assert {one.op.p for one in inner} == {0.1 * (i + 1) for i in range(4)}  # type: ignore[attr-defined]


def test_a_number_that_stands_beside_its_equal_is_elaborated(monkeypatch: pytest.MonkeyPatch) -> None:
    body = "BatchNorm1d(eps=p, momentum=0.1); Dropout(p)"
    twin, alone, _ = graphs(monkeypatch, PARTS.replace("BODY", body))
    assert everything(twin) == everything(alone)
    norms = [one.op for one in everything(twin) if isinstance(one, Layer) and one.op.name == "BatchNorm1d"]
    assert {one.momentum for one in norms} == {0.1}  # type: ignore[attr-defined]


def test_a_number_out_of_range_is_told_where_it_is_given() -> None:
    text = PARTS.replace("BODY", "Linear(D); Dropout(p)").replace("0.1 * (i + 1)", "0.4 * i")
    (problem,) = archdsl.load(Source("twins.arch", text)).check()
    assert problem.code == "bad-argument"
    assert problem.at.text == "p"
    assert problem.chain


@pytest.mark.parametrize("spec", ["efficientnet.arch:EfficientNetB1", "swin.arch:SwinT"])
def test_a_spec_is_as_if_each_block_had_been_elaborated(monkeypatch: pytest.MonkeyPatch, spec: str) -> None:
    name, arch = spec.split(":")
    text = (Path("specs") / name).read_text()
    monkeypatch.setattr(twins.Family, "another", lambda *_: None)
    alone = archdsl.load(Source("specs/alone.arch", text + "\n")).graph(arch)
    monkeypatch.undo()
    assert everything(archdsl.load(Source("specs/alone.arch", text + "\n\n")).graph(arch)) == everything(alone)
