"""`archdsl check`: every problem of one or more files."""

from __future__ import annotations

from collections.abc import Mapping

import click

from archdsl.cli import options
from archdsl.cli.checking import check

FORMATS = ("text", "concise", "json", "sarif", "github")


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
    return check(targets, config, include, form, strict)
