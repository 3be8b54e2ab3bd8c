"""`archdsl passes`: the passes that `compile --pass` takes."""

from __future__ import annotations

import click

from archdsl.cli import options
from archdsl.cli.showing import show_json


@click.command("passes")
@click.option("--design", is_flag=True, help="List the design edits instead, which are functions of Python.")
@options.as_json
def command(design: bool, as_json: bool) -> int:
    """List the passes that rewrite a graph, with their options.

    A pass keeps what is computed, or prepares it for deployment or training. What changes the design itself is an edit: --design
    lists those of `archdsl.design`.

    \b
    Examples:
      archdsl passes
      archdsl passes --design
      archdsl compile net.arch --pass identities --pass "constants{most=16}"
    """
    if design:
        return _list_edits(as_json)
    from archdsl.passes.registry import every_pass
    from archdsl.records import parts

    kinds = every_pass()
    does = {word: str(kind.__doc__).strip().splitlines()[0] for word, kind in kinds.items()}
    fields = {word: dict(parts(kind())) for word, kind in kinds.items()}
    if as_json:
        show_json("passes", [{"name": word, "does": does[word], "options": fields[word]} for word in kinds])
        return 0
    width = max(map(len, kinds))
    for word in kinds:
        click.echo(f"{word:<{width}}  {does[word]}")
        for name, value in fields[word].items():
            click.echo(f"{'':<{width}}    {name}={str(value).lower() if isinstance(value, bool) else value}")
    return 0


def _list_edits(as_json: bool) -> int:
    """The functions of `archdsl.design`, each with the first sentence of its page."""
    from inspect import signature

    from archdsl import design

    rows = []
    for name in design.__all__:
        made = getattr(design, name)
        told = " ".join(str(made.__doc__).split("\n\n")[0].split())
        takes = [f"{one}" if given.default is given.empty else f"{one}={given.default}"
                 for one, given in signature(made).parameters.items() if given.kind is not given.VAR_KEYWORD]  # fmt: skip
        rows.append({"name": name, "does": told, "takes": takes})
    if as_json:
        show_json("passes --design", rows)
        return 0
    click.echo("from archdsl import design")
    for row in rows:
        click.echo(f"\ndesign.{row['name']}({', '.join(row['takes'])})\n    {row['does']}")
    return 0
