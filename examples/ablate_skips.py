"""What do the skips do? The same network, deeper and deeper, with them, without them, and without those of one stage."""

from __future__ import annotations

from pathlib import Path

from training import train

import archdsl
from archdsl import design

spec = archdsl.load(Path(__file__).with_name("small.arch"))


def main(steps: int = 60) -> None:
    print(f"{'':32}{'parameters':>12}{'right':>8}")
    for depth in (1, 4):
        graph = spec.graph(depths=[depth, depth])
        designs = {
            "as it is": graph,
            "no skips in stage 1": design.without_skips(graph, "stages.1"),
            "no skips": design.without_skips(graph),
        }
        for name, one in designs.items():
            module = spec.build(one, seed=1)
            count = sum(parameter.numel() for parameter in module.parameters())
            print(f"{2 * depth} blocks, {name:<22}{count:>12,}{train(module, steps):>8.1%}")


if __name__ == "__main__":
    main()
