"""`archdsl draw`: the diagram of an architecture."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import click

from archdsl.cli import options
from archdsl.cli.reading import STANDARD_INPUT, choose, open_spec, targets
from archdsl.cli.showing import say, show_json


@click.command("draw")
@options.one_target
@options.config
@options.include
@click.option("-o", "--output", default=None, metavar="FILE", help="Where to; - is standard output. The suffix chooses the form.")
@click.option("--to", "form", default=None, metavar="FORM", help="svg, png, pdf, dot or mermaid; else the suffix says.")
@click.option("--depth", type=click.IntRange(0), default=None, help="Levels of blocks that are open.")
@click.option("--expand", metavar="GLOB", multiple=True, help="Labels or blocks that are open: 'layer1.*'. May be repeated.")
@options.as_json
def command(
    target: str, config: Mapping[str, object], include: tuple[str, ...], output: str | None, form: str | None, depth: int | None,
    expand: tuple[str, ...], as_json: bool,
) -> int:  # fmt: skip
    """Draw the diagram of an architecture.

    Blocks are boxes, repeats are folded, shapes stand on the edges. Without -o the diagram goes to standard output, as DOT.

    \b
    Examples:
      archdsl draw specs/resnet.arch:ResNet50 -o resnet50.svg
      archdsl draw net.arch --to mermaid
    """
    from archdsl.cli.products import DRAWN, Order
    from archdsl.files.writing import write_whole

    chosen = _form(output, form)
    one = next(targets([target]))
    spec = open_spec(one, include)
    name = choose(spec, one)
    data = DRAWN[chosen][1](Order(spec, name, config, options={"depth": depth, "expand": expand}))
    if output is None or output == STANDARD_INPUT:
        if as_json:
            if chosen in ("png", "pdf"):
                raise click.UsageError(f"{chosen} is no text: give a file with -o")
            show_json("draw", {"arch": name, "form": chosen, "text": data.decode()})
        else:
            sys.stdout.flush()
            sys.stdout.buffer.write(data)
        return 0
    write_whole(output, data)
    if as_json:
        show_json("draw", {"arch": name, "form": chosen, "file": output})
    else:
        say(f"wrote {output} ({len(data):,} bytes)")
    return 0


def _form(output: str | None, form: str | None) -> str:
    """The form that `--to` names, else the file's suffix, else DOT. Raises `click.BadParameter`."""
    from archdsl.cli.products import PICTURES

    if form is not None:
        if form not in PICTURES:
            raise click.BadParameter(f"cannot draw `{form}`; there are {', '.join(PICTURES)}", param_hint="--to")
        return form
    if output is None or output == STANDARD_INPUT:
        return "dot"
    suffix = Path(output).suffix.lower()
    for name, known in {**PICTURES, "dot ": ".gv"}.items():
        if suffix == known:
            return name.strip()
    raise click.BadParameter(
        f"the suffix of `{output}` names no form: use {' '.join(PICTURES.values())} or --to", param_hint="-o"
    )
