"""The zoo's table finds every case of the oracles, and a comparison that fails is told, not lost."""

from __future__ import annotations

import pytest

from tests.oracles.living import spec
from tests.oracles.table import COLUMNS, Entry, entries
from tests.oracles.test_counts import zoo

pytestmark = pytest.mark.oracle


@pytest.fixture(scope="module")
def found() -> list[Entry]:
    return entries()


def test_every_line_is_of_an_architecture(found: list[Entry]) -> None:
    assert all(one.arch in spec(one.file).names for one in found)
    assert len({(one.name, one.file) for one in found}) == len(found) > 130


def test_every_line_of_the_zoo_is_counted(found: list[Entry]) -> None:
    assert [one.name for one in found if one.name in zoo() and not {"counts", "keys"} <= one.jobs.keys()] == []


def test_every_small_reference_is_compared(found: list[Entry]) -> None:
    assert [one.name for one in found if one.tiny is not None and "float64" not in one.jobs] == []
    assert {column for one in found for column in one.jobs} == set(COLUMNS)


def test_what_fails_is_told() -> None:
    def differ() -> None:
        raise AssertionError("apart by 1\nand more")

    def break_() -> None:
        raise ValueError("no such thing")

    entry = Entry("a", "resnet", "ResNet", jobs={"keys": [differ], "ONNX": [break_], "counts": [lambda: None]})
    assert [entry.run(column) for column in COLUMNS] == ["ok", "apart by 1", "", "ValueError: no such thing"]
