"""Names of the generated code: the locals of a function, reused as a person would, and names that clash with nothing."""

from __future__ import annotations

import builtins
import itertools
import keyword
import re
from collections.abc import Iterable, Iterator
from itertools import chain

from archdsl.elaborate.reserved import renamed, why_unwritable
from archdsl.targets.torch.imports import IMPORTS
from archdsl.targets.torch.statements import LOCAL, Block, Line, Statement

_TAKEN = frozenset({"self", "super", *keyword.kwlist, *keyword.softkwlist, *dir(builtins), *IMPORTS})


def public_name(name: str, taken: Iterable[str] = (), *, output: bool = False) -> str:
    """The author's name, which callers write, or what `check` says that it is called there: it may hide a builtin of which the
    generated file has no use."""
    own = renamed(name) if why_unwritable(name, output=output) else name
    return own if own not in taken else safe_name(own, taken)


def safe_name(name: str, taken: Iterable[str] = ()) -> str:
    """The name, or the next like it, that is an identifier, no keyword, no builtin, no import, and not taken."""
    stem = re.sub(r"\W", "_", name, flags=re.ASCII) or "x"
    if stem[0].isdigit():
        stem = f"_{stem}"
    stem = stem.strip("_") or "x" if stem.startswith("__") else stem
    if stem not in _TAKEN and stem not in taken:
        return stem
    trial, count = f"{stem}_", 1
    while trial in _TAKEN or trial in taken:
        count += 1
        trial = f"{stem}_{count}"
    return trial


def stem_of(name: str) -> str:
    """The author's name in a value's name: `x` of `x_3`."""
    return re.sub(r"_[0-9]+$", "", name)


def name_locals(
    statements: list[Statement], hints: dict[str, str], given: dict[str, str], taken: Iterable[str]
) -> dict[str, str]:
    """A name for each local. `given` are those of the arguments; a name is used again once what it held is not read any more.
    That of a function stays its own."""
    last: dict[str, int] = {}
    first: dict[str, int] = {}
    _spans(statements, 0, first, last)
    names = dict(given)
    reserved = set(taken)
    functions = set(_functions(statements))
    holders: dict[str, list[str]] = {}
    for local, name in given.items():
        holders.setdefault(name, []).append(local)
    for local in sorted(first, key=lambda one: first[one]):
        if local in names:
            continue
        hint = hints.get(local, "x")
        stem = stem_of(hint)
        trials = chain([stem], ["out", "y"] if stem in ("x", "it") else [], (f"{stem}_{count}" for count in itertools.count(1)))
        trial = next(
            name for name in (safe_name(one, reserved) for one in trials)
            if not any(last.get(other, -1) > first[local] or functions & {local, other} for other in holders.get(name, ()))
        )  # fmt: skip
        names[local] = trial
        holders.setdefault(trial, []).append(local)
    return names


def _spans(statements: list[Statement], at: int, first: dict[str, int], last: dict[str, int]) -> int:
    """The first and the last moment of each local: a line reads at an odd moment and binds at the next."""
    for one in statements:
        at += 2
        if isinstance(one, Line):
            for local in LOCAL.findall(one.code):
                last[local] = at + 1
            for local in filter(LOCAL.match, one.targets):
                first.setdefault(local, at + 1)
                last[local] = max(last.get(local, 0), at + 1 if len(one.targets) == 1 else at + 2)
            continue
        start = at
        for local in LOCAL.findall(one.head):
            last[local] = at + 1
        for local in one.targets:
            first.setdefault(local, at + 1)
        outside = set(first)
        inside = _reads(one)
        at = _spans(one.body, at + 2, first, last)
        at = _spans(one.other, at + 2, first, last) + 2
        for local in inside - set(one.targets if one.function else ()):
            if local in outside or local not in first or local in one.targets:
                last[local] = at
        for local in one.state:
            first.setdefault(local, start)
            last[local] = max(last.get(local, 0), at)
    return at


def _functions(statements: list[Statement]) -> Iterator[str]:
    """The locals that are functions."""
    for one in statements:
        if isinstance(one, Block):
            yield from one.targets[:1] if one.function else ()
            yield from _functions([*one.body, *one.other])


def _reads(block: Block) -> set[str]:
    found: set[str] = set()
    for one in (*block.body, *block.other):
        if isinstance(one, Line):
            found.update(LOCAL.findall(one.code), one.targets if one.head == "rebind" else ())
        else:
            found.update(LOCAL.findall(one.head), _reads(one))
    return found
