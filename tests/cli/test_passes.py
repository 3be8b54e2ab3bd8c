"""`archdsl passes`, and `compile --pass`."""

from __future__ import annotations

import json

NET = "arch A(x: [N, 4]) { x + 0 -> transpose(0, 1) -> unsqueeze(0) -> transpose(1, 2) -> squeeze(0) }\n"


def test_the_passes_are_listed(cli) -> None:
    result = cli("passes")
    assert result.code == 0
    assert [line.split()[0] for line in result.out.splitlines() if not line.startswith(" ")] == [
        "common-values", "constants", "dead-values", "identities",
    ]  # fmt: skip
    assert "most=256" in result.out
    listed = json.loads(cli("passes", "--json").out)["result"]
    assert {"name": "constants", "options": {"most": 256}}.items() <= {**listed[1], "does": ""}.items()


def test_compile_goes_through_passes(cli, here) -> None:
    (here / "net.arch").write_text(NET)
    result = cli("compile", "net.arch", "--to", "torch", "--pass", "identities", "--why")
    assert result.code == 0, result.err
    assert "x + 0" not in (here / "build/A/model.py").read_text()
    assert cli("compile", "net.arch", "--to", "torch", "-o", "plain").code == 0
    assert "x + 0" in (here / "plain/A/model.py").read_text()


def test_why_tells_what_was_left(cli, here) -> None:
    (here / "net.arch").write_text("arch A(x: [1, 4]) { x + 0; unsqueeze(0); squeeze(1) }\n")
    result = cli("compile", "net.arch", "--to", "torch", "--pass", "identities", "--why")
    assert "identities: A.x_3: squeeze(unsqueeze(x)) = x: they are other axes" in result.err


def test_an_unknown_pass_has_a_suggestion(cli, here) -> None:
    (here / "net.arch").write_text(NET)
    result = cli("compile", "net.arch", "--pass", "identitys")
    assert result.code == 2
    assert "did you mean `identities`" in result.err
