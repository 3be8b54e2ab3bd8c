"""`archdsl fmt`: files in their one layout."""

from __future__ import annotations

import sys

import click

from archdsl.cli import options
from archdsl.cli.reading import STANDARD_INPUT, read_source, standard_input, targets
from archdsl.cli.showing import difference, say, show_json, show_problems
from archdsl.problems.problem import ArchError
from archdsl.source import Source


@click.command("fmt")
@options.many_targets
@click.option("--check", is_flag=True, help="Change nothing; exit 1 where a file is not in the layout.")
@click.option("--diff", is_flag=True, help="Change nothing; print what would change.")
@options.as_json
def command(targets: tuple[str, ...], check: bool, diff: bool, as_json: bool) -> int:
    """Format .arch files in place.

    There is one layout and nothing to set. Comments and groups of lines are kept; - goes from standard input to standard output.

    \b
    Examples:
      archdsl fmt specs/
      archdsl fmt --check --diff specs/
    """
    changed, failed = [], 0
    result = []
    for path, source in _sources(targets):
        if isinstance(source, ArchError):
            show_problems(source.problems, sys.stderr)
            failed = max(failed, 2)
            continue
        try:
            text = _formatted(source)
        except ArchError as fault:
            show_problems(fault.problems, sys.stderr)
            failed = max(failed, 1)
            continue
        differs = text != source.text
        result.append({"file": source.name, "changed": differs})
        if differs:
            changed.append(source.name)
        if diff and not as_json:
            sys.stdout.write(difference(source.name, source.text, text))
        elif path == STANDARD_INPUT and not check and not as_json:
            sys.stdout.write(text)
        elif differs and not check and not diff and path != STANDARD_INPUT:
            _replace(path, text)
    if as_json:
        show_json("fmt", result)
    _close(changed, len(result), check or diff)
    return failed or int(bool(changed) and check)


def _sources(arguments: tuple[str, ...]) -> list[tuple[str, Source | ArchError]]:
    """Every file with its text, or with why it has none."""
    found: list[tuple[str, Source | ArchError]] = []
    for argument in arguments:
        try:
            for target in targets([argument]):
                if target.name is not None:
                    raise click.UsageError(f"a file is formatted as a whole: give {target.path}")
                found.append((target.path, standard_input() if target.path == STANDARD_INPUT else read_source(target.path)))
        except ArchError as fault:
            found.append((argument, fault))
    return found


def _formatted(source: Source) -> str:
    from archdsl.syntax.format import format_source

    return format_source(source)


def _replace(path: str, text: str) -> None:
    from archdsl.files.writing import write_whole

    write_whole(path, text.encode())


def _close(changed: list[str], count: int, dry: bool) -> None:
    for name in changed if dry else []:
        say(f"would change {name}")
    verb = "to change" if dry else "changed"
    say(f"{len(changed)} of {count} file{'s' if count != 1 else ''} {verb}")
