"""`archdsl diff`: what differs between two architectures, by structure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from archdsl.cli import options
from archdsl.cli.reading import choose, open_spec, targets
from archdsl.cli.showing import say, show_json


@click.command("diff")
@click.argument("before", metavar="FILE[:ARCH]")
@click.argument("after", metavar="FILE[:ARCH]|:ARCH")
@options.config
@options.bind
@options.include
@click.option("-o", "--output", metavar="FILE.svg", default=None, help="Draw both side by side, what differs outlined.")
@options.as_json
def command(
    before: str, after: str, config: Mapping[str, object], bind: Mapping[str, int], include: tuple[str, ...], output: str | None,
    as_json: bool,
) -> int:  # fmt: skip
    """Tell what differs between two architectures.

    They are compared by structure: which steps were added (+), removed (-), changed or replaced (~), moved to another label (>)
    or take their input from elsewhere (^), block by block; and how parameters, MACs, activation memory and state-dict keys
    change. `:ARCH` is another architecture of the first file. -D goes to both. Exit code 0: they do not differ; 1: they do.

    \b
    Examples:
      archdsl diff specs/resnet.arch:ResNet50 :ResNeXt50 --bind N=1,H=224,W=224
      archdsl diff old.arch new.arch -o diff.svg
    """
    from archdsl.designing.comparing import compare

    one = next(targets([before]))
    other = next(targets([f"{one.path}{after}" if after.startswith(":") else after]))
    specs = [open_spec(each, include) for each in (one, other)]
    names = [choose(spec, each) for spec, each in zip(specs, (one, other), strict=True)]
    given: dict[str, Any] = dict(config)
    graphs = [spec.graph(name, **given) for spec, name in zip(specs, names, strict=True)]
    found = compare(graphs[0], graphs[1], (f"{one.path}:{names[0]}", f"{other.path}:{names[1]}"), bind)
    if output is not None:
        from archdsl.files.writing import write_all
        from archdsl.targets.diagram.beside import draw_both

        write_all({Path(output): draw_both(graphs[0], graphs[1]).encode()})
        say(f"wrote {output}")
    if as_json:
        show_json("diff", found.as_json())
    else:
        click.echo(str(found))
    return int(not found.same)
