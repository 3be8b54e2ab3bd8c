"""Globs of labels, by which passes choose."""

from __future__ import annotations

from archdsl.passes.labels import fits


def test_a_glob_of_many_segments_is_matched_in_one_walk() -> None:
    assert not fits(("a",) * 60, ".".join(["**"] * 40) + ".b")
    assert fits(("a",) * 60 + ("b",), ".".join(["**"] * 40) + ".b")
    assert fits(("layer1", "0", "conv1"), "stem layer*.?.conv1")
    assert not fits(("layer1", "0"), "layer1")
