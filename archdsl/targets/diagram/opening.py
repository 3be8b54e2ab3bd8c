"""Which blocks of a picture are open: by depth, by the labels that are asked for, and so that the picture stays legible."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from archdsl.ir.node import Path
from archdsl.targets.diagram.picture import Picture

DEEPEST = 12
FEW = 34
"""The boxes that the default view aims at."""
MOST = 60
"""The boxes that the default view never exceeds."""


@dataclass(frozen=True)
class Rule:
    """Frames above `depth` are open, and those that `labels` (globs of dotted paths or block names) name;
    `examples` are full paths.

    `chunk` is how many parts of the top are drawn as one box, 0 for none; without `scans` a scan is one box.
    """

    depth: int = 0
    labels: tuple[str, ...] = ()
    examples: frozenset[str] = frozenset()
    chunk: int = 0
    scans: bool = True

    def opens(self, path: Path, name: str, level: int) -> bool:
        """Whether the frame at this path, of a block of this name, is open."""
        if level < self.depth:
            return True
        dotted = ".".join(path)
        if any(one == dotted or one.startswith(dotted + ".") for one in self.examples):
            return True
        if not name and any(dotted.startswith(one + ".") for one in self.examples):
            return True  # a container in an opened block
        return any(fnmatchcase(name, one) or _leads(path, one.split(".")) for one in self.labels)


def _leads(path: Path, pattern: list[str]) -> bool:
    """The path is what the pattern names, or on the way to it."""
    if len(path) > len(pattern):
        return pattern[-1] == "**" and _leads(path[: len(pattern)], pattern)
    return all(fnmatchcase(one, each) for one, each in zip(path, pattern, strict=False))


def choose(draw: Callable[[Rule], Picture], depth: int | None, labels: Iterable[str]) -> Picture:
    """The picture: as deep as was asked, or as deep as stays legible, with the first block of each kind open."""
    asked = tuple(labels)
    if depth is not None:
        return draw(Rule(depth, asked))
    best = draw(Rule(0, asked))
    rule = Rule(0, asked)
    if not asked and len(best.boxes) > MOST:
        closed = draw(Rule(0, scans=False))
        return closed if len(closed.boxes) <= MOST else _squeezed(draw)
    for deeper in range(1, DEEPEST):
        if not best.closed:
            return best
        found = draw(Rule(deeper, asked))
        if len(found.boxes) > FEW:
            break
        best, rule = found, Rule(deeper, asked)
    return _with_examples(draw, rule, best)


def _with_examples(draw: Callable[[Rule], Picture], rule: Rule, best: Picture) -> Picture:
    """The same with the first folded block of each name opened, outermost first, as long as there is room."""
    tried: set[str] = set()
    while True:
        one = next((one for one in best.closed if one.name and one.name not in tried), None)
        if one is None:
            return best
        tried.add(one.name)
        wider = replace(rule, examples=rule.examples | {one.path})
        found = draw(wider)
        if len(found.boxes) <= max(FEW, len(best.boxes) + 1):
            best, rule = found, wider


def _squeezed(draw: Callable[[Rule], Picture]) -> Picture:
    """A long flat program: parts in a row as one box, as few as will do."""
    chunk = 2
    while True:
        found = draw(Rule(0, chunk=chunk))
        if len(found.boxes) <= MOST or len(found.boxes) - chunk < 3:
            return found
        chunk *= 2
