"""Finds passes by their word: the folders of `passes/` are walked; third parties join by the entry point `archdsl.passes`."""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from archdsl.passes.contract import Pass
from archdsl.problems.suggest import did_you_mean
from archdsl.records import changed, parts

FOLDER = Path(__file__).parent


class UnknownPass(ValueError):
    """No pass has that word, or it has no such option; says what is near."""


class DuplicatePass(Exception):
    """Two passes have one word."""


@cache
def every_pass() -> dict[str, type[Pass]]:
    """All passes by their word, sorted. Raises `DuplicatePass`."""
    found: dict[str, type[Pass]] = {}
    kinds: list[Any] = [point.load() for point in entry_points(group="archdsl.passes")]
    for path in sorted(FOLDER.glob("*/*.py")):
        module = import_module(f"archdsl.passes.{path.parent.name}.{path.stem}") if path.stem != "__init__" else None
        kinds += [one for one in vars(module).values() if _is_pass(one, module)] if module is not None else []
    for kind in kinds:
        if found.setdefault(kind.word, kind) is not kind:
            raise DuplicatePass(kind.word)
    return dict(sorted(found.items()))


def _is_pass(one: object, module: Any) -> bool:
    return isinstance(one, type) and issubclass(one, Pass) and bool(one.word) and one.__module__ == module.__name__


def read_pass(text: str) -> Pass:
    """A pass as it is written: `dead-values`, or with options, `constants{most=16}`. Raises `UnknownPass`."""
    said = re.fullmatch(r"\s*([\w-]+)\s*(?:\{(.*)\})?\s*", text)
    if said is None:
        raise UnknownPass(f"`{text}` is no pass: write its word, and options in braces: `constants{{most=16}}`")
    kinds = every_pass()
    if said[1] not in kinds:
        near = did_you_mean(said[1], kinds) or f"there are {', '.join(kinds)}"
        raise UnknownPass(f"there is no pass `{said[1]}`; {near}")
    one = kinds[said[1]]()
    for option in filter(None, (part.strip() for part in (said[2] or "").split(","))):
        name, _, value = (part.strip() for part in option.partition("="))
        known = dict(parts(one))
        if name not in known:
            near = did_you_mean(name, known) or f"it has {', '.join(known) or 'none'}"
            raise UnknownPass(f"`{said[1]}` has no option `{name}`; {near}")
        one = changed(one, **{name: _read(value, known[name], f"`{name}` of `{said[1]}`")})
    if one.wrong():
        raise UnknownPass(f"`{said[1]}`: {one.wrong()}")
    return one


def _read(text: str, like: object, what: str) -> object:
    """A value of the kind that the option has."""
    if isinstance(like, bool):
        if text not in ("true", "false"):
            raise UnknownPass(f"{what} is true or false, not `{text}`")
        return text == "true"
    try:
        return float(text) if isinstance(like, float) else int(text) if isinstance(like, int) else text
    except ValueError:
        raise UnknownPass(f"{what} is like {like!r}, not `{text}`") from None
