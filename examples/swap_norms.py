"""Which norm? One network with each of them, from the same first values: what an edit leaves alone starts the same."""

from __future__ import annotations

from pathlib import Path

import torch
from training import train

import archdsl
from archdsl import design

spec = archdsl.load(Path(__file__).with_name("small.arch"))
NORMS = ("GroupNorm(4)", "GroupNorm(1)", "InstanceNorm2d(affine=true)", "Identity")


def main(steps: int = 60) -> None:
    plain = spec.graph(depths=[2, 2])
    designs = {"BatchNorm2d": plain} | {norm: design.swap(plain, "BatchNorm2d", norm) for norm in NORMS}
    first = spec.build(plain, seed=1).state_dict()
    print(f"{'':30}{'parameters':>12}{'right':>8}")
    for name, graph in designs.items():
        module = spec.build(graph, seed=1)
        weights = dict(module.named_parameters())
        assert torch.equal(weights["stages.1.0.conv1.weight"], first["stages.1.0.conv1.weight"])
        count = sum(one.numel() for one in weights.values())
        print(f"{name:30}{count:>12,}{train(module, steps):>8.1%}")


if __name__ == "__main__":
    main()
