"""`--bind`: what it names must be there, and what it says must be let in."""

from __future__ import annotations

import pytest

NET = "arch Net(x: [N, T, 8]) -> y: [N, T, 3] {\n  require T % 1000 == 0\n  fc: Linear(3)\n}\n"


@pytest.mark.parametrize("command", [["verify", "net.arch"], ["summary", "net.arch"], ["diff", "net.arch", "net.arch"]])
@pytest.mark.parametrize(
    ("bind", "told"),
    [
        ("t=1000", "did you mean `T`?"),
        ("batch=3", "no symbolic dimension `batch`; it has N, T"),
        ("T=3", "T = 3 is against `require T % 1000 == 0`"),
    ],
)
def test_sizes_that_do_not_fit_are_a_usage_error(command: list[str], bind: str, told: str, cli, here) -> None:
    (here / "net.arch").write_text(NET)
    result = cli(*command, "--bind", bind)
    assert result.code == 2
    assert told in result.err


def test_a_size_that_is_not_found_is_asked_for(cli, here) -> None:
    (here / "net.arch").write_text(NET)
    result = cli("verify", "net.arch")
    assert result.code == 2
    assert "--bind" in result.err
    assert cli("summary", "net.arch", "--bind", "T=2000").code == 0
    assert cli("verify", "net.arch", "--bind", "T=1000").code == 0
