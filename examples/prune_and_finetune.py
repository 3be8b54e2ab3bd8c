"""Prune, then train on: the smallest weights of each layer become zero and stay so, while the others learn to do without them."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn
from training import score, train

import archdsl

spec = archdsl.load(Path(__file__).with_name("small.arch"))


def pruned(weights: dict[str, Tensor], ratio: float) -> nn.Module:
    """The network without this share of each layer's weights, the smallest; what is zero learns nothing."""
    module = spec.build(depths=[2, 2], weights=weights, passes=(f"prune{{ratio={ratio}}}",))
    for one in module.parameters():
        one.register_hook(lambda gradient, kept=one != 0: gradient * kept)
    return module


def main(steps: int = 60) -> None:
    module = spec.build(depths=[2, 2], seed=1)
    print(f"{'trained':<14}{train(module, steps):>8.1%}")
    weights = {name: one.clone() for name, one in module.state_dict().items()}
    print(f"{'':14}{'at once':>8}{'trained on':>12}{'zero':>8}")
    for ratio in (0.3, 0.6, 0.9):
        module = pruned(weights, ratio)
        at_once, after = score(module), train(module, steps // 2)
        zero = sum(float((one == 0).sum()) for one in module.parameters())
        print(f"{ratio:<14.0%}{at_once:>8.1%}{after:>12.1%}{zero / sum(one.numel() for one in module.parameters()):>8.0%}")


if __name__ == "__main__":
    main()
