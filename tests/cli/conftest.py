"""Call the command line in this process, with the real compiler or a fake one that shows what the commands ask of it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from archdsl.cli import reading
from archdsl.cli.main import guarded, run
from archdsl.problems.problem import ArchError, Problem
from archdsl.records import facts
from archdsl.source import Source, Span


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


@pytest.fixture
def cli(capfd) -> Callable[..., Result]:
    """`cli("check", "net.arch")` → exit code, standard output, standard error."""

    def call(*arguments: str) -> Result:
        reading.standard_input.cache_clear()
        capfd.readouterr()
        code = guarded(lambda: run(arguments), arguments)
        sys.stdout.flush()
        out, err = capfd.readouterr()
        return Result(code, out, err)

    return call


@facts
class Wrong(Problem):
    """Something is wrong.

    Only in these tests.
    """

    code = "wrong"

    def message(self) -> str:
        return "this is wrong"


@facts
class Doubtful(Wrong):
    """Something is doubtful."""

    code = "doubtful"
    severity = "warning"


@dataclass
class FakeSpec:
    """Architectures are the words after `arch`, problems stand where `wrong` and `doubtful` do; every call is noted."""

    source_: Source
    calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = field(default_factory=list)

    @property
    def names(self) -> tuple[str, ...]:
        words = self.source_.text.split()
        return tuple(after for word, after in zip(words, words[1:], strict=False) if word == "arch")

    @property
    def problems(self) -> tuple[Problem, ...]:
        kinds = {"wrong": Wrong, "doubtful": Doubtful}
        found = []
        for word, kind in kinds.items():
            at = self.source_.text.find(word)
            if at >= 0:
                found.append(kind(at=Span(self.source_, at, at + len(word)), label="here"))
        return tuple(found)

    def check(self, name: str | None = None, config: Any = None) -> tuple[Problem, ...]:
        self._note("check", name, config)
        return self.problems

    def __getattr__(self, verb: str) -> Callable[..., Any]:
        if verb == "onnx_files":
            return lambda path, *arguments, **options: {Path(path): self.onnx(*arguments, **options)}
        if verb not in ("source", "onnx", "draw", "summary", "verify"):
            raise AttributeError(verb)

        def call(*arguments: Any, **options: Any) -> Any:
            self._note(verb, *arguments, **options)
            if any(problem.severity == "error" for problem in self.problems):
                raise ArchError(self.problems)
            return (
                Answer(verb, "unequal" not in self.source_.text) if verb in ("summary", "verify") else self._made(verb, options)
            )

        return call

    def _made(self, verb: str, options: dict[str, Any]) -> str | bytes:
        if "boom" in self.source_.text:
            raise RuntimeError("boom")
        return b"\x00onnx" if verb == "onnx" else f"<{verb} {options.get('format', '')}>\n"

    def _note(self, verb: str, *arguments: Any, **options: Any) -> None:
        self.calls.append((verb, arguments, options))


@dataclass
class Answer:
    """A table or a proof."""

    verb: str
    ok: bool

    def __str__(self) -> str:
        return f"the {self.verb}"

    def as_json(self) -> dict[str, Any]:
        return {"verb": self.verb, "ok": self.ok}


@pytest.fixture
def fake(monkeypatch) -> dict[str, FakeSpec]:
    """Replace the compiler; the loaded specs by the name of their source."""
    loaded: dict[str, FakeSpec] = {}
    module = ModuleType("archdsl.compiler")

    def load(path_or_source: Path | Source, include: tuple[Path, ...] = ()) -> FakeSpec:
        source = path_or_source if isinstance(path_or_source, Source) else reading.read_source(path_or_source)
        loaded[source.name] = FakeSpec(source)
        loaded[source.name]._note("load", include)
        return loaded[source.name]

    module.load = load  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "archdsl.compiler", module)
    return loaded


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch) -> Path:
    """Commands run in an empty folder, without colours, and crash reports land in a folder beside it."""
    folder = tmp_path / "work"
    folder.mkdir()
    (tmp_path / "tmp").mkdir()
    monkeypatch.chdir(folder)
    for name in ("NO_COLOR", "FORCE_COLOR", "_ARCHDSL_COMPLETE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    return folder
