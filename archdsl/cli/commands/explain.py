"""`archdsl explain`: the page of a problem."""

from __future__ import annotations

from inspect import getdoc
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from archdsl.cli import options
from archdsl.cli.showing import show_json

if TYPE_CHECKING:
    from archdsl.problems.problem import Problem


def _complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from archdsl.problems.registry import all_problems

    return [CompletionItem(code, help=_summary(kind)) for code, kind in all_problems().items() if code.startswith(incomplete)]


@click.command("explain")
@click.argument("code", required=False, shell_complete=_complete)
@options.as_json
def command(code: str | None, as_json: bool) -> int:
    """Tell what a problem means and how to mend it.

    CODE is what stands in brackets behind `error`; without it all are listed.

    \b
    Examples:
      archdsl explain shape-mismatch
    """
    from archdsl.problems.registry import all_problems
    from archdsl.problems.suggest import did_you_mean

    kinds = all_problems()
    if code is None:
        if as_json:
            show_json("explain", [_as_json(kind) for kind in kinds.values()])
        else:
            broad = max(map(len, kinds), default=0)
            for name, kind in kinds.items():
                click.echo(f"{name:{broad}}  {_summary(kind)}")
        return 0
    code = code.strip()
    for around in ("error[", "warning["):  # as the message shows it
        code = code.removeprefix(around)
    code = code.removesuffix("]")
    if code not in kinds:
        raise click.UsageError(
            f"there is no problem `{code}`; " + (did_you_mean(code, kinds) or "`archdsl explain` lists them all")
        )
    if as_json:
        show_json("explain", _as_json(kinds[code]))
    else:
        click.echo(f"{kinds[code].severity}[{code}]\n\n{getdoc(kinds[code])}")
    return 0


def _summary(kind: type[Problem]) -> str:
    """The first sentence of the page, on one line."""
    paragraph = " ".join((getdoc(kind) or "").split("\n\n", 1)[0].split())
    sentence = paragraph.split(". ")[0].split(": ")[0].rstrip(".") + "."
    return sentence if len(sentence) <= 100 else sentence[:99] + "…"


def _as_json(kind: type[Problem]) -> dict[str, str]:
    return {"code": kind.code, "severity": kind.severity, "page": getdoc(kind) or ""}
