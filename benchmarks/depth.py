"""A GPT of 96 blocks beside one of 2: equal blocks are checked once."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import archdsl
from archdsl.source import Source
from benchmarks.measuring import Row, compare


def measure(quick: bool) -> list[Row]:
    """Text to verdict, in one process: of a text that is new each time, and of the file as it stands, whose blocks are known."""
    text = Path("specs/gpt2.arch").read_text()
    edits = count()

    def check(source: Source | str, depth: int) -> None:
        if archdsl.load(source).check("GPT2", {"depth": depth}):
            raise RuntimeError("specs/gpt2.arch has problems")

    def edited() -> Source:
        return Source("specs/gpt2.arch", f"{text}# {next(edits)}\n")

    return [
        compare(
            "depth",
            "load and check, 96 blocks, a new text",
            lambda: check(edited(), 96),
            lambda: check(edited(), 2),
            beside="2 blocks",
            target=2.0,
            rounds=2 if quick else 15,
        ),
        compare(
            "depth",
            "load and check, 96 blocks, again",
            lambda: check("specs/gpt2.arch", 96),
            lambda: check("specs/gpt2.arch", 2),
            beside="2 blocks",
            target=2.0,
            rounds=2 if quick else 15,
        ),
    ]
