"""Which steps of two programs are the same: by label, word and configuration, in order, so that what comes between moves none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from archdsl.dims.shape import TensorType
from archdsl.ir.graph import Graph
from archdsl.ir.node import Node
from archdsl.ops.contract import Op

MOST_COMPARED = 250_000
"""So many pairs of steps are weighed; in larger programs labels and words must be equal."""


@dataclass(frozen=True)
class Step:
    """One step of a graph, as it is compared: its label (dotted; empty for a function), its word, its configuration, what it
    gives, the graph of the block or body that it runs."""

    label: str
    word: str
    fields: Mapping[str, Any]
    types: tuple[TensorType, ...]
    graph: Graph | None = None
    node: Node | None = None
    op: Op | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Steps with equal keys are one step, before and after."""
        return self.label, self.word

    def same(self, other: Step) -> bool:
        """The same configuration and shapes, all that is below too."""
        below = self.graph is other.graph or self.graph == other.graph
        return self.fields == other.fields and self.types == other.types and below

    def __str__(self) -> str:
        return f"{self.label}: {self.word}" if self.label else self.word


def align(left: list[Step], right: list[Step]) -> tuple[list[tuple[int, int]], list[int], list[int]]:
    """Which steps are the same before and after: pairs of indices; then those that are gone, and those that came."""
    pairs: list[tuple[int, int]] = []
    a = b = 0
    for next_a, next_b in [*_in_order(left, right), (len(left), len(right))]:
        pairs += _replaced(left, range(a, next_a), right, range(b, next_b))
        pairs.append((next_a, next_b))
        a, b = next_a + 1, next_b + 1
    pairs.pop()
    taken, used = {a for a, _ in pairs}, {b for _, b in pairs}
    gone = [a for a in range(len(left)) if a not in taken]
    come = [b for b in range(len(right)) if b not in used]
    for a in list(gone):
        same = next((b for b in come if _moved(left[a], right[b])), None)
        if same is not None:
            pairs.append((a, same))
            gone.remove(a)
            come.remove(same)
    return sorted(pairs), gone, come


def _in_order(left: list[Step], right: list[Step]) -> list[tuple[int, int]]:
    """The pairs of the same step that do not cross, together as alike as can be; of equal choices the earliest."""
    if [one.key for one in left] == [one.key for one in right]:
        return [(at, at) for at in range(len(left))]
    start = 0
    while start < min(len(left), len(right)) and left[start].key == right[start].key and left[start].same(right[start]):
        start += 1
    head = [(at, at) for at in range(start)]
    some, others = left[start:], right[start:]
    if len(some) * len(others) > MOST_COMPARED:
        return [*head, *((a + start, b + start) for a, b in _equal_runs(some, others))]
    traits: dict[int, Mapping[str, Any]] = {id(one): _traits(one) for one in (*some, *others)}
    weights = [[_likeness(one, other, traits) for other in others] for one in some]
    best = [[0] * (len(others) + 1) for _ in range(len(some) + 1)]
    for a in range(len(some) - 1, -1, -1):
        for b in range(len(others) - 1, -1, -1):
            paired = weights[a][b] + best[a + 1][b + 1] if weights[a][b] else 0
            best[a][b] = max(paired, best[a + 1][b], best[a][b + 1])
    found, a, b = head, 0, 0
    while a < len(some) and b < len(others):
        if weights[a][b] and best[a][b] == weights[a][b] + best[a + 1][b + 1]:
            found.append((a + start, b + start))
            a, b = a + 1, b + 1
        elif best[a][b] == best[a + 1][b]:
            a += 1
        else:
            b += 1
    return found


def _equal_runs(left: list[Step], right: list[Step]) -> list[tuple[int, int]]:
    matcher = SequenceMatcher(None, [one.key for one in left], [one.key for one in right], autojunk=False)
    return [(a + at, b + at) for a, b, size in matcher.get_matching_blocks() for at in range(size)]


def _likeness(one: Step, other: Step, traits: Mapping[int, Mapping[str, Any]]) -> int:
    """How much speaks for two steps being one; 0: they are not. A name says most, a number little: it is only a position."""
    if one.word != other.word or bool(one.label) != bool(other.label):
        return 0
    mine, theirs = traits[id(one)], traits[id(other)]
    alike = len([name for name, value in mine.items() if name in theirs and theirs[name] == value])
    known = len(mine.keys() | theirs.keys())
    share, exact = 100 * alike // known, 200 if alike == known else 0
    if not one.label:
        return 100 + share
    if one.label == other.label:
        numbered = any(part.isdigit() for part in one.label.split("."))
        return (300 if numbered else 500) + 4 * share + exact
    if _name(one) == _name(other):
        return 200 + 4 * share + exact
    if exact:
        return 100
    blocks = one.graph is not None and other.graph is not None
    return 50 if blocks and _types(mine["owns"]) == _types(theirs["owns"]) != [] else 0


def _types(owned: tuple[tuple[object, TensorType], ...]) -> list[TensorType]:
    """What a block owns, without the labels."""
    return [type for _, type in owned]


def _name(step: Step) -> list[str]:
    return ["#" if part.isdigit() else part for part in step.label.split(".")]


def _traits(step: Step) -> Mapping[str, Any]:
    """What two steps of one word are compared by: configuration and shapes; of a block the tensors below it."""
    owned = tuple((path, one.type) for path, one in step.graph.tensors()) if step.graph is not None else ()
    return {**step.fields, "gives": step.types, "owns": owned}


def _replaced(left: list[Step], some: range, right: list[Step], others: range) -> list[tuple[int, int]]:
    """Steps that stand in each other's place: under one label, or, where as many functions come as go, by position."""
    by_label = {right[b].label: b for b in others if right[b].label}
    pairs = [(a, by_label[left[a].label]) for a in some if left[a].label in by_label]
    plain, bare = [a for a in some if not left[a].label], [b for b in others if not right[b].label]
    if len(plain) == len(bare):
        pairs += zip(plain, bare, strict=True)
    return pairs


def _moved(one: Step, other: Step) -> bool:
    """The same layer or block under another label."""
    return bool(one.label and other.label) and one.word == other.word and one.same(other)
