"""Reads the LALR(1) tables that `build.py` made of the grammar."""

from __future__ import annotations

import os.path
from functools import cache
from typing import NamedTuple


class Tables(NamedTuple):
    """The parser as data: `symbols` are the tokens' and the rules' names; for each rule its symbol, its length and the
    method that builds it ("" where one symbol passes through); for each state its actions by symbol."""

    symbols: list[str]
    origins: list[int]
    lengths: list[int]
    methods: list[str]
    states: list[dict[int, int]]
    turns: dict[tuple[int, int, int], tuple[int, tuple[int, ...], int]]
    """What becomes of one symbol, as the parser found it out (`parse._turn`)."""


@cache
def load() -> Tables:
    """The tables, read once."""
    path = os.path.join(os.path.dirname(__file__), "tables.txt")  # pathlib would cost 8 ms of every start
    with open(path, encoding="utf-8") as file:
        text = file.read()
    head, body = text.removesuffix("\n").split("\n\n", 1)
    symbols, *lines = head.split("\n")
    rules = [line.split(" ") for line in lines]
    states = []
    for line in body.split("\n"):
        row = list(map(int, line.split()))
        states.append(dict(zip(row[::2], row[1::2], strict=True)))
    return Tables(
        symbols=symbols.split(" "),
        origins=[int(rule[0]) for rule in rules],
        lengths=[int(rule[1]) for rule in rules],
        methods=[rule[2] if len(rule) > 2 else "" for rule in rules],
        states=states,
        turns={},
    )
