"""Finds operators by their word: the family folders are walked; a generated index spares `check` from importing them all."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

from archdsl.ops.contract import Op

FOLDER = Path(__file__).parent
INDEX = FOLDER / "index.txt"
"""A line an operator: its word and the module it stands in. Plain text: `check` need not load `json` for it."""

_loaded: dict[str, type[Op]] = {}
_index: dict[str, str] = {}


class DuplicateOperator(Exception):
    """Two operators have one word."""


def walk() -> Iterator[tuple[str, type[Op]]]:
    """Every operator of the family folders with its module's name, sorted. Raises `DuplicateOperator`."""
    seen: dict[str, str] = {}
    for path in sorted(FOLDER.glob("*/*.py")):
        if path.name == "__init__.py":
            continue
        module = import_module(f"archdsl.ops.{path.parent.name}.{path.stem}")
        for value in sorted(_operators(module), key=lambda one: one.name):
            if value.name in seen:
                raise DuplicateOperator(f"{value.name} stands in {seen[value.name]} and {module.__name__}")
            seen[value.name] = module.__name__
            yield module.__name__, value


def _operators(module: object) -> Iterator[type[Op]]:
    """Classes with a name that were made in this module."""
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, Op) and value.__dict__.get("name"):
            if value.__module__ == getattr(module, "__name__", ""):
                yield value


def known() -> dict[str, str]:
    """All words, with the module of each, read from the index."""
    if not _index:
        _index.update(read_index())
    return _index


def read_index() -> dict[str, str]:
    """The index as it is written."""
    words = INDEX.read_text().split()
    return dict(zip(words[::2], words[1::2], strict=True))


def find(name: str) -> type[Op] | None:
    """The operator of that word, or None. Words of third parties (entry points `archdsl.ops`) come last."""
    if name in _loaded:
        return _loaded[name]
    module = known().get(name)
    if module is None:
        return _plugins().get(name)
    for value in _operators(import_module(module)):
        _loaded[value.name] = value
    return _loaded.get(name)


@cache
def _plugins() -> dict[str, type[Op]]:
    from importlib.metadata import entry_points

    return {point.name: point.load() for point in entry_points(group="archdsl.ops")}


def all_ops() -> list[type[Op]]:
    """Every built-in operator, sorted by word."""
    return sorted((value for _, value in walk()), key=lambda one: one.name)


def write_index() -> None:
    """Make the index anew: `python -m archdsl.ops.registry` after an operator was added."""
    homes = {value.name: module for module, value in sorted(walk(), key=lambda one: one[1].name)}
    INDEX.write_text("".join(f"{name} {module}\n" for name, module in homes.items()))


if __name__ == "__main__":
    from archdsl.ops.registry import write_index as write

    write()
