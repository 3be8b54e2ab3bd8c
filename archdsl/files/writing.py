"""Write files whole: all of them or none, each by a temporary file beside it, fsync and rename, so no reader sees half a file."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

Data = bytes | Iterable[bytes | memoryview]
"""What a file is to contain: in one piece, or in parts that are made as they are written."""

PREFIX = ".archdsl-"
"""Temporary files start with this; one is left behind only where the process was killed."""


def write_whole(path: str | os.PathLike[str], data: Data) -> None:
    """Write one file. Raises `OSError`; the old file is then as it was."""
    write_all({Path(path): data})


def write_all(files: Mapping[Path, Data]) -> None:
    """Write a set of files, making missing folders. Raises `OSError`; every file is then as it was, every new folder gone.

    A regular file keeps its mode; a link is followed and stays; what is no regular file (`/dev/stdout`, a pipe, `/dev/null`)
    is written through, once all the others are ready, and never replaced.
    """
    folders: list[Path] = []
    staged: list[tuple[Path, Path]] = []
    through: list[tuple[Path, Data]] = []
    try:
        for path, data in files.items():
            if _is_through(path):
                through.append((path, data))
                continue
            target = Path(os.path.realpath(path))
            folders += _make_folders(target.parent)
            staged.append((_stage(target, data), target))
        for path, data in through:
            _write_through(path, data)
        _replace_all(staged)
    except BaseException:
        for temporary, _ in staged:
            with suppress(OSError):
                temporary.unlink()
        for folder in reversed(folders):
            with suppress(OSError):
                folder.rmdir()
        raise


def _is_through(path: Path) -> bool:
    """Is it something that may only be written to, not replaced? Raises `IsADirectoryError`."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return False
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(21, "it is a folder", str(path))
    return not stat.S_ISREG(mode) or _descriptor(path) is not None


def _descriptor(path: Path) -> int | None:
    """The open file that a name such as `/dev/stdout` stands for, even where it leads to a regular file."""
    name = path.as_posix()
    if name in ("/dev/stdout", "/dev/stderr"):
        return 1 if name == "/dev/stdout" else 2
    found = re.fullmatch(r"/(?:dev|proc/self)/fd/([0-9]{1,6})", name)
    return int(found[1]) if found else None


def _write_through(path: Path, data: Data) -> None:
    descriptor = _descriptor(path)
    if descriptor is None:
        handle = os.open(path, os.O_WRONLY | getattr(os, "O_NOCTTY", 0))
    else:
        sys.stdout.flush()
        sys.stderr.flush()
        handle = os.dup(descriptor)
    with os.fdopen(handle, "wb") as file:
        file.writelines([data] if isinstance(data, bytes) else data)


def _make_folders(folder: Path) -> list[Path]:
    """Make a folder and those above it; returns the ones that were missing, outermost first."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    made: list[Path] = []
    try:
        for one in reversed(missing):
            one.mkdir(exist_ok=True)
            made.append(one)
    except BaseException:
        for one in reversed(made):
            with suppress(OSError):
                one.rmdir()
        raise
    return made


def _stage(target: Path, data: Data) -> Path:
    """Write `data` to a new file beside `target`, down to the disk. Not by `tempfile`, so that the umask rules its mode."""
    temporary = _fresh(target)
    handle = os.open(
        temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0), 0o666
    )
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines([data] if isinstance(data, bytes) else data)
            file.flush()
            with suppress(FileNotFoundError):
                os.chmod(temporary, stat.S_IMODE(target.stat().st_mode))
            os.fsync(file.fileno())
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    return temporary


def _fresh(target: Path) -> Path:
    return target.parent / f"{PREFIX}{os.urandom(8).hex()}.tmp"


def _replace_all(staged: list[tuple[Path, Path]]) -> None:
    """Rename every temporary file onto its target. Should one fail, those before it get their old content back."""
    kept: list[tuple[Path, Path | None]] = []
    try:
        for temporary, target in staged[:-1]:
            kept.append((target, _keep(target)))
            os.replace(temporary, target)
        for temporary, target in staged[-1:]:  # once the last one stands, all is done: nothing to go back to
            os.replace(temporary, target)
    except BaseException:
        if staged[-1][0].exists():
            for (temporary, target), (_, old) in zip(staged, kept, strict=False):
                with suppress(OSError):
                    if old is not None and not temporary.exists():
                        os.replace(old, target)
                    elif not temporary.exists():
                        target.unlink()
        raise
    finally:
        for _, old in kept:
            if old is not None:
                with suppress(OSError):
                    old.unlink()
    for folder in sorted({target.parent for _, target in staged}):
        _sync_folder(folder)


def _keep(target: Path) -> Path | None:
    """A second name for the old content of `target`, or None where there is none; a copy where the disk knows no second names."""
    if not target.exists():
        return None
    old = _fresh(target)
    try:
        os.link(target, old)
    except OSError:
        from shutil import copy2

        copy2(target, old)
    return old


def _sync_folder(folder: Path) -> None:
    """Make the renames last; systems that cannot open a folder (Windows) do so by themselves."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
