"""Prune, then train on: the smallest weights of each layer become zero and stay so, while the others learn to do without them."""

from __future__ import annotations

from pathlib import Path

from torch import nn
from torch.nn.utils import prune
from training import score, train

import archdsl

spec = archdsl.load(Path(__file__).with_name("small.arch"))


def pruned(weights: dict, share: float) -> nn.Module:
    """The network without this share of each layer's weights, the smallest; what is zero stays zero in training."""
    module = spec.build(depths=[2, 2], weights=weights)
    for one in module.modules():
        if isinstance(one, (nn.Conv2d, nn.Linear)):
            prune.l1_unstructured(one, "weight", share)
    return module


def main(steps: int = 60) -> None:
    module = spec.build(depths=[2, 2], seed=1)
    print(f"{'trained':<14}{train(module, steps):>8.1%}")
    weights = {name: one.clone() for name, one in module.state_dict().items()}
    print(f"{'':14}{'at once':>8}{'trained on':>12}")
    for share in (0.3, 0.6, 0.9):
        module = pruned(weights, share)
        print(f"{share:<4.0%} zero     {score(module):>8.1%}{train(module, steps // 2):>12.1%}")


if __name__ == "__main__":
    main()
