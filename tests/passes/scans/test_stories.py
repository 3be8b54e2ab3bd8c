"""What `archdsl explain-scan` tells of the examples."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from archdsl.cli.group import archdsl
from tests.passes.scans.small import EXAMPLES

WANTED = {
    "lstm": ["no loop", "`h` and `c` are an LSTM's on `W` and `U`"],
    "mamba": ["no loop", "need no carry", "`h` is affine in itself, and the yields need a sum of it alone"],
    "ntm": ["for the yields alone", "`m` stays in the loop: it needs `reads`"],
    "rwkv4": ["no loop", "`top` is max-plus in itself", "`num` is affine in itself", "`den` is affine in itself"],
    "seq2seq": ["`decoder.attention.W_query` makes it neither affine nor max-plus in itself  ("],
    "resnet:ResNet": ["no scans"],
}


@pytest.mark.parametrize("name", WANTED)
def test_findings(name: str) -> None:
    file, _, arch = name.partition(":")
    result = CliRunner().invoke(archdsl, ["explain-scan", f"{EXAMPLES / file}.arch{':' + arch if arch else ''}"])
    assert result.exit_code == 0, result.output
    for words in WANTED[name]:
        assert words in result.output


def test_json() -> None:
    result = CliRunner().invoke(archdsl, ["explain-scan", "--json", str(EXAMPLES / "lstm.arch")])
    assert '"form": "no loop"' in result.output
