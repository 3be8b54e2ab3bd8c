"""Read one `.arch` file: never hangs on a pipe, never takes in more than the limit, and every failure is a problem."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from archdsl.problems.problem import ArchError
from archdsl.source import MAX_SOURCE_BYTES, Source, SourceFault, Span

_WHY = {
    errno.ENOENT: "there is no such file",
    errno.EACCES: "permission denied",
    errno.EISDIR: "it is a folder",
    errno.ENOTDIR: "a part of its path is not a folder",
    errno.ELOOP: "its links go in a circle",
    errno.ENAMETOOLONG: "the name is too long",
    errno.ENXIO: "it is a device or a socket, not a file",
}


def read_source(path: str | os.PathLike[str], name: str | None = None) -> Source:
    """The text of a file. `name` is what problems call it, by default the path as given, with `/` on every system.

    Raises `ArchError` with `unreadable-file`, `source-too-large` or `not-utf8`.
    """
    shown = name if name is not None else Path(path).as_posix()
    return decode(shown, _read(path, shown))


def decode(name: str, data: bytes) -> Source:
    """Bytes as a source. Raises `ArchError` with `source-too-large` or `not-utf8`."""
    try:
        return Source.from_bytes(name, data)
    except SourceFault as fault:
        if fault.code == "not-utf8":
            from archdsl.files.problems import NotUtf8  # here, so that a start without faults does not pay for it

            before = data[: fault.offset].decode("utf-8-sig").replace("\r\n", "\n")
            line = data[fault.offset :].split(b"\n", 1)[0].decode("utf-8", "replace")
            span = Span(Source(name, before + line), len(before), len(before) + 1)
            raise ArchError((NotUtf8(at=span, why=fault.message, help="save the file as UTF-8"),)) from None
        raise too_large(name, fault.message) from None


def too_large(name: str, why: str) -> ArchError:
    """The error for a file beyond the limit."""
    from archdsl.files.problems import SourceTooLarge

    return ArchError((SourceTooLarge(at=_start(name), why=why),))


def unreadable(name: str, why: str) -> ArchError:
    """The error for a file that cannot be read."""
    from archdsl.files.problems import UnreadableFile

    return ArchError((UnreadableFile(at=_start(name), name=name, why=why),))


def reason(fault: OSError) -> str:
    """What the system said, in words that do not depend on the system."""
    return _WHY.get(fault.errno or 0) or (fault.strerror or str(fault)).lower()


def _start(name: str) -> Span:
    return Span(Source(name, ""), 0, 0)


def _read(path: str | os.PathLike[str], name: str) -> bytes:
    """The file's bytes. Opened without waiting and looked at before reading, so that a pipe or a device cannot hold us up."""
    try:
        handle = os.open(
            path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOCTTY", 0)
        )
    except ValueError:  # a NUL in the name
        raise unreadable(name, "its name has a forbidden character") from None
    except OSError as fault:
        if fault.errno == errno.EACCES and os.path.isdir(path):
            raise unreadable(name, _WHY[errno.EISDIR]) from None
        raise unreadable(name, reason(fault)) from None
    try:
        found = os.fstat(handle)
        if stat.S_ISDIR(found.st_mode):
            raise unreadable(name, _WHY[errno.EISDIR])
        if not stat.S_ISREG(found.st_mode):
            raise unreadable(name, "it is a pipe, a device or a socket, not a file")
        if found.st_size > MAX_SOURCE_BYTES:
            why = f"the file has {found.st_size:,} bytes; the limit is {MAX_SOURCE_BYTES:,}"
            raise too_large(name, why)
        with os.fdopen(handle, "rb", closefd=False) as file:
            return file.read(MAX_SOURCE_BYTES + 1)
    except OSError as fault:
        raise unreadable(name, reason(fault)) from None
    finally:
        os.close(handle)
