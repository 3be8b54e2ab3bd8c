"""A passed module in PyTorch's channels-last layout, which is a property of the live module: it computes the same."""

from __future__ import annotations

import pytest
import torch

import archdsl
from archdsl.verifying.bindings import choose_bindings
from archdsl.verifying.sides import apply
from archdsl.verifying.values import draw_inputs, randomise
from tests.passes.deployment.passing import agree
from tests.passes.deployment.test_specs import ROOT, SPECS


@pytest.mark.parametrize("name", ["densenet", "efficientnet", "mobilenet_v3", "resnet", "sd_vae", "swin", "unet", "vgg"])
def test_channels_last(name: str) -> None:
    arch, config, bind = SPECS[name]
    spec = archdsl.load(ROOT / f"specs/{name}.arch")
    graph = spec.graph(arch, **config)
    module = spec.build(arch, passes=("fold-batchnorm", "remove-dropout"), dtype="f64", **config).eval()
    randomise(module, 2)
    known = {one: size for one, size in bind.items() if any(one in str(value.type) for value in graph.input_values)}
    drawn = {key: one.double() for key, one in draw_inputs(graph, choose_bindings(graph, known)[0], 2).items()}
    with torch.no_grad():
        wanted = apply(module, graph, drawn)
        turned = {key: one.contiguous(memory_format=torch.channels_last) for key, one in drawn.items()}
        made = apply(module.to(memory_format=torch.channels_last), graph, turned)
    for one, two in zip(wanted, made, strict=True):
        agree(two, one)
