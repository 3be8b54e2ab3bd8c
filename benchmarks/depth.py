"""A GPT of 96 blocks beside one of 2: equal blocks are checked once."""

from __future__ import annotations

import archdsl
from benchmarks.measuring import Row, compare


def measure(quick: bool) -> list[Row]:
    """Text to verdict, in one process."""

    def check(depth: int) -> None:
        if archdsl.load("specs/gpt2.arch").check("GPT2", {"depth": depth}):
            raise RuntimeError("specs/gpt2.arch has problems")

    return [
        compare(
            "depth",
            "load and check, 96 blocks",
            lambda: check(96),
            lambda: check(2),
            beside="2 blocks",
            target=2.0,
            rounds=2 if quick else 15,
        )
    ]
