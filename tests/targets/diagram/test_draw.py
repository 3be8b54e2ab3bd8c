"""Diagrams: folded, legible, the same on every run, and inert whatever the labels say."""

from __future__ import annotations

import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

import archdsl
from archdsl.ir.build import Builder
from archdsl.ir.graph import Graph
from archdsl.ops.registry import find
from archdsl.source import Source
from archdsl.targets.diagram import draw as drawing
from archdsl.targets.diagram import graphviz
from archdsl.targets.diagram.compose import compose
from archdsl.targets.diagram.draw import draw
from archdsl.targets.diagram.layered import place, svg
from archdsl.targets.diagram.opening import MOST, Rule, choose

EXAMPLES = Path(__file__).resolve().parents[2] / "data" / "examples"
HOSTILE = (
    '"]; evil [URL="javascript:alert(1)"', "</text><script>alert(1)</script>", "<IMG SRC='/etc/passwd'/>", "a\\", "&copy;",
    "\x00\x1b[31m\u202e\x85", "x" * 50_000,
)  # fmt: skip

ARGUMENTS = """
arch Net(x: [N, 3, H, W]) -> y: [N, 4] {
  Conv2d(4, [3, 1], stride=[2, 1], padding=[1, 0])
  permute(0, 2, 3, 1)
  pad([1, -1])
  mean(axis=[1, 2])
}
"""


def graphs() -> list[Graph]:
    found = []
    for file in sorted(EXAMPLES.glob("*.arch")):
        spec = archdsl.load(file)
        found.append(spec.graph(spec.names[0]))
    return found


def hostile(text: str) -> Graph:
    relu, linear = find("relu"), find("Linear")
    assert relu is not None
    assert linear is not None
    build = Builder(text)
    x = build.input(text, "[N, 4]")
    return build.finish({text: build.op(relu(), build.layer((text, text), linear(out_features=3), x))})


def dense(count: int) -> Graph:
    """Each step sees all before it."""
    add, sigmoid = find("concat"), find("Linear")
    assert add is not None
    assert sigmoid is not None
    build = Builder("Dense")
    made = [build.input("x", "[N, 4]")]
    for at in range(count):
        joined = build.op(add(axis=1), *made)
        made.append(build.layer(f"fc{at}", sigmoid(out_features=4), joined))
    return build.finish(made[-1])


@pytest.mark.parametrize("graph", graphs(), ids=lambda graph: graph.name)
def test_examples_are_legible_and_the_same_every_time(graph: Graph) -> None:
    picture = choose(lambda rule: compose(graph, rule), None, ())
    assert 1 < len(picture.boxes) <= MOST
    assert {one.source for one in picture.edges} | {one.target for one in picture.edges} <= {box.id for box in picture.boxes}
    assert draw(graph, "dot") == draw(graph, "dot")
    assert draw(graph, "mermaid") == draw(graph, "mermaid")


def test_repeats_are_folded_and_shapes_told() -> None:
    text = draw(archdsl.load(EXAMPLES / "gpt2.arch").graph("GPT2"), "dot")
    assert isinstance(text, str)
    assert "transformer.h.0–11: Block × 12" in text
    assert "[B, T, 768]" in text
    assert "124 M parameters" in text


def test_arguments_are_written_as_in_a_file() -> None:
    made = draw(archdsl.load(Source("net.arch", ARGUMENTS)).graph("Net"), "dot")
    for told in ("Conv2d(4, [3, 1], stride=[2, 1])", "permute(0, 2, 3, 1)", "pad([1, -1])", "mean(axis=[1, 2])"):
        assert told in made


