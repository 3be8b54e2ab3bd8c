"""`archdsl summary`: layers, shapes, parameters and multiply-accumulates."""

from __future__ import annotations

from collections.abc import Mapping

import click

from archdsl.cli import options
from archdsl.cli.reading import choose, open_spec, targets
from archdsl.cli.showing import show_json


@click.command("summary")
@options.one_target
@options.config
@options.bind
@options.include
@options.as_json
def command(target: str, config: Mapping[str, object], bind: Mapping[str, int], include: tuple[str, ...], as_json: bool) -> int:
    """Show layers, shapes, parameters and MACs.

    Shapes and MACs are symbolic unless --bind gives sizes.
    """
    one = next(targets([target]))
    spec = open_spec(one, include)
    name = choose(spec, one)
    table = spec.summary(name, bind=dict(bind), **config)
    if as_json:
        show_json("summary", table.as_json())
    else:
        click.echo(str(table).rstrip("\n"))
    return 0
