"""The summary's numbers against torchinfo, hand formulas and published counts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import torchinfo

import archdsl
from archdsl.analyses.memory import activation_bytes
from archdsl.analyses.summary import summarize
from archdsl.ir.build import Builder
from archdsl.ir.graph import Graph
from archdsl.ops.registry import find
from archdsl.source import Source

TWO = """
block Pair(width: int)(x: [N, C, H, W]) -> [N, width, H, W] {
  conv: Conv2d(width, 3, padding=1)
  norm: BatchNorm2d
  relu
}
arch Net(depth: int = 3)(image: [N, 3, H, W]) -> logits: [N, 10] {
  stem: Pair(8)
  body: repeat depth { Pair(8) }
  mean(axis=[2, 3])
  head logits { fc: Linear(10) }
}
"""


def graph(text: str) -> Graph:
    return archdsl.load(Source("net.arch", text)).graph()


class Pair(torch.nn.Sequential):
    def __init__(self, channels: int) -> None:
        super().__init__(torch.nn.Conv2d(channels, 8, 3, padding=1), torch.nn.BatchNorm2d(8), torch.nn.ReLU())


class Net(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = torch.nn.Sequential(Pair(3), Pair(8), Pair(8), Pair(8))
        self.fc = torch.nn.Linear(8, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.body(x).mean((2, 3)))


def test_counts_equal_torchinfos() -> None:
    told = summarize(graph(TWO), {"N": 2, "H": 16, "W": 12})
    reference = torchinfo.summary(Net(), input_size=(2, 3, 16, 12), verbose=0)
    assert told.totals.parameters == reference.total_params
    convolutions = 2 * 16 * 12 * 8 * 9 * (3 + 8 * 3)
    assert told.totals.macs == convolutions + 2 * 8 * 10


def test_equal_blocks_are_told_once_and_json_tells_all() -> None:
    told = summarize(graph(TWO))
    assert "  0–2 " in str(told)
    assert "Pair × 3" in str(told)
    layers = told.as_json()["layers"]
    assert [row["path"] for row in layers if row["type"] == "Pair"] == ["stem", "body.0", "body.1", "body.2"]
    assert (
        sum(row["parameters"] for row in layers if row["type"] in ("Conv2d", "BatchNorm2d", "Linear")) == told.totals.parameters
    )
    json.dumps(told.as_json())


def test_iterations_inside_a_container_of_their_own_are_told_once() -> None:
    """The containers `trunk` and `trunk.layers` start with the first iteration, as in Mamba and RWKV."""
    text = "arch Net(x: [N, 8]) { trunk.layers: repeat 24 { skip { norm: LayerNorm; mixer: Linear(8) } }; trunk.norm: LayerNorm }"
    told = summarize(graph(text))
    assert [row.count for row in told.rows if len(row.path) == 3] == [24]
    assert "0–23" in str(told)
    assert len(told.rows) == 6


def test_rows_of_macs_add_up_to_the_total() -> None:
    told = summarize(graph(TWO), {"N": 1, "H": 8, "W": 8}).as_json()
    assert sum(row["macs"] for row in told["layers"] if row["depth"] == 0) == told["totals"]["macs"]


def test_depth_leaves_out_what_is_below() -> None:
    assert {row.depth for row in summarize(graph(TWO), depth=1).rows} == {0}


def test_a_tied_head_counts_once() -> None:
    text = """
    arch Tied(tokens: i64[B, T]) -> logits: [B, T, 100] {
      shared wte = Embedding(100, 8)
      tokens -> wte
      head logits { out: Linear(100, bias=false, weight=wte.weight) }
    }
    """
    told = summarize(graph(text))
    assert told.totals.parameters == 800
    assert "tied" in str(told)


def test_activation_bytes_by_hand() -> None:
    build = Builder("Small")
    x = build.input("x", "[N, 4]")
    relu = find("relu")
    assert relu is not None
    y = build.op(relu(), x)
    assert str(activation_bytes(build.finish(y))) == "16*N"
    assert str(activation_bytes(build.finish(y), "bf16")) == "8*N"


@pytest.mark.parametrize(("name", "parameters"), [("ResNet18", 11_689_512), ("ResNet50", 25_557_032)])
def test_published_parameters(name: str, parameters: int) -> None:
    file = Path(__file__).resolve().parents[2] / "specs" / "resnet.arch"
    assert summarize(archdsl.load(file).graph(name)).totals.parameters == parameters
