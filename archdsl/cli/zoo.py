"""The zoo's table: one line an architecture, as it is found out, for people, as Markdown, as data."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from archdsl.cli.reading import Target, choose, open_spec
from archdsl.verifying.rows import Row, row_of, said

ORACLES = "tests.oracles.table"
"""In a checkout: what runs the comparisons with the references."""
COUNTED = ("expect", "counts", "keys")
RUN = ("float64", "ONNX")
COLUMNS = (*COUNTED, *RUN)


@dataclass
class Line:
    """One line: an architecture, as one of a reference's where the oracles know it as that."""

    file: str
    row: Row
    name: str = ""
    reference: str = ""
    theirs: int | None = None
    """Lines of the reference's Python."""
    said: dict[str, str] = field(default_factory=dict)
    """Column → `ok`, or why not; columns without a word are not held."""

    @property
    def ok(self) -> bool:
        """Whether all that is held holds."""
        return all(word == "ok" for word in self.said.values())

    @property
    def faults(self) -> list[str]:
        """What does not hold, and why."""
        return [f"{column}: {word}" for column, word in self.said.items() if word != "ok"]

    def as_json(self) -> dict[str, Any]:
        """The line as data."""
        return {
            "file": self.file, "arch": self.row.arch, "name": self.name, "reference": self.reference,
            "params": str(self.row.params), "macs": self.row.macs, "sizes": dict(self.row.sizes), "lines": self.row.lines,
            "reference_lines": self.theirs, "checks": self.said,
        }  # fmt: skip


def oracles(files: Iterable[str]) -> Any:
    """The oracles of the checkout that this package runs from, where all files are of its collections; None elsewhere.

    Nothing is run that does not lie beside the package itself. Raises `ImportError` where a reference's library is missing.
    """
    root = Path(__file__).resolve().parents[2]
    collections = (root / "specs", root / "gallery")
    if not (root / "tests/oracles/table.py").is_file() or not all(Path(one).resolve().parent in collections for one in files):
        return None
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    return import_module(ORACLES)


def lines(targets: Sequence[Target], include: tuple[str, ...], table: Any, columns: Sequence[str]) -> Iterator[Line]:
    """The lines of all targets, each when it is known. Raises `ArchError` for a file that cannot be read."""
    known: dict[tuple[str, str], list[Any]] = {}
    for entry in table.entries() if table is not None else ():
        known.setdefault((entry.file, entry.arch), []).append(entry)
    for target in targets:
        spec = open_spec(target, include)
        wrong = [one for one in spec.problems if one.severity == "error"]
        if wrong:  # of syntax or imports: who knows which architectures there are
            yield Line(target.path, Row(target.name or "", fault=wrong[0].message()), said={"expect": wrong[0].message()})
            continue
        for arch in spec.names if target.name is None else [choose(spec, target)]:
            for entry in known.get((Path(target.path).stem, arch), [None]):
                yield _line(spec, target.path, arch, entry, columns)


def _line(spec: Any, path: str, arch: str, entry: Any, columns: Sequence[str]) -> Line:
    row = row_of(spec, arch, entry.sizes if entry is not None else None)
    line = Line(path, row)
    if "expect" in columns:
        line.said["expect"] = row.fault or "ok"
    if entry is not None:
        line.name, line.reference, line.theirs = entry.name, entry.reference, entry.lines()
        found = {column: entry.run(column) for column in columns if column != "expect"}
        line.said |= {column: word for column, word in found.items() if word}
    return line


HEAD = ("architecture", "as", "reference", "parameters", "MACs", "at", *COLUMNS, "lines", "theirs")
_WIDTHS = (41, 27, 12, 15, 19, 22, 6, 6, 4, 7, 4, 5, 6)
_RIGHT = {"parameters", "MACs", "lines", "theirs"}


def cells(line: Line) -> tuple[str, ...]:
    """The line's cells, in the order of `HEAD`."""
    row = line.row
    at = ", ".join(f"{name}={size}" for name, size in row.sizes.items()) if row.macs is not None else ""
    marks = ["" if column not in line.said else "✓" if line.said[column] == "ok" else "✗" for column in COLUMNS]
    theirs = "" if line.theirs is None else str(line.theirs)
    name = f"{Path(line.file).name}:{row.arch}".rstrip(":")
    return (name, line.name, line.reference, said(row.params), said(row.macs), at, *marks, str(row.lines), theirs)


def text(made: Sequence[str]) -> str:
    """Cells as a line of a terminal."""
    parts = [
        one.rjust(width) if head in _RIGHT else one.ljust(width) for head, one, width in zip(HEAD, made, _WIDTHS, strict=True)
    ]
    return "  ".join(parts).rstrip()


def closing(found: Sequence[Line]) -> str:
    """How it ended, in a sentence."""
    wrong = sum(not one.ok for one in found)
    longer = [one for one in found if one.theirs is not None and one.row.lines > one.theirs]
    told = f"{len(found)} lines, {wrong} with a fault" if wrong else f"{len(found)} lines, all as they should be"
    if any(one.theirs is not None for one in found):
        told += f"; {len(longer)} longer than the Python beside it"
    return told


PAGE = """<!-- Made by `archdsl zoo verify specs gallery -o docs/zoo.md`: run it again, do not edit this page. -->
# The zoo

Every architecture of [`specs/`](../specs), and of [`gallery/`](../gallery), to which any are welcome, and what it was found
to be. `archdsl zoo verify specs gallery` prints this table anew; in a
checkout with the libraries of the references (`make test-oracles` installs them) it runs every comparison.

* **as**: the architecture of the reference that it is held against; one may be several (other names for one network go through
  a [weight map](how-to/map-weights.md)). *paper* and *class* references are written from their equations in `tests/oracles`.
* **parameters**, **MACs** (multiply-accumulates of convolutions, matrix products and attention) **at** these sizes.
* **expect**: what the spec says of itself holds. **counts**: parameters and MACs are the reference's, at full size.
  **keys**: the names and shapes of the `state_dict` are the reference's, at full size.
* **float64**: of a small one with random parameters and running statistics, weights load strictly both ways, and outputs,
  gradients and statistics of training agree to 1e-9. **ONNX**: the exported model agrees at several sizes, as closely as float32
  allows.
* **lines**: those of the architecture and of what it uses of its file, without comments and expectations; **theirs**: those of
  the reference's classes, of the plain function that builds it and of what these use of their file, without comments,
  docstrings and the functions that only give a size its name.

"""


def page(found: Sequence[Line]) -> str:
    """The table as a Markdown page."""
    rule = ["---:" if head in _RIGHT else ":---:" if head in COLUMNS else "---" for head in HEAD]
    rows = [HEAD, rule, *(cells(line) for line in found)]
    body = "\n".join("| " + " | ".join(one.replace("|", "\\|") for one in row) + " |" for row in rows)
    return f"{PAGE}{body}\n\n{closing(found)}.\n"


def versions() -> Mapping[str, str]:
    """The versions that the comparisons ran on."""
    return {name: getattr(sys.modules.get(name), "__version__", "") for name in ("torch", "torchvision", "transformers", "timm")}


def one_thread() -> None:
    """The comparisons are of small modules: threads only wait for each other."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
