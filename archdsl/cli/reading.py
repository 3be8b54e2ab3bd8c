"""What a command line names: files, folders, `file.arch:Arch`, standard input."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from archdsl.files.reading import decode, read_source, unreadable
from archdsl.problems.suggest import did_you_mean
from archdsl.records import record
from archdsl.source import MAX_SOURCE_BYTES, Source

if TYPE_CHECKING:
    from archdsl.compiler import Spec

__all__ = ["Target", "choose", "open_spec", "read_source", "split_target", "standard_input", "targets"]

STANDARD_INPUT = "-"


@record
class Target:
    """A file (or `-`) and, where it was given, the architecture in it."""

    path: str
    name: str | None = None


def split_target(text: str) -> tuple[str, str | None]:
    """`specs/net.arch:Net` as path and name. The colon of `C:\\net.arch` is the drive's: a name is an identifier after the last
    colon, and what stands before it is more than one letter. A file that is really called so is taken as it is."""
    found = re.fullmatch(r"(.+):([A-Za-z_][A-Za-z0-9_]*)", text, re.DOTALL)
    if found is None or re.fullmatch(r"[A-Za-z]", found[1]):
        return text, None
    if not found[1].endswith(".arch") and found[1] != STANDARD_INPUT and Path(text).exists():
        return text, None
    return found[1], found[2]


def targets(arguments: Iterable[str]) -> Iterator[Target]:
    """The files that the arguments name, folders walked for `*.arch` in the order of their names, each file once.

    Raises `ArchError` for a folder without any.
    """
    seen = set()
    for argument in arguments:
        path, name = split_target(argument)
        for one in _files(path):
            if (one, name) not in seen:
                seen.add((one, name))
                yield Target(one, name)


def _files(path: str) -> list[str]:
    if path == STANDARD_INPUT or not Path(path).is_dir():
        return [path]
    found = sorted(one.as_posix() for one in Path(path).rglob("*.arch") if one.is_file() and not _hidden(one.relative_to(path)))
    if not found:
        raise unreadable(path, "the folder has no .arch file")
    return found


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


@cache
def standard_input() -> Source:
    """The text on standard input, which can be read once. Raises `ArchError` as `read_source` does."""
    return decode("<stdin>", sys.stdin.buffer.read(MAX_SOURCE_BYTES + 1))


def open_spec(target: Target, include: Iterable[str] = ()) -> Spec:
    """Load a target with its imports. Raises `ArchError`."""
    from archdsl.compiler import load

    folders = tuple(Path(one) for one in include)
    return load(standard_input() if target.path == STANDARD_INPUT else Path(target.path), folders)


def choose(spec: Spec, target: Target) -> str:
    """The architecture that a target means: the one it names, else the only one. Raises `click.UsageError` otherwise."""
    names = spec.names
    if target.name in names:
        return target.name
    if target.name is None and len(names) == 1:
        return names[0]
    import click  # here: a plain `check` does without it

    if target.name is None:
        if not names:
            raise click.UsageError(f"{target.path} has no arch: only blocks and functions")
        raise click.UsageError(
            f"{target.path} has several architectures; choose one: " + ", ".join(f"{target.path}:{one}" for one in names)
        )
    hint = did_you_mean(target.name, names) or ("it has " + ", ".join(names) if names else "it has none")
    raise click.UsageError(f"{target.path} has no architecture `{target.name}`; {hint}")
