"""What every stage answers to one input, as text that is short and the same on every machine."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from html import unescape
from pathlib import Path
from textwrap import fill, indent

import onnx
from onnx.printer import to_text

from archdsl import load
from archdsl.ir.text import print_graph
from archdsl.passes.scans.choose import explained
from archdsl.problems.render.text import render
from archdsl.targets.torch import runtime
from tests.problems.golden_file import MAIN, Case, write_files

FENCES = {
    "Problems": "text",
    "Graph": "graph",
    "Scans": "scans",
    "Cost": "cost",
    "PyTorch": "python",
    "ONNX": "onnx",
    "DOT": "dot",
}
"""The stages in order, and the word at the head of the fence in which each answers."""

WIDTH = 118
"""Characters of a line where we break it."""


def answers(case: Case, folder: Path) -> dict[str, str]:
    """The answer of each stage that has one, by its heading; the files of the case are written below `folder`, where we are.

    After errors only the problems are told."""
    write_files(case, folder)
    spec = load(Path(MAIN))
    problems = spec.check(spec.names[-1], case.config) if case.config else spec.check()
    said = {"Problems": render(problems) or "none"}
    if all(one.severity != "error" for one in problems):
        name, config = spec.names[-1], case.config
        graph = spec.graph(name, **config)
        stages: dict[str, Callable[[], str]] = {
            "Graph": lambda: print_graph(graph),
            "Scans": lambda: "\n".join(map(str, explained(graph))),
            "Cost": lambda: str(spec.summary(name, **config)),
            "PyTorch": lambda: torch_text(spec.source(name, **config)),
            "ONNX": lambda: onnx_text(spec.onnx(name, **config)),
            "DOT": lambda: dot_text(str(spec.draw(name, format="dot", **config))),
        }
        said |= {stage: answer() for stage, answer in stages.items()}
    return {stage: text.strip("\n") + "\n" for stage, text in said.items() if text.strip()}


def torch_text(source: str) -> str:
    """The source less its imports and the helpers that are printed into every file that needs them; those it calls are named."""
    kept: list[str] = []
    named: list[str] = []
    for part in source.split("\n\n\n")[1:]:
        found = re.search(r"^(?:class |def |(?=\w+(?: = |\()))(\w+)", part, re.MULTILINE)
        if found and found[1] in _helpers():
            named.append(found[1])
        else:
            kept.append(part)
    named = [name for name in dict.fromkeys(named) if any(f"{name}(" in part for part in kept)]
    if named:
        kept.insert(0, fill(f"# Here stand: {', '.join(named)}.", WIDTH, subsequent_indent="# "))
    return "\n\n\n".join(kept)


@cache
def _helpers() -> set[str]:
    text = "\n".join(path.read_text() for path in Path(runtime.__path__[0]).rglob("*.py"))
    return set(re.findall(r"^(?:class |def |(?=\w+ = ))(\w+)", text, re.MULTILINE))


def onnx_text(model: bytes) -> str:
    """The model as the onnx package prints it, less its head and the numbers of weights."""
    text: str = to_text(onnx.load_from_string(model))
    text = re.sub(r"^<\n(?:  .*\n)+>\n", "", text, flags=re.MULTILINE)
    text = re.sub(r'("[^"\n]+"|\b(?:weight|bias)) = +\{[^}]*\}', r"\1", text)  # the names of weights have dots, thus quotes
    lines = (line.rstrip() for line in text.splitlines())
    return "\n".join(fill(line, WIDTH, subsequent_indent="    ") if re.match(r" +<", line) else line for line in lines)


def dot_text(dot: str) -> str:
    """The drawing less its look: frames, boxes with the rows of their labels, edges with what stands on them."""
    lines: list[str] = []
    edges: list[str] = []
    for line in re.sub(r"\n +(?=fontname|label)", " ", dot).splitlines():
        what, _, look = line.partition(" [")
        label = re.search(r'label=(?:<(.*)>|"(.*)")[\] ]', look)
        told = f"{what}: {_rows(label[1] or label[2] or '')}" if label else what.rstrip(";")
        if what.strip() in ("node", "edge", "graph") and label is None or "style=invis" in look or told.endswith(": "):
            continue
        if "->" in what:
            edges.append(told.strip() + (" (back)" if "style=dashed" in look else ""))
        else:
            lines.append(told)
    between = fill("; ".join(edges).replace(" ", "\xa0").replace(";\xa0", "; "), WIDTH).replace("\xa0", " ")
    return "\n".join([*lines[:-1], indent(between, "  "), lines[-1]])


def _rows(html: str) -> str:
    rows = [" ".join(unescape(re.sub(r"<[^>]*>", " ", row)).split()) for row in re.split(r"</TR>|<BR/>", html)]
    return " | ".join(row for row in rows if row)
