"""What the elaborator carries with it where steps are edited or written down."""

from __future__ import annotations

from typing import Any

from archdsl.elaborate.editing.sites import Entries, Site
from archdsl.elaborate.editing.trie import Edits, Key
from archdsl.ir.node import Path


class Visit:
    """One place of the elaboration: its edits, and with `entries` what was met there, in text order."""

    __slots__ = ("declared", "edits", "entries", "given", "key", "prefix")

    def __init__(self, key: Key | None, edits: Edits | None, entries: Entries | None = None) -> None:
        self.key = key
        self.edits = edits
        self.entries = entries
        self.prefix: Path | None = None
        """The path of a block's instance, which the paths inside begin with; None where the paths are those around."""
        self.declared: Site | None = None
        """For what is inside of a shared layer: its declaration."""
        self.given: dict[int, tuple[int, ...]] = {}
        """Which arguments of a call are tensors, by the identity of its arguments."""

    @property
    def writes(self) -> bool:
        """Whether what is met is written down."""
        return self.entries is not None

    def into(self, key: Key, prefix: Path | None = None) -> Visit | None:
        """The visit of what is called, or put in place, at `key`; None where nothing is to be done there."""
        edits = self.edits.below.get(key) if self.edits is not None else None
        if self.entries is None:
            return None if edits is None else Visit(key, edits)
        made = Visit(key, edits, [])
        made.prefix = prefix
        self.entries.append(made)
        return made

    def told(self, args: tuple[Any, ...], tensors: tuple[int, ...]) -> None:
        """Note which arguments of a call are tensors."""
        self.given[id(args)] = tensors

    def rename(self, old: Path, new: Path) -> None:
        """What stands at `old`, and below, stands at `new`."""
        for one in self.entries or ():
            if isinstance(one, Site):
                one.path, one.braces = _moved(one.path, old, new), _moved(one.braces, old, new)
            elif one.prefix is not None:
                one.prefix = _moved(one.prefix, old, new)
            else:
                one.rename(old, new)


def _moved(path: Path, old: Path, new: Path) -> Path:
    return (*new, *path[len(old) :]) if path[: len(old)] == old else path
