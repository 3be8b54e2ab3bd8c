"""An MLP of eight small layers beside nested modules written by hand: what is measured is Python, not arithmetic."""

from __future__ import annotations

import archdsl
from archdsl.source import Source
from benchmarks.measuring import Row, compare

TEXT = """
arch Small(width: int = 64)(x: [B, width]) -> y: [B, width] {
  layers: repeat 8 { linear: Linear(width); relu }
  head y
}
"""


def measure(quick: bool) -> list[Row]:
    """One row of 64 numbers, one thread."""
    import torch
    from torch import Tensor, nn

    from benchmarks.references import one_thread

    class Layer(nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.linear = nn.Linear(width, width)

        def forward(self, x: Tensor) -> Tensor:
            return torch.relu(self.linear(x))

    class Small(nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.layers = nn.Sequential(*(Layer(width) for _ in range(8)))

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.layers(x)
            return y

    one_thread()
    theirs = Small(64)
    ours = archdsl.load(Source("small.arch", TEXT)).build("Small")
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(1, 64)
    with torch.inference_mode():
        return [
            compare(
                "small_layers",
                "8 x (Linear(64), relu), b=1",
                lambda: ours(x),
                lambda: theirs(x),
                beside="nested modules by hand",
                target=1.0,
                rounds=5 if quick else 51,
            )
        ]
