"""Runs Graphviz as a process of its own, with a time limit: the system's `dot`, else the one in the `pygraphviz` wheel."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.util import find_spec

SECONDS = 20.0
"""All attempts together take no longer."""
DPI = 144
"""Of PNG."""

_WHEEL = """
import sys, pygraphviz
graph = pygraphviz.AGraph(string=sys.stdin.buffer.read().decode())
if sys.argv[2] != "0":
    graph.graph_attr["dpi"] = sys.argv[2]
sys.stdout.buffer.write(graph.draw(format=sys.argv[1], prog="dot"))
"""


class CannotDraw(Exception):
    """The picture cannot be made here; the message says what to do."""


def command(form: str) -> list[str] | None:
    """The arguments that lay out DOT from standard input, None where there is no Graphviz."""
    dpi = DPI if form == "png" else 0
    system = shutil.which("dot")
    if system is not None:
        return [system, f"-T{form}", *([f"-Gdpi={dpi}"] if dpi else [])]
    if find_spec("pygraphviz") is not None:
        return [sys.executable, "-P", "-c", _WHEEL, form, str(dpi)]
    return None


def render(text: str, form: str, seconds: float = SECONDS) -> bytes | None:
    """The picture that Graphviz makes of DOT text, None where it takes longer than that many seconds or fails."""
    arguments = command(form)
    if arguments is None:
        return None
    try:
        done = subprocess.run(arguments, input=text.encode(), capture_output=True, timeout=seconds, check=False)
    except (subprocess.TimeoutExpired, OSError):
        return None
    return done.stdout if done.returncode == 0 and done.stdout else None
