"""What we say when the fault is ours: one paragraph and a file that reproduces it."""

from __future__ import annotations

import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import mkdtemp
from traceback import format_exception
from typing import TextIO

from archdsl import __version__
from archdsl.problems.render.cells import visible


def report(fault: BaseException, arguments: Sequence[str], stream: TextIO) -> None:
    """Write the reproducer and tell where it is. Never raises, for nobody is left to catch it."""
    try:
        place = f"The details and the files that you gave are in {_reproducer(fault, arguments)}"
    except Exception as second:  # a full disk, say: the message must come all the same
        place = f"No report could be written ({second}); the traceback is above"
        stream.write("".join(format_exception(fault)))
    kind = visible(f"{type(fault).__name__}: {fault}".splitlines()[0], 200)
    stream.write(
        f"archdsl {__version__} has failed, and this is a bug in archdsl, not in your program ({kind}). {place}; it was sent "
        "nowhere. Please look through it and attach it to an issue of the project.\n"
    )


def _reproducer(fault: BaseException, arguments: Sequence[str]) -> Path:
    """A text file in a new folder that only the user can read: versions, command line, traceback, the sources."""
    from archdsl.files.writing import write_whole

    parts = [
        f"archdsl {__version__}, Python {sys.version.split()[0]}, {platform.platform()}",
        f"command line: {['archdsl', *arguments]!r}",
        "".join(format_exception(fault)).rstrip(),
        *_sources(arguments),
    ]
    path = Path(mkdtemp(prefix="archdsl-bug-")) / "report.txt"
    write_whole(path, ("\n\n".join(parts) + "\n").encode("utf-8", "backslashreplace"))
    return path


def _sources(arguments: Sequence[str]) -> list[str]:
    """The `.arch` texts that the command line names, as far as they can be read, and standard input if it was."""
    from archdsl.cli.reading import split_target, standard_input
    from archdsl.files.reading import read_source
    from archdsl.problems.problem import ArchError

    texts = []
    for argument in arguments:
        path = split_target(argument)[0]
        if path.endswith(".arch"):
            try:
                texts.append(f"── {path} ──\n{read_source(path).text}")
            except ArchError as unreadable:
                texts.append(f"── {path} ──\n({unreadable.problems[0].message()})")
    if standard_input.cache_info().currsize:
        texts.append(f"── standard input ──\n{standard_input().text}")
    return texts
