"""`archdsl ops`: the vocabulary."""

from __future__ import annotations

from inspect import getdoc
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from archdsl.cli import options
from archdsl.cli.showing import show_json

if TYPE_CHECKING:
    from archdsl.ops.contract import Field, Op


def _complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from archdsl.ops.registry import known

    return [CompletionItem(word) for word in sorted(known()) if word.startswith(incomplete)]


@click.command("ops")
@click.argument("name", required=False, shell_complete=_complete)
@options.as_json
def command(name: str | None, as_json: bool) -> int:
    """List the layers and functions, or describe one."""
    from archdsl.ops.registry import all_ops, find, known
    from archdsl.problems.suggest import did_you_mean

    if name is not None:
        one = find(name)
        if one is None:
            raise click.UsageError(
                f"there is no layer or function `{name}`; " + (did_you_mean(name, known()) or "`archdsl ops` lists them")
            )
        if as_json:
            show_json("ops", _as_json(one))
        else:
            click.echo(_page(one))
        return 0
    found = all_ops()
    if as_json:
        show_json("ops", [_as_json(one) for one in found])
        return 0
    broad = max((len(one.name) for one in found), default=0)
    for one in found:
        click.echo(f"{one.name:{broad}}  {_summary(one)}")
    return 0


def _summary(one: type[Op]) -> str:
    """The first line of an operator's page."""
    return (getdoc(one) or "").split("\n", 1)[0]


def _signature(one: type[Op]) -> str:
    """`Conv2d(out_channels, kernel_size, *, stride=1, …)(x)`; a function takes its tensors first."""
    said = []
    for field in one.fields.values():
        default = _default(field)
        said.append(field.name if default is None else f"{field.name}={default}")
    return (
        f"{one.name}({', '.join(said)})({', '.join(one.tensors)})"
        if one.layer
        else f"{one.name}({', '.join([*one.tensors, *said])})"
    )


def _default(field: Field) -> str | None:
    """A default as the language writes it; None where there is none."""
    from archdsl.ops.contract import INFERRED, REQUIRED

    if field.default is REQUIRED:
        return None
    return "inferred" if field.default is INFERRED else _written(field.default)


def _written(value: Any) -> str:
    """A Python value as a literal of the language."""
    from json import dumps

    if value is None or isinstance(value, bool):
        return {None: "none", True: "true", False: "false"}[value]
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_written(item) for item in value) + "]"
    return dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value)


def _page(one: type[Op]) -> str:
    """What a person reads about one operator."""
    lines = [_signature(one), "", getdoc(one) or ""]
    if one.fields:
        lines += ["", "arguments:"]
        for field in one.fields.values():
            default = _default(field)
            kind = field.kind + (f", one of {' '.join(field.choices)}" if field.choices else "")
            lines.append(f"  {field.name} ({kind}{'' if default is None else f'; {default}'}): {field.doc}")
    if one.examples:
        lines += ["", "examples:"]
        for example in one.examples:
            said = ", ".join(f"{name}={_written(value)}" for name, value in example.args.items())
            note = f"  # {example.note}" if example.note else ""
            lines.append(f"  ({', '.join(example.inputs)}) -> {one.name}({said}) gives {', '.join(example.outputs)}{note}")
    return "\n".join(lines)


def _as_json(one: type[Op]) -> dict[str, Any]:
    return {
        "name": one.name,
        "family": one.family,
        "layer": one.layer,
        "signature": _signature(one),
        "tensors": list(one.tensors),
        "arguments": [
            {"name": field.name, "kind": field.kind, "default": _default(field), "choices": list(field.choices), "doc": field.doc}
            for field in one.fields.values()
        ],
        "page": getdoc(one) or "",
    }
