"""The zoo's lines and what the oracles say of each: `archdsl zoo verify` in a checkout asks here.

The tests are the engine. Every test of `tests/oracles/test_*.py` whose parameter is a case (it has `file`, `arch` and `name`) or
an identity of `test_counts.ROWS` belongs to that line; the words of its name say the column.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from functools import cached_property, partial
from importlib import import_module
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from archdsl.verifying.rows import row_of
from tests.oracles.lines import reference_lines
from tests.oracles.living import spec
from tests.oracles.test_counts import ROWS, zoo

COLUMNS = ("counts", "keys", "float64", "ONNX")
"""Counts of parameters and MACs; keys and shapes; outputs, gradients, training statistics and loading both ways; ONNX Runtime."""
WORDS = {
    "onnx": "ONNX",
    "keys": "keys",
    "float64": "float64",
    "definition": "float64",
    "map_fits": "keys",
    "counts": "counts",
    "are_those": "counts",
}
"""Words of a test's name, the first that is found, and the column that it fills."""

BY_NAME = {"tiny_unet": ("stable_diffusion_unet", "sd_unet")}
"""Words of the tests that are about one line only, and that line."""
Key = tuple[str, str]
"""A line's name and file."""


@dataclass
class Entry:
    """One line: an architecture as one of the zoo's, with what is to be run for each column."""

    name: str
    file: str
    arch: str
    sizes: dict[str, int] | None = None
    tiny: Callable[[], Any] | None = None
    full: Callable[[], Any] | None = None
    jobs: dict[str, list[Callable[[], None]]] = field(default_factory=dict)

    @property
    def reference(self) -> str:
        """What it is held against, in a word."""
        if self.name in zoo():
            return str(zoo()[self.name]["reference"]["kind"])
        package = type(self.made).__module__.partition(".")[0]
        return "paper" if package == "tests" else package

    @cached_property
    def made(self) -> Any:
        """The reference, a small one if there is one, without data; None where there is none."""
        made = self.tiny or self.full
        with torch.device("meta"):
            return None if made is None else made()

    def lines(self) -> int | None:
        """Lines of the reference's Python."""
        return None if self.made is None else reference_lines(self.made)

    def run(self, column: str) -> str:
        """`ok`, the empty string where nothing is held there, or why it fails."""
        try:
            with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
                for job in self.jobs.get(column, ()):
                    job()
        except AssertionError as fault:
            return (str(fault).splitlines() or ["an assertion"])[0]
        except Exception as fault:  # a column must not end the table
            return f"{type(fault).__name__}: {fault}".splitlines()[0]
        return "ok" if self.jobs.get(column) else ""


def entries() -> list[Entry]:
    """All lines, by file."""
    found: dict[Key, Entry] = {}
    for identity, (file, arch, sizes) in ROWS.items():
        found[identity, file] = Entry(identity, file, arch, sizes)
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        module = import_module(f"tests.oracles.{path.stem}")
        for name, test in inspect.getmembers(module, inspect.isfunction):
            if name.startswith("test_") and test.__module__ == module.__name__:
                _add(found, name, test)
    for entry in found.values():
        if entry.name in zoo() and "counts" not in entry.jobs:
            entry.jobs["counts"] = [partial(_count, entry)]
    return sorted((one for one in found.values() if "/" not in one.file), key=lambda one: (one.file, one.arch, one.name))


def _add(found: dict[Key, Entry], name: str, test: Callable[..., None]) -> None:
    """Give each line the runs of this test that are about it."""
    column = next((column for word, column in WORDS.items() if word in name), None)
    if column is None or "examples" in name:
        return
    for arguments in _runs(test):
        own = next((key for word, key in BY_NAME.items() if word in name), None)
        entry = _entry(found, arguments) if own is None else found[own]
        if entry is not None:
            entry.jobs.setdefault(column, []).append(lambda arguments=arguments: _call(test, arguments))


def _count(entry: Entry) -> None:
    """The architecture's own counts are the zoo's, where another layout of it is what the tests compare."""
    row = row_of(spec(entry.file), entry.arch, entry.sizes)
    assert (row.params, row.macs) == (zoo()[entry.name]["params"], zoo()[entry.name]["macs"])


def _entry(found: dict[Key, Entry], arguments: dict[str, Any]) -> Entry | None:
    """The line that a run is about, made where it is a new one."""
    if arguments.get("identity") in ROWS:
        identity = arguments["identity"]
        return found[identity, ROWS[identity][0]]
    for case in arguments.values():
        if all(hasattr(case, name) for name in ("file", "arch", "name")):
            identity = getattr(case, "identity", "") or case.name
            entry = found.setdefault((identity, case.file), Entry(identity, case.file, case.arch))
            entry.sizes = entry.sizes or getattr(case, "sizes", None)
            entry.tiny = entry.tiny or getattr(case, "tiny", None)
            entry.full = entry.full or getattr(case, "full", None)
            return entry
    return None


def _runs(test: Callable[..., None]) -> Iterator[dict[str, Any]]:
    """The arguments of every run that pytest would make of it."""
    choices: list[list[dict[str, Any]]] = []
    for mark in getattr(test, "pytestmark", []):
        if mark.name == "parametrize":
            names, values = mark.args[:2]
            names = [one.strip() for one in names.split(",")] if isinstance(names, str) else list(names)
            choices.append([dict(zip(names, one if len(names) > 1 else (one,), strict=True)) for one in values])
    for several in itertools.product(*choices):
        yield {name: value for one in several for name, value in one.items()}


def _call(test: Callable[..., None], arguments: dict[str, Any]) -> None:
    with TemporaryDirectory() as folder:
        fixtures = {"tmp_path": Path(folder)}
        wanted = inspect.signature(test).parameters
        test(**arguments, **{name: one for name, one in fixtures.items() if name in wanted})
