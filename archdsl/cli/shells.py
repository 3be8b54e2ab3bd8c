"""Completion for shells: click's own for bash, zsh and fish, and PowerShell's."""

from __future__ import annotations

import os
from typing import Any, ClassVar

import click
from click.shell_completion import (
    CompletionItem,
    ShellComplete,
    add_completion_class,
    get_completion_class,
    shell_complete,
    split_arg_string,
)

_POWERSHELL = """\
Register-ArgumentCompleter -Native -CommandName %(prog_name)s -ScriptBlock {
    param($word, $ast, $cursor)
    $env:%(complete_var)s = "powershell_complete"
    $env:COMP_WORDS = $ast.ToString().PadRight($cursor).Substring(0, $cursor)
    $env:COMP_CWORD = $word
    %(prog_name)s | ForEach-Object {
        $kind, $value, $help = $_ -split "`t", 3
        if (-not $help) { $help = $value }
        [System.Management.Automation.CompletionResult]::new($value, $value, "ParameterValue", $help)
    }
    Remove-Item Env:%(complete_var)s, Env:COMP_WORDS, Env:COMP_CWORD
}
"""


@add_completion_class
class PowerShellComplete(ShellComplete):
    """Completion for PowerShell 5 and later: one `kind<tab>value<tab>help` line for each proposal."""

    name: ClassVar[str] = "powershell"
    source_template: ClassVar[str] = _POWERSHELL

    def get_completion_args(self) -> tuple[list[str], str]:
        words = split_arg_string(os.environ.get("COMP_WORDS", ""))
        incomplete = os.environ.get("COMP_CWORD", "")
        if incomplete and words and words[-1] == incomplete:
            words.pop()
        return words[1:], incomplete

    def format_completion(self, item: CompletionItem) -> str:
        return f"{item.type}\t{item.value}\t{item.help or ''}"


def shell_script(group: click.Command, shell: str) -> str:
    """What a shell must run so that `archdsl <TAB>` works."""
    kind: Any = get_completion_class(shell)
    return str(kind(group, {}, "archdsl", "_ARCHDSL_COMPLETE").source())


def answer_completion(group: click.Command, instruction: str) -> int:
    """Answer a shell's question (`bash_complete`, …); the exit code."""
    return shell_complete(group, {}, "archdsl", "_ARCHDSL_COMPLETE", instruction)
