"""`archdsl completion`: what a shell runs so that the tab key completes."""

from __future__ import annotations

import click

from archdsl.cli import options
from archdsl.cli.showing import show_json

SHELLS = ("bash", "zsh", "fish", "powershell")


@click.command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
@options.as_json
@click.pass_context
def command(context: click.Context, shell: str, as_json: bool) -> int:
    """Print the completion script of a shell.

    It completes commands, options, problem codes and operators. Put the line for your shell where it starts:

    \b
      bash         eval "$(archdsl completion bash)"
      zsh          eval "$(archdsl completion zsh)"
      fish         archdsl completion fish | source
      powershell   archdsl completion powershell | Out-String | Invoke-Expression
    """
    from archdsl.cli.shells import shell_script

    script = shell_script(context.find_root().command, shell)
    if as_json:
        show_json("completion", {"shell": shell, "script": script})
    else:
        click.echo(script)
    return 0
