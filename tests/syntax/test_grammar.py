"""The grammar has no conflict of either kind, and the tables that ship are its own."""

from __future__ import annotations

import re

import pytest
from lark.exceptions import GrammarError

from archdsl.syntax import build
from archdsl.syntax.building.items import Items
from archdsl.syntax.kinds import NAMES, RESERVED
from archdsl.syntax.tables import load


def test_the_grammar_has_no_conflict() -> None:
    build.grammar()


@pytest.mark.parametrize("rule", ["sum: sum PLUS sum -> binary", "if: IF expr body\n    | IF body ELSE body\n    | if ELSE body"])
def test_a_conflict_is_an_error(rule: str, tmp_path, monkeypatch) -> None:
    text = build.GRAMMAR.read_text()
    name = rule.partition(":")[0]
    text = re.sub(rf"^{name}: .*?(?=^\w+:)", f"{name}: product\n    | " + rule.partition(": ")[2] + "\n", text, flags=re.M | re.S)
    (tmp_path / "bad.lark").write_text(text)
    monkeypatch.setattr(build, "GRAMMAR", tmp_path / "bad.lark")
    with pytest.raises(GrammarError):
        build.grammar()


def test_the_tables_are_up_to_date() -> None:
    assert build.TABLES.read_text() == build.text(), "run python -m archdsl.syntax.build"


def test_every_rule_builds_or_passes_through() -> None:
    tables = load()
    for origin, length, method in zip(tables.origins, tables.lengths, tables.methods, strict=True):
        if method:
            assert callable(getattr(Items, method)), method
        else:
            assert length == 1, tables.symbols[origin]


def test_every_reserved_word_is_a_token_of_the_grammar() -> None:
    declared = set(re.findall(r"\b[A-Z]+\b", "\n".join(re.findall(r"^%declare (.*)$", build.GRAMMAR.read_text(), re.M))))
    assert declared == set(NAMES) - {"END"}
    used = set(re.findall(r"\b[A-Z]{2,}\b", re.sub(r"//.*|%declare.*", "", build.GRAMMAR.read_text())))
    assert {word.upper() for word in RESERVED} <= used
