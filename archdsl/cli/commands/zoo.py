"""`archdsl zoo`: which architectures a folder has."""

from __future__ import annotations

from typing import Any

import click

from archdsl.cli import options
from archdsl.cli.reading import Target, open_spec, read_source, targets
from archdsl.cli.showing import show_json
from archdsl.problems.render.cells import visible


@click.command("zoo")
@click.argument("folders", metavar="[FOLDER]…", nargs=-1)
@options.include
@options.as_json
def command(folders: tuple[str, ...], include: tuple[str, ...], as_json: bool) -> int:
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
