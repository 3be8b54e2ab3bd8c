"""A spec loaded again, with other texts in place of some of its files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Protocol, TypeVar

from archdsl.elaborate.imports import reader_for
from archdsl.elaborate.program import Loader, Module
from archdsl.files.reading import read_source
from archdsl.problems.collector import Problems
from archdsl.source import Source
from archdsl.syntax import tree
from archdsl.syntax.parse import parse


class Spec(Protocol):
    """A loaded file: `archdsl.compiler.Spec`."""

    text: Source

    def __init__(self, source: Source, module: Module, problems: Problems) -> None: ...


S = TypeVar("S", bound=Spec)


def reloader(spec: S, path: Path | None, include: Iterable[Path] = ()) -> Callable[[Mapping[str, str]], S]:
    """What loads the file of a spec again, at `path` (None for a text that is no file), with new texts by the files' names."""

    def reload(texts: Mapping[str, str]) -> S:
        problems = Problems()

        @cache
        def read(one: Path, name: str) -> tree.File:
            return parse(Source(name, texts[name]) if name in texts else read_source(one, name), problems)

        reader, identity = reader_for(path, tuple(include), read)
        source = Source(spec.text.name, texts.get(spec.text.name, spec.text.text))
        module = Loader(reader, problems.add).load(identity, parse(source, problems))
        return type(spec)(source, module, problems)

    return reload
