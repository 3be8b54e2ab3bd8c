"""Edits back in the author's text: the smallest change that is the edited design, with comments and layout kept."""

from __future__ import annotations

from pathlib import Path

import pytest

import archdsl
from archdsl.designing.alike import alike
from archdsl.designing.patching import NoPatch, Patch, Wanted, edited, patched
from archdsl.designing.reloading import reloader
from archdsl.elaborate.editing.reading import read_selector
from archdsl.elaborate.editing.variants import CHANGES
from archdsl.problems.collector import Problems
from archdsl.source import Source
from archdsl.syntax.edits import read_edits

SPECS = Path(__file__).parents[2] / "specs"
NET = """\
## A net.
block Res(width: int)(x: [N, D]) -> [N, D] {
  skip {  # around
    fc1: Linear(width)
    relu  # bends
    fc2: Linear(D)
  } via if width > 4 {
    proj: Linear(D)
  }
}

arch Net(x: [N, 8]) {
  Linear(6)
  relu; tanh
  # the body
  layers: repeat 2 { Res(4) }
  y = gelu(it + 1)
  it + relu(y) -> sigmoid -> drop: Dropout(0.5)  # last
  branch(add) { a: Linear(3); b: Linear(3) }
  Linear(2)
}

arch Other(x: [N, 6]) { r: Res(5) }
"""


def wanted(text: str) -> list[Wanted]:
    problems = Problems()
    edits = read_edits(text, problems)
    problems.raise_errors()
    return [Wanted(read_selector(one.selector.span), one.selector.span, CHANGES[one.word](one.value)) for one in edits]


def patch(text: str, edit: str, name: str = "Net") -> Patch:
    spec = archdsl.load(Source("net.arch", text))
    return patched(spec, name, wanted(edit), reloader(spec, None), {})


@pytest.mark.parametrize(
    ("edit", "before", "after"),
    [
        ("replace relu in Res with gelu", "    relu  # bends", "    gelu  # bends"),
        ("replace relu in Res with gelu -> tanh", "    relu  # bends", "    gelu -> tanh  # bends"),
        ("replace **.fc1 with Linear(3, bias=false)", "fc1: Linear(width)", "fc1: Linear(3, bias=false)"),
        ("replace **.fc1 with Linear(3) -> Linear(width)", "fc1: Linear(width)", "fc1: { Linear(3) -> Linear(width) }"),
        ("set bias = false for **.fc1", "Linear(width)", "Linear(width, bias=false)"),
        ("set out_features = 7 for **.fc1", "Linear(width)", "Linear(7)"),
        ("set p = 0.1 for drop", "Dropout(0.5)", "Dropout(0.1)"),
        ("remove drop", "drop: Dropout(0.5)  # last", "drop: Identity  # last"),
        ("remove sigmoid", " -> sigmoid -> drop", " -> Identity -> drop"),
        ("remove tanh", "relu; tanh", "relu; Identity"),
        ("remove relu in Res", "    relu  # bends\n", ""),
        ("remove gelu", "y = gelu(it + 1)", "y = (it + 1)"),
        ("insert after **.fc1 { Dropout(0.1) }", "fc1: Linear(width)", "fc1: Linear(width) -> Dropout(0.1)"),
        ("insert after 0 { Dropout(0.1) }", "  Linear(6)\n", "  Linear(6) -> (it -> Dropout(0.1))\n"),
        ("insert before layers { n: LayerNorm }", "  layers: repeat 2 {", "  (it -> n: LayerNorm) -> layers: repeat 2 {"),
        ("insert before relu not in Res and not 1 { tanh }", "relu(y)", "relu((y -> tanh))"),
        ("wrap a with skip via p: Linear(3)", "a: Linear(3)", "skip { a: Linear(3) } via p: Linear(3)"),
        ("wrap gelu with skip", "gelu(it + 1)", "(it + 1) -> skip { gelu }"),
        ("replace 0 with { a: Linear(6); relu }", "  Linear(6)\n", "  0: { a: Linear(6); relu }\n"),
        ("unwrap layers", "layers: repeat 2 { Res(4) }", "layers: { Res(4) }"),
        ("unwrap [skip]", NET[NET.index("  skip {") : NET.index("}\n\narch Net")],
         "  # around\n  fc1: Linear(width)\n  relu  # bends\n  fc2: Linear(D)\n"),
        ("set when = false for [skip]", "skip {  # around", "skip(when=false) {  # around"),
    ],
)  # fmt: skip
def test_the_change_in_the_text(edit: str, before: str, after: str) -> None:
    made = patch(NET, edit)
    assert made.texts["net.arch"] == NET.replace(before, after, 1)
    assert alike(made.graph, edited(archdsl.load(Source("net.arch", NET)), "Net", wanted(edit), {}))


def test_edits_follow_each_other_in_the_text() -> None:
    first = "replace relu in Res with gelu; insert after gelu in Res { tanh }"
    made = patch(NET, f"{first}; set bias = false for **.fc?; wrap gelu in Res with skip")
    assert "    skip { gelu } -> tanh  # bends\n" in made.texts["net.arch"]
    assert made.texts["net.arch"].count("bias=false") == 2
    assert made.others == ("Other",)


def test_nested_edits_in_one_selection() -> None:
    made = patch(NET, "wrap [skip] or relu in Res with skip")
    assert "  skip {\n    skip {  # around\n      fc1: Linear(width)\n      skip { relu }  # bends\n" in made.texts["net.arch"]


def test_another_layout_than_the_one_is_kept() -> None:
    text = NET.replace("    fc1: Linear(width)\n", "      fc1:   Linear( width )   # wide\n")
    made = patch(text, "replace relu in Res with gelu")
    assert made.texts["net.arch"] == text.replace("relu  # bends", "gelu  # bends")


def test_some_instances_of_a_line_are_no_patch() -> None:
    with pytest.raises(NoPatch, match=r"net.arch:5:5 is edited for `layers.0.relu` and not for `layers.1.relu`"):
        patch(NET, "replace layers.0.relu with gelu")


def test_steps_that_are_called_the_same_are_told_apart_by_their_numbers() -> None:
    text = "arch Net(x: [N, 8]) { body: { repeat 2 { Linear(8); relu } } }"
    with pytest.raises(NoPatch, match=r"net.arch:1:53 is edited for `body.1` and not for `body.3`"):
        patch(text, "replace body.1 with gelu")


def test_what_stands_in_the_standard_library_is_no_patch() -> None:
    spec = archdsl.load(SPECS / "gpt2.arch")
    with pytest.raises(NoPatch, match="std/transformer.arch"):
        patched(spec, "GPT2", wanted("replace gelu with relu"), reloader(spec, SPECS / "gpt2.arch"), {})


def test_what_the_edited_arch_expects_and_is_no_longer_is_told() -> None:
    text = NET.replace("  Linear(2)\n", "  Linear(2)\n  expect { params == 220 }\n")
    made = patch(text, "set bias = false for **.fc1")
    assert [one.code for one in made.unmet] == ["expectation-failed"]
    assert made.texts["net.arch"] == text.replace("Linear(width)", "Linear(width, bias=false)")


def test_an_arch_that_breaks_is_told() -> None:
    text = NET + "block Narrow(x: [N, 6]) { Res(5) }\narch Third(x: [N, 5]) { Res(4); Linear(2) }\n"
    made = patch(text, "replace **.fc2 with Linear(6)")
    assert made.others == ("Third",)
    assert made.broken == ("Third",)
