"""The report of what differs between two programs: counts, state-dict keys, and the differences block by block."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from archdsl.analyses import cost, memory
from archdsl.analyses.difference import Change, Section, differences, keys
from archdsl.analyses.sizes import check_given
from archdsl.dims.dim import Dim, Size
from archdsl.ir.graph import Graph
from archdsl.ir.node import Path

MARKS = {"added": "+", "removed": "-", "replaced": "~", "moved": ">", "changed": "~", "rewired": "^"}
LONGEST = 44
"""A symbolic count that is longer as text asks for numbers instead."""
MOST = 6
"""So many pairs of values, places or keys are told; then how many more there are."""


@dataclass(frozen=True)
class Count:
    """One count on both sides."""

    name: str
    before: Size
    after: Size

    def __str__(self) -> str:
        if self.before == self.after:
            return f"{self.name:<17}{_size(self.before)}  (the same)"
        if isinstance(self.before, Dim) and isinstance(self.after, Dim) and _long(self.before) and _long(self.after):
            return f"{self.name:<17}{_size(self.after)}"
        if isinstance(self.before, Dim) or isinstance(self.after, Dim):
            return f"{self.name:<17}{_size(self.before)} -> {_size(self.after)}"
        change = self.after - self.before
        share = f", {change / self.before:+.2%}" if self.before else ""
        return f"{self.name:<17}{self.before:,} -> {self.after:,}  ({change:+,}{share})"


@dataclass
class Difference:
    """All of it. `same` tells that the two programs are one function with one set of keys; `str()` of it is the text."""

    before: str
    after: str
    counts: list[Count]
    keys: Mapping[str, list[Path]]
    total: int
    """How many keys the first one has."""
    sections: list[Section] = field(default_factory=list)

    @property
    def same(self) -> bool:
        """Nothing differs."""
        return not self.sections and not any(self.keys.values())

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        if self.same:
            yield f"{self.before} and {self.after} do not differ"
            return
        yield f"--- {self.before}"
        yield f"+++ {self.after}"
        yield ""
        yield from map(str, self.counts)
        yield f"{'state dict':<17}{_keys(self.keys, self.total)}"
        for section in self.sections:
            yield ""
            yield _heading(section)
            yield from _changes(section.changes)

    def as_json(self) -> dict[str, Any]:
        """For `--json`: symbolic counts are text."""
        return {
            "before": self.before,
            "after": self.after,
            "same": self.same,
            "counts": {one.name: {"before": _plain(one.before), "after": _plain(one.after)} for one in self.counts},
            "keys": {kind: [".".join(path) for path in paths] for kind, paths in self.keys.items()},
            "blocks": [
                {
                    "before": one.block,
                    "after": one.other,
                    "places": one.places,
                    "changes": [
                        {
                            "kind": change.kind,
                            "step": change.step,
                            **({"to": change.other} if change.other else {}),
                            "values": [dict(zip(("field", "before", "after"), value, strict=True)) for value in change.values],
                        }
                        for change in one.changes
                    ],
                }
                for one in self.sections
            ],
        }


def compare(before: Graph, after: Graph, names: tuple[str, str], bind: Mapping[str, int] | None = None) -> Difference:
    """What differs between two graphs; `bind` gives symbolic dimensions numbers in the counts. Raises `NoBinding` where these
    are dimensions of neither."""
    values = dict(bind or {})
    check_given(values, before, after)
    counts = [
        Count(name, cost.bound(count(before), values), cost.bound(count(after), values))
        for name, count in (("parameters", cost.parameters), ("MACs", cost.macs), ("activation bytes", memory.activation_bytes))
    ]
    return Difference(*names, counts, keys(before, after), sum(1 for _ in before.tensors()), differences(before, after))


def _size(size: Size) -> str:
    if not isinstance(size, Dim):
        return f"{size:,}"
    if not _long(size):
        return str(size)
    needs = ",".join(f"{one}=…" for one in sorted(size.symbols))
    return f"(of {', '.join(sorted(size.symbols))}: give --bind {needs})"


def _long(size: Size) -> bool:
    return len(str(size)) > LONGEST


def _plain(size: Size) -> int | str:
    return str(size) if isinstance(size, Dim) else size


def _keys(found: Mapping[str, list[Path]], total: int) -> str:
    told = [f"{total} keys"]
    for kind, words in (("added", "added"), ("removed", "removed"), ("reshaped", "of another shape")):
        paths = found[kind]
        if paths:
            names = ", ".join(".".join(path) for path in paths[:2]) + (", …" if len(paths) > 2 else "")
            told.append(f"{len(paths)} {words} ({names})")
    return ", ".join(told) if len(told) > 1 else f"{total} keys, the same"


def _heading(section: Section) -> str:
    if not section.block:
        return "in the architecture itself"
    name = section.block if section.block == section.other else f"{section.block} -> {section.other}"
    places = [one for one in section.places if one]
    if len(places) == 1:
        return f"in {name}, {places[0]}"
    return f"in {name}, {len(places)} times, {places[0]} to {places[-1]}"


def _changes(changes: Iterable[Change]) -> Iterator[str]:
    """The changes of a block, those of one step in one line."""
    grouped: dict[tuple[str, str, str], list[Change]] = {}
    for one in changes:
        grouped.setdefault((one.kind, one.step, one.other), []).append(one)
    for kind, step, other, several in _folded(grouped):
        line = f"  {MARKS[kind]} {step}"
        if kind in ("replaced", "moved"):
            line += f" -> {other}"
        fields: dict[str, dict[str, None]] = {}
        for one in several:
            own = [value for value in one.values if value[0] != "gives"]
            for name, before, after in own or one.values:
                fields.setdefault(name, {})[f"{before} -> {after}"] = None
        told = [f"{name} {_some(list(values))}" for name, values in fields.items()]
        yield line + (f"  {'; '.join(told)}" if told else "")


def _folded(grouped: Mapping[tuple[str, str, str], list[Change]]) -> Iterator[tuple[str, str, str, list[Change]]]:
    """Numbered steps that came or went in a row, `h.6: Block`, `h.7: Block`, … as one."""
    waiting: list[tuple[str, str, str, list[Change]]] = []

    def told() -> Iterator[tuple[str, str, str, list[Change]]]:
        if len(waiting) > 2:
            first, last = waiting[0][1].partition(": "), waiting[-1][1].partition(": ")
            yield waiting[0][0], f"{first[0]} to {last[0]}: {first[2]}", "", []
        else:
            yield from waiting
        waiting.clear()

    for (kind, step, other), several in grouped.items():
        here, before = _numbered(step), _numbered(waiting[-1][1]) if waiting else None
        follows = before is not None and here == (before[0], before[1] + 1, before[2]) and waiting[-1][0] == kind
        if waiting and not follows:
            yield from told()
        if kind in ("added", "removed") and here is not None:
            waiting.append((kind, step, other, several))
        else:
            yield kind, step, other, several
    yield from told()


def _numbered(step: str) -> tuple[str, int, str] | None:
    """What stands before the number at the end of a step's label, the number, and the step's word; None without one."""
    found = re.fullmatch(r"(.*?)(\d+): (.*)", step)
    return None if found is None else (found[1], int(found[2]), found[3])


def _some(values: list[str]) -> str:
    more = f", … ({len(values)} in all)" if len(values) > MOST else ""
    return ", ".join(values[:MOST]) + more
