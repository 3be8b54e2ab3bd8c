"""`archdsl zoo verify`: a line for each architecture, with what it counts; and the committed page is what is counted today."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import archdsl
from archdsl.cli.main import guarded, run
from archdsl.verifying.rows import expected_sizes, row_of, said, spec_lines

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/zoo.md"
NET = """## Two sizes of one net.
fn twice(n) = 2 * n
block Unit(width: int) {
  # a comment
  Linear(twice(width))

  relu
}
block Other { Linear(3) }
arch Net(width: int = 4)(x: [N, 8]) -> y: [N, 2] {
  Unit(width)
  head y { Linear(2) }
}
arch Small = Net(2) { expect { params == 46; macs(N=3) == 120 } }
arch Wrong = Net(3) {
  expect {
    params == 1
  }
}
"""


def call(*arguments: str) -> int:
    return guarded(lambda: run(arguments), arguments)


@pytest.fixture
def net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("net.arch").write_text(NET)
    return tmp_path


def test_a_row_counts_what_the_architecture_is(net: Path) -> None:
    spec = archdsl.load("net.arch")
    small = row_of(spec, "Small")
    assert (small.params, small.macs, small.sizes, small.fault) == (4 * 9 + 2 * 5, 3 * (4 * 8 + 2 * 4), {"N": 3}, "")
    assert row_of(spec, "Net").macs is None
    assert row_of(spec, "Net", {"N": 1}).macs == 8 * 8 + 8 * 2
    assert "1" in row_of(spec, "Wrong").fault
    assert expected_sizes(spec, "Wrong") == {}


def test_the_lines_of_an_architecture_are_what_it_uses(net: Path) -> None:
    spec = archdsl.load("net.arch")
    assert spec_lines(spec, "Net") == 1 + 4 + 4
    assert spec_lines(spec, "Small") == spec_lines(spec, "Net") + 1
    assert spec_lines(spec, "Wrong") == spec_lines(spec, "Net") + 1


def test_verify_tells_each_architecture_and_what_is_wrong(net: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("zoo", "verify", ".", "-o", "zoo.md") == 1
    told = capsys.readouterr()
    lines = told.out.splitlines()
    assert [line.split()[0] for line in lines[:4]] == ["architecture", "net.arch:Net", "net.arch:Small", "net.arch:Wrong"]
    assert "✗ expect: " in lines[4]
    assert told.err == "3 lines, 1 with a fault\n"
    assert "| net.arch:Small |  |  | 46 | 120 | N=3 | ✓ |" in Path("zoo.md").read_text()
    assert call("zoo", "verify", "net.arch:Small", "--json") == 0
    (one,) = json.loads(capsys.readouterr().out)["result"]
    assert (one["params"], one["macs"], one["checks"]) == ("46", 120, {"expect": "ok"})


def test_verify_ends_as_other_commands_do(net: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("zoo", "verify", "none.arch") == 2
    assert call("zoo", "verify", "net.arch:Nett") == 2
    assert call("zoo", "verify", "--help") == 0
    Path("bad.arch").write_text("arch A(x: [N, 2]) -> y: [N, 3] { head y { it } }")
    assert call("zoo", "verify", "bad.arch") == 1
    assert "✗ expect: " in capsys.readouterr().out
    Path("bad.arch").write_text("arch A(x: [N, 2]) -> y: [N, 3] { head y { it }")
    assert call("zoo", "verify", "bad.arch") == 1
    assert call("zoo", "verify", ".") == 1
    told = capsys.readouterr()
    assert "bad.arch " in told.out
    assert told.err.endswith("4 lines, 2 with a fault\n")


def rows() -> list[dict[str, str]]:
    """The table of the page."""
    table = [
        [one.strip() for one in line.strip("|").split("|")] for line in PAGE.read_text().splitlines() if line.startswith("| ")
    ]
    head, _, *found = table
    return [dict(zip(head, one, strict=True)) for one in found]


def test_the_page_has_every_architecture_as_it_is_counted_today() -> None:
    """What needs no reference is computed again; the rest of the page is from a whole run."""
    wanted = {}
    for path in sorted([*(ROOT / "specs").glob("*.arch"), *(ROOT / "gallery").glob("*.arch")]):
        spec = archdsl.load(path)
        wanted |= {f"{path.name}:{arch}": (spec, arch) for arch in spec.names}
    stale = "stale: archdsl zoo verify specs gallery -o docs/zoo.md"
    assert {one["architecture"] for one in rows()} == set(wanted), stale
    for one in rows():
        sizes = {name: int(size) for name, size in re.findall(r"(\w+)=(\d+)", one["at"])}
        row = row_of(*wanted[one["architecture"]], sizes)
        assert (one["parameters"], one["lines"]) == (said(row.params), str(row.lines)), stale
        assert one["MACs"] == (said(row.macs) if one["MACs"] != "–" else "–"), stale


def test_nothing_on_the_page_is_wrong() -> None:
    assert "✗" not in PAGE.read_text()
    assert sum(one["float64"] == "✓" for one in rows()) > 90
