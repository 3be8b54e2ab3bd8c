"""`archdsl ops`: the vocabulary."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from archdsl.cli import options
from archdsl.cli.showing import show_json

if TYPE_CHECKING:
    from archdsl.ops.contract import Op


def _complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from archdsl.ops.registry import known

    return [CompletionItem(word) for word in sorted(known()) if word.startswith(incomplete)]


@click.command("ops")
@click.argument("name", required=False, shell_complete=_complete)
@options.as_json
def command(name: str | None, as_json: bool) -> int:
    """List the layers and functions, or describe one.

    NAME is a layer or function (Conv2d, relu) or a family of them (conv, reduce); without it all are listed, by family.

    \b
    Examples:
      archdsl ops Conv2d
      archdsl ops pool
    """
    from archdsl.ops.registry import all_ops, find, known
    from archdsl.problems.suggest import did_you_mean

    one = None if name is None else find(name)
    if one is not None:
        if as_json:
            show_json("ops", _as_json(one))
        else:
            click.echo(_page(one))
        return 0
    found = all_ops()
    if name is not None:
        families = sorted({one.family for one in found})
        if name not in families:
            raise click.UsageError(
                f"there is no layer, function or family `{name}`; "
                + (did_you_mean(name, [*known(), *families]) or "`archdsl ops` lists them")
            )
        found = [one for one in found if one.family == name]
    if as_json:
        show_json("ops", [_as_json(one) for one in found])
    else:
        click.echo(_list(found))
    return 0


def _list(found: Iterable[type[Op]]) -> str:
    """One line for each, under the name of its family, layers first; cut at the width of a terminal."""
    from shutil import get_terminal_size
    from sys import stdout

    from archdsl.ops.page import summary

    families: dict[str, list[type[Op]]] = {}
    for one in sorted(found, key=lambda one: (one.family, not one.layer, one.name)):
        families.setdefault(one.family, []).append(one)
    width = get_terminal_size().columns if stdout.isatty() else 10_000
    broad = max((len(one.name) for all in families.values() for one in all), default=0)
    lines: list[str | None] = []
    for family, all in families.items():
        lines += ["" if lines else None, family]
        for one in all:
            line = f"  {one.name:{broad}}  {summary(one)}"
            lines.append(line if len(line) <= width else line[: width - 1] + "…")
    return "\n".join(line for line in lines if line is not None)


def _page(one: type[Op]) -> str:
    """What a person reads about one operator."""
    from inspect import getdoc

    from archdsl.ops.page import arguments, examples, signature

    lines = [signature(one), "", getdoc(one) or ""]
    told = list(arguments(one))
    if told:
        broad = max(len(name) for name, _, _ in told)
        wide = max(len(kind) for _, kind, _ in told)
        lines += ["", "arguments"]
        lines += [f"  {name:{broad}}  {kind:{wide}}  {doc}" for name, kind, doc in told]
    shown = list(examples(one))
    if shown:
        lines += ["", "examples"]
        for step, types, remark in shown:
            lines += [f"  {step}", f"      {types}" + (f"    # {remark}" if remark else "")]
    return "\n".join(lines)


def _as_json(one: type[Op]) -> dict[str, Any]:
    from inspect import getdoc

    from archdsl.ops.page import default_of, examples, meaning, signature

    return {
        "name": one.name,
        "family": one.family,
        "layer": one.layer,
        "signature": signature(one),
        "tensors": list(one.tensors),
        "arguments": [
            {
                "name": field.name,
                "kind": field.kind,
                "default": default_of(field),
                "choices": list(field.choices),
                "doc": meaning(field),
            }
            for field in one.fields.values()
        ],
        "examples": [{"step": step, "types": types, "remark": remark} for step, types, remark in examples(one)],
        "page": getdoc(one) or "",
    }
