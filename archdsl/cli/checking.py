"""What `check` does, without the command line around it: no click, so that a plain `archdsl check FILE` starts at once."""

from __future__ import annotations

import gc
import sys
from collections.abc import Mapping
from importlib import import_module

from archdsl.cli.reading import Target, choose, open_spec, targets
from archdsl.cli.showing import say, use_color
from archdsl.problems.problem import ArchError, Problem

UNREADABLE = {"unreadable-file", "source-too-large", "not-utf8"}


def check(arguments: tuple[str, ...], config: Mapping[str, object], include: tuple[str, ...], form: str, strict: bool) -> int:
    """Check files and folders, write their problems, and say the exit code."""
    problems, files = find_problems(arguments, config, include)
    if problems or form != "text":
        renderer = import_module(f"archdsl.problems.render.{form}")
        sys.stdout.write(renderer.render(problems, color=use_color(sys.stdout)))
    sys.stdout.flush()
    _close(problems, files)
    if any(problem.code in UNREADABLE for problem in problems):
        return 2
    return int(any(strict or problem.severity == "error" for problem in problems))


def find_problems(
    arguments: tuple[str, ...], config: Mapping[str, object], include: tuple[str, ...]
) -> tuple[tuple[Problem, ...], int]:
    """The problems of all files, each once (two files may import a third), and how many files there were.

    What is made is kept until the end, so that collecting garbage would find little: it was a sixth of the time for the zoo.
    """
    paused = gc.isenabled()
    gc.disable()
    try:
        return _find_problems(arguments, config, include)
    finally:
        if paused:
            gc.enable()


def _find_problems(
    arguments: tuple[str, ...], config: Mapping[str, object], include: tuple[str, ...]
) -> tuple[tuple[Problem, ...], int]:
    found: dict[tuple[object, ...], Problem] = {}
    count = 0
    try:
        for target in targets(arguments):
            count += 1
            for problem in _check(target, config, include):
                found.setdefault(problem.order, problem)
    except ArchError as fault:  # a folder without files
        found |= {problem.order: problem for problem in fault.problems}
    return tuple(found.values()), count


def _check(target: Target, config: Mapping[str, object], include: tuple[str, ...]) -> tuple[Problem, ...]:
    """The problems of one file. Raises `click.UsageError` where it has no such architecture."""
    try:
        spec = open_spec(target, include)
        if target.name is None and not config:
            return spec.check()
        if any(problem.severity == "error" for problem in spec.problems) and target.name not in spec.names:
            return spec.problems  # the name may be missing because its text is broken
        return spec.check(choose(spec, target), config)
    except ArchError as fault:
        return fault.problems


def _close(problems: tuple[Problem, ...], files: int) -> None:
    """The closing line, which is no result."""
    counts = ""
    if problems:
        from archdsl.problems.render.text import closing_line

        counts = closing_line(problems)
    say(counts or f"{files} file{'s' if files != 1 else ''} checked, no problems")
