"""The maps that come with the specs can be read, name their spec, and stand in the documents."""

from __future__ import annotations

from pathlib import Path

import pytest

from archdsl.weights.reading import read_map

ROOT = Path(__file__).resolve().parents[2]
MAPS = sorted((ROOT / "specs/maps").glob("*.toml"))


@pytest.mark.parametrize("path", MAPS, ids=lambda path: path.stem)
def test_a_map_that_comes_with_the_specs(path: Path) -> None:
    map = read_map(path)
    assert (ROOT / "specs" / map.spec).is_file()
    row = f"| `{path.stem}` | `{map.spec}` | {map.reference} |"
    assert row in (ROOT / "docs/how-to/map-weights.md").read_text()