def test_depth_and_expand_open_blocks() -> None:
    graph = archdsl.load(EXAMPLES / "resnet.arch").graph("ResNet50")
    folded = compose(graph, Rule(0))
    assert not folded.frames
    titles = [frame.title for frame in compose(graph, Rule(0, ("layer2.0",))).frames]
    assert titles == ["layer2: Stage", "0: Bottleneck"]
    assert len([frame for frame in compose(graph, Rule(0, ("Stage",))).frames if "Stage" in frame.title]) == 4


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_inert(text: str) -> None:
    graph = hostile(text)
    for made in (draw(graph, "svg"), svg(compose(graph, Rule(0)))):
        assert isinstance(made, str)
        tree = ElementTree.fromstring(made)
        tags = {one.tag.rpartition("}")[2] for one in tree.iter()}
        assert tags <= {"svg", "g", "title", "text", "tspan", "polygon", "polyline", "path", "ellipse", "rect", "defs", "marker"}
        names = {name.rpartition("}")[2] for one in tree.iter() for name in one.attrib}
        assert "href" not in names
        assert not any(name.startswith("on") for name in names)
    source = draw(graph, "dot")
    assert isinstance(source, str)
    assert not any(bad in source for bad in ('URL="', "<script", "<IMG"))
    chart = draw(graph, "mermaid")
    assert isinstance(chart, str)
    assert not any(bad in chart for bad in ("<script", '"javascript', '"]; evil'))
    assert all(one == "\n" or one.isprintable() or one == "\u00a0" for one in source + chart)
    assert "\u202e" not in source + chart


@pytest.mark.parametrize("count", [25, 300])
def test_dense_skips_are_drawn_in_time(count: int) -> None:
    start = time.monotonic()
    made = draw(dense(count), "svg")
    assert isinstance(made, str)
    ElementTree.fromstring(made)
    assert time.monotonic() - start < graphviz.SECONDS + 10


def test_an_answer_comes_without_graphviz(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphviz, "command", lambda form: None)
    graph = archdsl.load(EXAMPLES / "unet.arch").graph()
    assert str(draw(graph, "svg")).startswith("<svg")
    with pytest.raises(drawing.CannotDraw, match=r"archdsl\[render\]"):
        draw(graph, "png")


def test_a_slow_graphviz_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphviz, "command", lambda form: ["sleep", "60"])
    start = time.monotonic()
    assert graphviz.render("digraph {}", "svg", 0.2) is None
    assert time.monotonic() - start < 5


def test_the_plain_layout_has_no_overlaps() -> None:
    picture = compose(archdsl.load(EXAMPLES / "gpt2.arch").graph("GPT2"), Rule(9))
    spots = list(place(picture).values())
    for at, one in enumerate(spots):
        for other in spots[at + 1 :]:
            apart_x = one.x + one.width <= other.x or other.x + other.width <= one.x
            assert apart_x or one.y + one.height <= other.y or other.y + other.height <= one.y


def test_scans_for_which_there_is_no_room_are_boxes_of_their_own() -> None:
    step = "{ carry h = zeros(B, 8); h = tanh(sigmoid(h) * exp(s) + relu(h) * tanh(s)) - h * s + sin(h) / (s * s); yield h }"
    text = (
        "arch Net(x: [B, T, 8]) -> y: [B, T, 8] { "
        + "; ".join(f"scan s in {x} over axis 1 {step}" for x in ["x", *["it"] * 5])
        + " }"
    )
    picture = choose(lambda rule: compose(archdsl.load(Source("net.arch", text)).graph(), rule), None, ())
    assert [box.rows[0].word for box in picture.boxes if box.kind == "block"] == ["scan over axis 1, T steps"] * 6
    assert len(picture.boxes) <= MOST


def test_a_long_flat_program_is_squeezed() -> None:
    text = "arch Flat(x: [N, 4]) {\n" + "\n".join("Linear(4)\nrelu" if at % 2 else "Linear(8)\ntanh" for at in range(200)) + "\n}"
    graph = archdsl.load(Source("flat.arch", text)).graph()
    assert len(choose(lambda rule: compose(graph, rule), None, ()).boxes) <= MOST
