"""A small network made larger: deeper, wider and with larger images at once, or in one way alone, each to the same budget."""

from __future__ import annotations

from pathlib import Path

import torch
from training import SIZE, train

import archdsl
from archdsl import design

spec = archdsl.load(Path(__file__).with_name("small.arch"))
WAYS = {
    "all three": {"depth": "depths", "width": "width", "multiple": 2, "resolution": SIZE},
    "depth": {"depth": "depths", "ratios": (2.0, 1.0, 1.0), "resolution": SIZE},
    "width": {"width": "width", "ratios": (1.0, 2**0.5, 1.0), "multiple": 1, "resolution": SIZE},
}


class Resized(torch.nn.Module):
    """The module on images of another size."""

    def __init__(self, module: torch.nn.Module, size: int) -> None:
        super().__init__()
        self.module, self.size = module, size

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.module(torch.nn.functional.interpolate(images, (self.size, self.size), mode="bilinear"))


def main(steps: int = 60, budget: float = 8e6) -> None:
    print(f"{'':12}{'phi':>6}{'depths':>12}{'width':>7}{'size':>6}{'MACs':>13}{'right':>8}")
    for name, options in WAYS.items():
        found = design.scale_to(spec, such_that=f"macs(N=1, H={{size}}, W={{size}}) <= {budget}", **options)
        size = found.resolution or SIZE
        graph = spec.graph(**found.config)
        told = dict(graph.config)
        macs = spec.summary(graph, bind={"N": 1, "H": size, "W": size}).totals.macs
        right = train(Resized(spec.build(graph, seed=1), size), steps)
        print(f"{name:12}{found.phi:>6.2f}{list(told['depths'])!s:>12}{told['width']:>7}{size:>6}{macs:>13,}{right:>8.1%}")


if __name__ == "__main__":
    main()
