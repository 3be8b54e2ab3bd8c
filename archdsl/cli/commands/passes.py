"""`archdsl passes`: the passes that `compile --pass` takes."""

from __future__ import annotations

import click

from archdsl.cli import options
from archdsl.cli.showing import show_json


@click.command("passes")
@options.as_json
def command(as_json: bool) -> int:
    """List the passes that rewrite a graph, with their options.

    \b
    Examples:
      archdsl passes
      archdsl compile net.arch --pass identities --pass "constants{most=16}"
    """
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
