"""`archdsl explain-scan`: in which form each scan is computed, and why."""

from __future__ import annotations

from collections.abc import Mapping

import click

from archdsl.cli import options
from archdsl.cli.reading import choose, open_spec, targets
from archdsl.cli.showing import show_json


@click.command("explain-scan")
@options.one_target
@options.config
@options.include
@options.as_json
def command(target: str, config: Mapping[str, object], include: tuple[str, ...], as_json: bool) -> int:
    """Tell what is found in each scan, and how it is computed.

    A carry that is affine or max-plus in itself needs no loop, a body of an LSTM, a GRU or Elman's network is the fused kernel,
    what depends on no carry is computed for all steps at once; the rest is a plain loop. `--scan loop` of `compile` keeps all
    of it in the loop.

    \b
    Examples:
      archdsl explain-scan specs/rwkv4.arch:RWKV4
    """
    from archdsl.passes.scans.choose import explained

    one = next(targets([target]))
    spec = open_spec(one, include)
    name = choose(spec, one)
    stories = explained(spec.graph(name, given=(), dtype=None, **config))
    if as_json:
        told = [
            {"block": story.block, "line": story.span.line if story.span else None, "form": story.form,
             "found": [finding.words for finding in story.findings]} for story in stories
        ]  # fmt: skip
        show_json("explain-scan", told)
    else:
        click.echo("\n".join(map(str, stories)) or "no scans")
    return 0
