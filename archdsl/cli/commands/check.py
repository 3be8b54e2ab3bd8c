"""`archdsl check`: every problem of one or more files."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module

import click

from archdsl.cli import options
from archdsl.cli.reading import Target, choose, open_spec, targets
from archdsl.cli.showing import say, use_color
from archdsl.problems.problem import ArchError, Problem

FORMATS = ("text", "concise", "json", "sarif", "github")
UNREADABLE = {"unreadable-file", "source-too-large", "not-utf8"}


@click.command("check")
@options.many_targets
@options.config
@options.include
@click.option("--format", "form", type=click.Choice(FORMATS), default=None, help="How problems are written (text).")
@click.option("--strict", is_flag=True, help="Warnings fail too.")
@options.as_json
def command(
    targets: tuple[str, ...],
    config: Mapping[str, object],
    include: tuple[str, ...],
    form: str | None,
    strict: bool,
    as_json: bool,
) -> int:
    """Find the errors in .arch files.

    All are told in one run: errors of syntax, names and shapes, and of what `expect` states. Nothing of a file is executed.

    FILE may be a folder (every .arch file below it) or - for standard input; FILE:ARCH checks one architecture, with the
    configuration that -D gives.

    \b
    Examples:
      archdsl check specs/
      archdsl check specs/resnet.arch:ResNet50 -D classes=10
      archdsl check --format sarif specs/ > findings.sarif
    """
    if as_json and form not in (None, "json"):
        raise click.UsageError(f"--json is --format json; it does not go with --format {form}")
    form = "json" if as_json else form or "text"
    problems, files = find_problems(targets, config, include)
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
    """The problems of all files, each once (two files may import a third), and how many files there were."""
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
