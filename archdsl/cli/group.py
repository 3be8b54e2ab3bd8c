"""The group of commands: each is one file of `commands/`, imported when it is asked for."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import click

from archdsl import __version__

FOLDER = Path(__file__).parent / "commands"


class LazyGroup(click.Group):
    """Commands are the files of `commands/`; the command of `check.py` is its `command`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(path.stem.replace("_", "-") for path in FOLDER.glob("*.py") if path.stem != "__init__")

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        command = import_module(f"archdsl.cli.commands.{cmd_name.replace('-', '_')}").command
        assert isinstance(command, click.Command)  # noqa: S101
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            from difflib import get_close_matches

            near = get_close_matches(args[0], self.list_commands(ctx), n=1, cutoff=0.5)
            hint = f"did you mean `archdsl {near[0]}`?" if near else "`archdsl --help` lists the commands."
            raise click.UsageError(f"there is no command `{args[0]}`; {hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, "-V", "--version", message="archdsl %(version)s")
def archdsl() -> None:
    """Check, draw and compile neural-network architectures written in .arch.

    FILE[:ARCH] names a file and, where it has several, one of its architectures: specs/resnet.arch:ResNet50.

    Results go to standard output, everything else to standard error. Exit codes: 0 done, 1 the program has findings, 2 usage or
    files, 70 a bug of ours, 130 interrupted.
    """
