"""`archdsl summary`: layers, shapes, parameters and multiply-accumulates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from archdsl.cli import options
from archdsl.cli.reading import choose, open_spec, targets
from archdsl.cli.showing import show_json


@click.command("summary")
@options.one_target
@options.config
@options.bind
@options.include
@click.option("--depth", type=click.IntRange(1), default=None, help="Levels of rows that are shown; all unless given.")
@click.option("--all", "unfolded", is_flag=True, help="Show each of several equal blocks by itself.")
@options.as_json
def command(
    target: str, config: Mapping[str, object], bind: Mapping[str, int], include: tuple[str, ...], depth: int | None,
    unfolded: bool, as_json: bool,
) -> int:  # fmt: skip
    """Show layers, shapes, parameters and MACs.

    Sizes that --bind does not give stay symbols, in shapes and in MACs (multiply-accumulates of convolutions, matrix products and
    attention). Nothing is allocated, however large the model is.

    \b
    Examples:
      archdsl summary specs/resnet.arch:ResNet50 --bind N=8 --bind H=224,W=224
    """
    from archdsl.analyses.summary import summarize

    one = next(targets([target]))
    spec = open_spec(one, include)
    name = choose(spec, one)
    made: Any = spec
    if depth is None and not unfolded:
        table = made.summary(name, bind=dict(bind), **config)
    else:
        table = summarize(made.graph(name, **config), dict(bind), depth=depth, fold=not unfolded)
    if as_json:
        show_json("summary", table.as_json())
    else:
        click.echo(str(table).rstrip("\n"))
    return 0
