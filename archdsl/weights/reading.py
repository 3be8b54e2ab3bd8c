"""Weight maps from their TOML files: every mistake is a problem at its place."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from typing import Any

from archdsl.files.reading import read_source
from archdsl.problems.problem import ArchError
from archdsl.problems.suggest import did_you_mean
from archdsl.source import Source, Span
from archdsl.weights.maps import Drop, Fill, Rule, WeightMap
from archdsl.weights.patterns import Kind, Matcher, Pattern, PatternFault, join_kinds, read_pattern
from archdsl.weights.problems import BadWeightMap
from archdsl.weights.reading_steps import verb_of
from archdsl.weights.steps import StepFault

TABLES = {
    "rule": {"from", "to", "steps"},
    "drop": {"name", "because", "equals", "value", "output"},
    "fill": {"name", "because", "value"},
}
"""The tables of a map, and what each may have."""


def read_map(path: str | os.PathLike[str]) -> WeightMap:
    """A map from its file. Raises `ArchError` with `unreadable-file`, `not-utf8` or `bad-weight-map`."""
    return parse_map(read_source(path))


def parse_map(source: Source) -> WeightMap:
    """A map from its text. Raises `ArchError`: `bad-weight-map`."""
    try:
        table = tomllib.loads(source.text)
    except tomllib.TOMLDecodeError as fault:
        raise _bad(_toml_place(source, str(fault)), f"the map is no TOML: {fault}") from None
    except RecursionError:
        raise _bad(Span(source, 0, 0), "the map is nested too deeply") from None
    return _Reader(source).whole(table)


def read_rename(text: str) -> Rule:
    """One rule from its text, `"old.{leaf}=new.{leaf}"`; a `*` at the end of both sides is the rest of the name.

    Raises `ArchError`: `bad-weight-map`.
    """
    source = Source("rename", text)
    sides = text.split("=")
    if len(sides) != 2:
        raise _bad(Span(source, 0, len(text)), "a rule is an old name, `=` and a new name: `old.{leaf}=new.{leaf}`")
    old, new = sides
    if old.endswith("*") and new.endswith("*"):
        old, new = (f"{one[:-1]}{{rest:**}}" for one in sides)
    return next(iter(_Reader(source)._renames({old: new})))


def _bad(at: Span, why: str, help: str | None = None) -> ArchError:
    return ArchError((BadWeightMap(at=at, why=why, help=help),))


def _toml_place(source: Source, message: str) -> Span:
    found = re.search(r"\(at line (\d+), column (\d+)\)", message)
    if found is None or int(found[1]) > len(source.line_starts):
        return Span(source, len(source.text), len(source.text))
    at = min(source.line_starts[int(found[1]) - 1] + int(found[2]) - 1, len(source.text))
    return Span(source, at, at)


class _Reader:
    """Reads the tables of one map in the order of the text, so that each is found in it."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.at = Span(source, 0, 0)

    def whole(self, table: Mapping[str, Any]) -> WeightMap:
        self._known(table, {"reference", "spec", "configuration", "rename", *TABLES})
        for name in ("reference", "spec"):
            if not isinstance(table.get(name, ""), str):
                raise self._fault(f"`{name}` is a text", name)
        rules = [*self._renames(table.get("rename", {})), *(self._rule(one) for one in self._tables(table, "rule"))]
        drops = tuple(self._drop(one) for one in self._tables(table, "drop"))
        fills = tuple(self._fill(one) for one in self._tables(table, "fill"))
        texts = table.get("reference", ""), table.get("spec", "")
        return WeightMap(self.source, *texts, tuple(rules), drops, fills, self._configuration(table.get("configuration", {})))

    def _configuration(self, table: object) -> tuple[tuple[str, object, Span], ...]:
        if not isinstance(table, dict):
            raise self._fault("`configuration` is a table: name = value", "configuration")
        header = re.search(r"^\s*\[\s*configuration\s*\]", self.source.text, re.MULTILINE)
        start = header.end() if header else 0
        return tuple((name, value, self._place(name, start)) for name, value in table.items())

    def _renames(self, table: object) -> Iterable[Rule]:
        if not isinstance(table, dict):
            raise self._fault("`rename` is a table: theirs = ours", "rename")
        header = re.search(r"^\s*\[\s*rename\s*\]", self.source.text, re.MULTILINE)
        start = header.start() if header else 0
        for theirs, ours in table.items():
            if not isinstance(ours, str):
                raise self._fault("a name with dots stands in quotes", theirs, start)
            self.at = self._place(theirs, start)
            yield self._made((self._pattern(theirs),), (self._pattern(ours),), ())

    def _tables(self, table: Mapping[str, Any], name: str) -> Iterable[Mapping[str, Any]]:
        found = table.get(name, [])
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise self._fault(f"write [[{name}]], once for each", name)
        headers = [one.start() for one in re.finditer(rf"^[ \t]*\[\[\s*{name}\s*\]\]", self.source.text, re.MULTILINE)]
        for index, one in enumerate(found):
            start = headers[index] if len(headers) == len(found) else 0
            end = self.source.text.find("\n", start)
            self.at = Span(self.source, start, len(self.source.text) if end < 0 else end)
            self._known(one, TABLES[name])
            yield one

    def _rule(self, table: Mapping[str, Any]) -> Rule:
        sources, targets = (self._patterns(table, key) for key in ("from", "to"))
        steps = table.get("steps", [])
        if not isinstance(steps, list) or not all(isinstance(one, dict) for one in steps):
            raise self._fault("`steps` is a list of tables: [{ concatenate = 0 }]", "steps", self.at.start)
        count = len(sources)
        for one in steps:
            try:
                verb = verb_of(one)
            except StepFault as fault:
                raise self._fault(str(fault), "steps", self.at.start) from None
            if verb == "split" and count != 1:
                raise self._fault(f"`split` takes one tensor, here are {count}", "split", self.at.start)
            count = len(targets) if verb == "split" else 1 if verb in ("concatenate", "sum") else count
        if count != len(targets):
            raise self._fault(f"{len(sources)} tensors become {count} by these steps, not {len(targets)}", "to", self.at.start)
        return self._made(sources, targets, tuple(tuple(one.items()) for one in steps))

    def _made(self, sources: tuple[Pattern, ...], targets: tuple[Pattern, ...], steps: Any) -> Rule:
        """A rule whose names all have the same captures, so that it has an inverse."""
        patterns = (*sources, *targets)
        for one in patterns[1:]:
            lost = sorted(one.names ^ patterns[0].names)
            if lost:
                raise _bad(
                    self.at, f"`{{{lost[0]}}}` stands in one of `{patterns[0].text}` and `{one.text}` only",
                    "what is captured stands in every name of a rule, or the map could not go back",
                )  # fmt: skip
        texts = [one.text for one in sources], [one.text for one in targets]
        for side in texts:
            if len(set(side)) != len(side):
                raise _bad(self.at, "one tensor stands twice on one side of the rule")
        return Rule(self.at, sources, targets, self._kinds(patterns), steps)

    def _kinds(self, patterns: Iterable[Pattern]) -> dict[str, Kind]:
        kinds: dict[str, Kind] = {}
        try:
            for pattern in patterns:
                for name, kind in pattern.kinds.items():
                    kinds[name] = join_kinds(name, kinds.get(name), kind)
        except PatternFault as fault:
            raise _bad(self.at, str(fault)) from None
        return {name: kinds.get(name, Kind()) for pattern in patterns for name in pattern.names}

    def _drop(self, table: Mapping[str, Any]) -> Drop:
        name = self._one(table, "name")
        equals = self._one(table, "equals") if "equals" in table else None
        patterns = tuple(one for one in (name, equals) if one is not None)
        if equals is not None and equals.names - name.names:
            raise self._fault("`equals` has a capture that `name` does not have", "equals", self.at.start)
        kinds = self._kinds(patterns)
        value: int | float | str | None = table.get("value")
        value = self._value(table) if value not in (None, "causal") else value
        matcher = Matcher(equals, kinds) if equals is not None else None
        output = table.get("output", "")
        if not isinstance(output, str):
            raise self._fault("`output` is a text", "output", self.at.start)
        return Drop(self.at, Matcher(name, kinds), self._because(table), matcher, value, output)

    def _fill(self, table: Mapping[str, Any]) -> Fill:
        name = self._one(table, "name")
        if "value" not in table:
            raise _bad(self.at, 'a fill has a `value`: a number, or "spec" for a buffer as the spec makes it')
        value = None if table["value"] == "spec" else self._value(table)
        return Fill(self.at, Matcher(name, self._kinds((name,))), self._because(table), value)

    def _value(self, table: Mapping[str, Any]) -> int | float:
        value = table["value"]
        if type(value) not in (int, float, bool):
            raise self._fault('`value` is a number (of a drop also "causal", of a fill "spec")', "value", self.at.start)
        return value  # type: ignore[no-any-return]

    def _because(self, table: Mapping[str, Any]) -> str:
        reason = table.get("because")
        if not isinstance(reason, str) or not reason.strip():
            raise _bad(
                self.at, 'say why: because = "…"', "what is left out or made up is told on each conversion, with its reason"
            )
        return reason.strip()

    def _patterns(self, table: Mapping[str, Any], key: str) -> tuple[Pattern, ...]:
        value = table.get(key)
        texts: list[Any] = value if isinstance(value, list) else [value]
        if not texts or not all(isinstance(one, str) for one in texts):
            raise _bad(self.at, f"a rule has `{key}`: the name of a tensor, or a list of names")
        return tuple(self._pattern(one) for one in texts)

    def _one(self, table: Mapping[str, Any], key: str) -> Pattern:
        text = table.get(key)
        if not isinstance(text, str):
            raise _bad(self.at, f"`{key}` is the name of a tensor, in quotes")
        return self._pattern(text)

    def _pattern(self, text: str) -> Pattern:
        try:
            return read_pattern(text)
        except PatternFault as fault:
            raise _bad(self._place(text, self.at.start), str(fault)) from None

    def _known(self, table: Mapping[str, Any], known: set[str]) -> None:
        for key in table:
            if key not in known:
                help = did_you_mean(key, known) or f"it may have {', '.join(sorted(known))}"
                raise _bad(self._place(key, self.at.start), f"a map has no `{key}` here", help)

    def _fault(self, why: str, near: str, start: int = 0) -> ArchError:
        return _bad(self._place(near, start), why)

    def _place(self, text: str, start: int) -> Span:
        """Where a text stands first from `start` on; the current table where it is not found (it may be written with escapes)."""
        quoted = self.source.text.find(f'"{text}"', start)
        at = quoted + 1 if quoted >= 0 else self.source.text.find(text, start)
        return Span(self.source, at, at + len(text)) if at >= 0 and text else self.at
