"""`archdsl zoo`: which architectures a folder has, and whether each is what it should be."""

from __future__ import annotations

from typing import Any

import click

from archdsl.cli import options
from archdsl.cli.reading import Target, open_spec, read_source, targets
from archdsl.cli.showing import say, show_json
from archdsl.problems.render.cells import visible


class Listing(click.Group):
    """Without the word of a subcommand, `archdsl zoo FOLDER` lists."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or args[0] not in {*self.commands, "-h", "--help"}:
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group("zoo", cls=Listing)
def command() -> None:
    """List the architectures of a folder, or hold each against its reference.

    `archdsl zoo [FOLDER]…` lists; `archdsl zoo verify [FOLDER]…` verifies. Both take --json.
    """


@command.command("list")
@click.argument("folders", metavar="[FOLDER]…", nargs=-1)
@options.include
@options.as_json
def listed(folders: tuple[str, ...], include: tuple[str, ...], as_json: bool) -> int:
    """List the architectures below a folder.

    Each file is listed with what it says of itself, and the names of its architectures. FOLDER is specs where none is given.
    """
    rows = [_row(target, include) for target in targets(folders or ("specs",))]
    if as_json:
        show_json("zoo", rows)
        return 0
    broad = max((len(row["file"]) for row in rows), default=0)
    for row in rows:
        click.echo(f"{visible(row['file']):{broad}}  {visible(row['about'])}".rstrip())
        for name in row["archs"]:
            click.echo(f"{'':{broad}}    {name}")
    return 0


def _row(target: Target, include: tuple[str, ...]) -> dict[str, Any]:
    """One file: its name, the first line of its documentation, its architectures. Raises `ArchError` where it cannot be read."""
    spec = open_spec(target, include)
    first = read_source(target.path).text.lstrip().split("\n", 1)[0]
    about = first.removeprefix("##").strip() if first.startswith("##") else ""
    return {"file": target.path, "about": about, "archs": list(spec.names)}


@command.command("verify")
@click.argument("places", metavar="[FOLDER|FILE[:ARCH]]…", nargs=-1)
@click.option("--counts", is_flag=True, help="Only what needs no weights: expectations, parameters, MACs, keys.")
@click.option("-o", "--output", metavar="FILE", help="Also write the table as a Markdown page.")
@options.include
@options.as_json
def verify(places: tuple[str, ...], counts: bool, output: str | None, include: tuple[str, ...], as_json: bool) -> int:
    """Verify every architecture, one line each.

    What each file expects of itself is checked, and its parameters and MACs are counted. In a checkout of archdsl, its specs are
    also held against torchvision, timm, transformers and the equations of the papers, where these are installed: counts, keys,
    then small ones in float64 (outputs, gradients, training) and in ONNX Runtime. That takes minutes; --counts is quick. The
    place is specs where none is given. Exits with 1 where anything does not hold.

    \b
    Examples:
      archdsl zoo verify
      archdsl zoo verify specs/resnet.arch:ResNet50
      archdsl zoo verify my-specs --counts
    """
    from archdsl.cli import zoo

    zoo.one_thread()
    wanted = list(targets(places or ("specs",)))
    try:
        table = zoo.oracles(target.path for target in wanted)
    except ImportError as fault:
        table = None
        say(f"no comparison with references: {fault.name or fault} is not installed (`make test-oracles` installs all of them)")
    found = []
    if not as_json:
        click.echo(zoo.text(zoo.HEAD))
    for line in zoo.lines(wanted, include, table, zoo.COUNTED if counts else zoo.COLUMNS):
        found.append(line)
        if not as_json:
            click.echo(visible(zoo.text(zoo.cells(line))))
            for fault_ in line.faults:
                click.echo(f"    ✗ {visible(fault_)}")
    if as_json:
        show_json("zoo verify", [line.as_json() for line in found])
    if output is not None:
        from archdsl.files.writing import write_whole

        write_whole(output, zoo.page(found).encode())
    say(zoo.closing(found))
    return 0 if all(line.ok for line in found) else 1
