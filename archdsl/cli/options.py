"""The options that several commands share, each declared once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
from click.shell_completion import CompletionItem

from archdsl.cli.literals import bindings, configuration

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def _complete_target(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """File names come from the shell."""
    return [CompletionItem(incomplete, type="file")]


one_target: Decorator = click.argument("target", metavar="FILE[:ARCH]", shell_complete=_complete_target)
many_targets: Decorator = click.argument(
    "targets", metavar="FILE[:ARCH]…", nargs=-1, required=True, shell_complete=_complete_target
)
config: Decorator = click.option(
    "-D",
    "config",
    metavar="NAME=VALUE",
    multiple=True,
    callback=configuration,
    help="Set a configuration parameter: -D width=64.",
)
bind: Decorator = click.option(
    "--bind", metavar="NAME=SIZE", multiple=True, callback=bindings, help="Give a symbolic dimension a size: --bind N=8."
)
include: Decorator = click.option(
    "-I", "include", metavar="FOLDER", multiple=True, help="A folder in which `use` may find files. May be repeated."
)
as_json: Decorator = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON (version 1).")
weights: Decorator = click.option(
    "--weights", metavar="FILE", type=click.Path(exists=True, dir_okay=False), help="Take the parameters from a safetensors file."
)
given: Decorator = click.option(
    "--with",
    "given",
    metavar="INPUT",
    multiple=True,
    help="An optional input that is given in every call; without, a module takes each or not, an export none. May be repeated.",
)
scan: Decorator = click.option(
    "--scan",
    type=click.Choice(["auto", "loop"]),
    default="auto",
    show_default=True,
    help="The form of scans: the fastest that is found, or the plain loop.",
)
float_type: Decorator = click.option(
    "--dtype", type=click.Choice(["f64", "f32", "f16", "bf16"]), default=None, help="The program's float type (f32)."
)
