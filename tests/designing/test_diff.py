"""`diff`: edits whose effect is known, one by one; counts and keys against torch."""

from __future__ import annotations

import json
from itertools import zip_longest
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch
from click.testing import CliRunner

import archdsl
from archdsl.analyses.difference import differences
from archdsl.cli.group import archdsl as commands
from archdsl.designing.comparing import compare
from archdsl.source import Source

BLOCK = """block Part(width: int)(x: [N, D]) -> [N, D] {
  skip { fc1: Linear(width); relu; fc2: Linear(D) }
}
"""
NET = """arch Net(x: [N, 8]) -> y: [N, _] {
  parts: repeat 3 { Part(16) }
  norm: LayerNorm
  head y { out: Linear(4) }
}
"""


def graph(text: str) -> archdsl.Spec:
    return archdsl.load(Source("net.arch", text)).graph()


def told(before: str, after: str) -> list[tuple[str, str, str]]:
    found = differences(graph(before), graph(after))
    return [(section.block, change.kind, change.step) for section in found for change in section.changes]


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (("relu", "gelu"), [("Part", "replaced", "relu")]),
        (("relu", "relu; Dropout(0.1)"), [("Part", "added", "Dropout(p=0.1)")]),
        (("relu; ", ""), [("Part", "removed", "relu")]),
        (("Part(16)", "Part(24)"), [("Part", "changed", "fc1: Linear"), ("Part", "changed", "fc2: Linear")]),
        (("fc1: Linear(width)", "fc1: Linear(width, bias=false)"), [("Part", "changed", "fc1: Linear")]),
        (("  norm: LayerNorm\n", ""), [("", "removed", "norm: LayerNorm(normalized_shape=8)")]),
        (("norm: LayerNorm", "norm: RMSNorm"), [("", "replaced", "norm: LayerNorm(normalized_shape=8)")]),
        (("norm: LayerNorm", "last: LayerNorm"), [("", "moved", "norm: LayerNorm")]),
        (("repeat 3", "repeat 5"), [("", "added", "parts.3: Part"), ("", "added", "parts.4: Part")]),
        (("repeat 3", "repeat 2"), [("", "removed", "parts.2: Part")]),
        (("skip {", "{"), [("Part", "removed", "add")]),
        (("x: [N, 8]", "x: [N, 6]"), None),
    ],
)
def test_one_edit(edit: tuple[str, str], expected: list[tuple[str, str, str]] | None) -> None:
    before = BLOCK + NET
    after = before.replace(*edit, 1)
    assert after != before
    found = told(before, after)
    assert found if expected is None else found == expected
    assert told(before, before) == []
    assert told(after, before)


def test_a_step_that_takes_something_else_is_rewired() -> None:
    before = (
        "arch Net(x: [N, 8]) -> y: [N, 8] { a = x -> fa: Linear(8); b = a -> fb: Linear(8); c = b -> fc: Linear(8); c + a }\n"
    )
    after = before.replace("c = b ->", "c = a ->").replace("c + a", "c + b")
    found = differences(graph(before), graph(after))
    assert [(one.kind, one.step, one.values) for section in found for one in section.changes] == [
        ("rewired", "fc: Linear", (("takes", "fb: Linear", "fa: Linear"),)),
        ("rewired", "add", (("takes", "fa: Linear", "fb: Linear"),)),
    ]


def count(module: torch.nn.Module) -> int:
    return sum(one.numel() for one in module.parameters())


def test_counts_and_keys_are_those_of_the_modules() -> None:
    texts = BLOCK + NET, (BLOCK + NET).replace("Part(16)", "Part(24)").replace("norm: LayerNorm", "last: LayerNorm")
    specs = [archdsl.load(Source("net.arch", text)) for text in texts]
    found = compare(specs[0].graph(), specs[1].graph(), ("a", "b"), {"N": 1})
    modules = [spec.build() for spec in specs]
    assert (found.counts[0].before, found.counts[0].after) == tuple(map(count, modules))
    left, right = (module.state_dict() for module in modules)
    assert [".".join(one) for one in found.keys["added"]] == [key for key in right if key not in left]
    assert [".".join(one) for one in found.keys["removed"]] == [key for key in left if key not in right]
    shapes = [key for key in left if key in right and left[key].shape != right[key].shape]
    assert [".".join(one) for one in found.keys["reshaped"]] == shapes


def test_resnet_against_resnext_fits_on_one_screen() -> None:
    done = CliRunner().invoke(commands, ["diff", "specs/resnet.arch:ResNet50", ":ResNeXt50", "--bind", "N=1,H=224,W=224"])
    lines = done.output.splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 200
    assert "25,557,032 -> 25,028,904  (-528,128, -2.07%)" in done.output  # torchvision's counts
    assert "4,089,184,256 -> 4,230,479,872  (+141,295,616, +3.46%)" in done.output
    assert "groups 1 -> 32" in done.output


def test_the_command(tmp_path: Path) -> None:
    before, after = tmp_path / "a.arch", tmp_path / "b.arch"
    before.write_text(BLOCK + NET)
    after.write_text((BLOCK + NET).replace("relu", "gelu"))
    picture = tmp_path / "diff.svg"
    done = CliRunner().invoke(commands, ["diff", str(before), str(after), "--json", "-o", str(picture)], standalone_mode=False)
    assert done.return_value == 1
    result = json.loads(done.stdout)["result"]
    assert [one["changes"][0]["kind"] for one in result["blocks"]] == ["replaced"]
    root = ElementTree.fromstring(picture.read_text())
    assert root.tag.endswith("svg")
    assert len([one for one in root if one.tag.endswith("svg")]) == 2
    same = CliRunner().invoke(commands, ["diff", str(before), str(before)], standalone_mode=False)
    assert same.return_value == 0
    assert "do not differ" in same.output


def test_what_the_other_picture_lacks_is_marked() -> None:
    from archdsl.targets.diagram.beside import mark
    from archdsl.targets.diagram.compose import compose
    from archdsl.targets.diagram.opening import Rule

    pictures = [compose(graph(text), Rule(9)) for text in (BLOCK + NET, (BLOCK + NET).replace("relu", "gelu"))]
    mark(*pictures)
    marked = [{row.word for box in one.boxes for row in box.rows if row.marked} for one in pictures]
    assert marked == [{"relu"}, {"gelu"}]
    rows = [[row for box in one.boxes for row in box.rows] for one in pictures]
    assert all(a.marked == b.marked for a, b in zip_longest(*rows))


def test_steps_that_came_in_a_row_are_one_line() -> None:
    text = 'arch Net(depth: int = 2)(x: [N, 4]) { repeat i in 0..depth { "net.layer_{i}": Linear(4); "a{i}b": Linear(4) } }'
    spec = archdsl.load(Source("net.arch", text))
    lines = str(compare(spec.graph(), spec.graph(depth=6), ("small", "large"))).splitlines()
    told = [line.partition(":")[0] for line in lines if line.startswith("  +")]
    assert sorted(told) == sorted([*(f"  + a{i}b" for i in range(2, 6)), *(f"  + net.layer_{i}" for i in range(2, 6))])
    spec = archdsl.load(Source("net.arch", text.replace('; "a{i}b": Linear(4)', "")))
    lines = str(compare(spec.graph(), spec.graph(depth=6), ("small", "large"))).splitlines()
    assert "  + net.layer_2 to net.layer_5: Linear(in_features=4, out_features=4)" in lines
