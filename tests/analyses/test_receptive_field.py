"""Receptive fields against what gradients reach in PyTorch."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import archdsl
from archdsl.analyses.receptive_field import receptive_field
from archdsl.source import Source

CASES = {
    "Conv2d(2, 3, padding=1); Conv2d(2, 5, stride=2, padding=2); Conv2d(2, 3, dilation=2)": nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1), nn.Conv2d(2, 2, 5, stride=2, padding=2), nn.Conv2d(2, 2, 3, dilation=2)),
    "Conv2d(2, 3, stride=2); max_pool2d(2); Conv2d(2, 3, stride=3)": nn.Sequential(
        nn.Conv2d(1, 2, 3, stride=2), nn.AvgPool2d(2), nn.Conv2d(2, 2, 3, stride=3)),
    "Conv2d(2, 3, stride=2, padding=1); ConvTranspose2d(2, 4, stride=2, padding=1); Conv2d(2, 3)": nn.Sequential(
        nn.Conv2d(1, 2, 3, stride=2, padding=1), nn.ConvTranspose2d(2, 2, 4, stride=2, padding=1), nn.Conv2d(2, 2, 3)),
}  # fmt: skip


def probe(module: nn.Module, size: int = 64) -> int:
    """The longest stretch of input rows that one position far from the borders has a gradient at."""
    for one in module.parameters():
        nn.init.constant_(one, 1.0)
    image = torch.zeros(1, 1, size, size, requires_grad=True)
    out = module(image)
    most = 0
    middle = out.shape[2] // 2
    for row in range(middle - 3, middle + 3):
        (grad,) = torch.autograd.grad(out[0, 0, row, middle], image, retain_graph=True)
        rows = grad[0, 0].abs().sum(1).nonzero().flatten()
        most = max(most, int(rows[-1] - rows[0]) + 1)
    return most


@pytest.mark.parametrize("body", CASES)
def test_equals_the_reach_of_gradients(body: str) -> None:
    text = f"arch Net(image: [N, 1, 64, 64]) {{ head out {{ {body} }} }}"
    graph = archdsl.load(Source("net.arch", text)).graph()
    assert receptive_field(graph, "out", "image") == probe(CASES[body])


def test_a_skip_sees_what_the_wider_side_sees() -> None:
    text = "arch Net(image: [N, 4, H, W]) { skip { Conv2d(4, 7, padding=3); Conv2d(4, 3, padding=1) }\nhead out { relu } }"
    assert receptive_field(archdsl.load(Source("net.arch", text)).graph(), "out", "image") == 9


def test_global_pooling_sees_everything() -> None:
    text = "arch Net(image: [N, 4, H, W]) { Conv2d(4, 3)\nhead out { mean(axis=[2, 3]); Linear(2) } }"
    assert receptive_field(archdsl.load(Source("net.arch", text)).graph(), "out", "image") is None
