"""Put results and problems on the right stream, coloured where a person looks."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Any, TextIO

from archdsl.problems.problem import Problem

JSON_VERSION = 1


def use_color(stream: TextIO) -> bool:
    """NO_COLOR beats FORCE_COLOR beats what the stream is (no-color.org, force-color.org)."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def show_problems(problems: Iterable[Problem], stream: TextIO) -> None:
    """Problems as text, then how many there are, both on one stream unless that is standard output: counts are no result."""
    from archdsl.problems.render.text import closing_line, render

    found = tuple(problems)
    if found:
        stream.write(render(found, color=use_color(stream)))
        stream.flush()
        print(closing_line(found), file=sys.stderr)


def show_json(command: str, result: Any) -> None:
    """The result of a command under `--json`: `{"version": 1, "command": …, "result": …}` on standard output."""
    from json import dumps

    print(dumps({"version": JSON_VERSION, "command": command, "result": result}, indent=2))


def difference(name: str, before: str, after: str) -> str:
    """A unified diff, coloured for a terminal."""
    from difflib import unified_diff

    from archdsl.problems.render.cells import visible

    lines = list(unified_diff(before.splitlines(), after.splitlines(), name, name, lineterm=""))
    colors = {"+": "32", "-": "31", "@": "36"} if use_color(sys.stdout) else {}
    return "".join(
        f"\x1b[{colors[line[0]]}m{visible(line)}\x1b[0m\n" if line[:1] in colors else visible(line) + "\n" for line in lines
    )


def say(text: str) -> None:
    """Tell how things go, on standard error."""
    print(text, file=sys.stderr)
