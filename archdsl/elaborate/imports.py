"""Where imports lead: below the project's root, the standard library and the `-I` folders, and nowhere else."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from archdsl.elaborate.program import Reader, Unfound
from archdsl.problems.problem import ArchError
from archdsl.problems.suggest import near
from archdsl.source import Source
from archdsl.syntax import tree

STANDARD = Path(__file__).resolve().parent.parent / "std"
MARKS = ("pyproject.toml", "archdsl.toml", ".git")
"""A folder that has one of these is a project's root."""

Parse = Callable[[Path, str], tree.File]


def project_root(folder: Path) -> Path:
    """The nearest folder upwards with a project's mark, else the file's own."""
    for one in (folder, *folder.parents):
        if any((one / mark).exists() for mark in MARKS):
            return one
    return folder


def reader_for(path: Path | None, include: tuple[Path, ...], parse: Parse) -> tuple[Reader, object]:
    """How a program's imports are found, and the identity of the program's own file."""
    start = (path.parent if path is not None else Path()).resolve()
    root = project_root(start)
    roots = (root, STANDARD, *(one.resolve() for one in include))
    paths: dict[int, Path] = {}

    def read(source: Source, use: tree.Use) -> tuple[object, Callable[[], tree.File]]:
        here = paths.get(id(source), start)
        found = _locate(here, use, root, include)
        real = Path(os.path.realpath(found))
        if not any(real.is_relative_to(Path(os.path.realpath(one))) for one in roots):
            raise Unfound(f"the import {_told(use)} leads out of the project", outside=True)
        if not real.exists():
            raise Unfound(f"there is no file for the import {_told(use)}", help=_near(real, use))

        def parsed() -> tree.File:
            try:
                file = parse(real, _shown(real))
            except ArchError as fault:
                raise Unfound(f"the import {_told(use)} cannot be read: {fault.problems[0].message()}") from None
            paths[id(file.source)] = real.parent
            return file

        return real, parsed

    return read, (None if path is None else Path(os.path.realpath(path)))


def _near(missing: Path, use: tree.Use) -> str | None:
    """The files beside the one that is missing whose names are like its own, as they would be imported."""
    dot, end = ("/", ".arch") if use.relative else (".", "")
    before, mark, _ = use.module.rpartition(dot)
    found = near(missing.stem, [one.stem for one in missing.parent.glob("*.arch")])
    told = [f"{before}{mark}{one}{end}" for one in found]
    return "did you mean " + " or ".join(f'"{one}"' if use.relative else f"`{one}`" for one in told) + "?" if told else None


def _told(use: tree.Use) -> str:
    return f'"{use.module}"' if use.relative else f"`{use.module}`"


def _shown(path: Path) -> str:
    if path.is_relative_to(STANDARD):
        return f"std/{path.relative_to(STANDARD).as_posix()}"
    try:
        return path.relative_to(Path.cwd()).as_posix()
    except (ValueError, FileNotFoundError):
        return path.as_posix()


def _locate(here: Path, use: tree.Use, root: Path, include: tuple[Path, ...]) -> Path:
    if use.relative:
        text = use.module
        if not text or "\\" in text or ":" in text or "\0" in text or PurePosixPath(text).is_absolute() or text.startswith("~"):
            raise Unfound('an import is a path relative to the file, with `/`: `use "./blocks.arch" { Stem }`', outside=True)
        return here / text
    parts = use.module.split(".")
    if parts == ["std"]:
        there = ", ".join(f"std.{one.stem}" for one in sorted(STANDARD.glob("*.arch")))
        raise Unfound("`std` is the folder of the standard library, not a file", help=f"there are {there}")
    if parts[0] == "std":
        return STANDARD.joinpath(*parts[1:]).with_suffix(".arch")
    for base in (root, *include):
        found = base.joinpath(*parts).with_suffix(".arch")
        if found.exists():
            return found
    return root.joinpath(*parts).with_suffix(".arch")
