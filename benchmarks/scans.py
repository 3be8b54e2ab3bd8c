"""Recurrences written as equations beside nn.LSTM, loops by hand, the associative scan and transformers' Mamba, one thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from archdsl.compiler import load
from archdsl.source import Source
from benchmarks.measuring import Row, compare

CELL = """
block Cell(hidden: int)(x: [B, T, D]) -> [B, T, hidden] {{
  scan xt in x over axis 1 {{
    carry h = zeros(B, hidden)
    carry c = zeros(B, hidden)
    i, f, g, o = (xt -> W: Linear(4*hidden)) + (h -> U: Linear(4*hidden, bias=false)) -> chunk(4, axis=-1)
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    h = {out}
    yield h
  }}
}}
arch A(width: int, hidden: int)(x: [B, T, width]) -> y: [B, T, hidden] {{ rnn: Cell(hidden); head y }}
"""
AFFINE = """
arch A(a: [T, B, D], b: [T, B, D]) -> y: [T, B, D] {
  y = scan at in a, bt in b over axis 0 { carry h = zeros(B, D); h = at * h + bt; yield h }
  head y { y }
}
"""

Targets = tuple[float | None, float | None]
"""The largest ratio that is allowed of forward, and of forward and backward."""


def measure(quick: bool) -> list[Row]:
    """Forward, and forward with backward."""
    import torch
    from torch import Tensor, nn

    from benchmarks.references import keep_memory, one_thread, torchvision

    one_thread()
    rounds = 1 if quick else 7
    rows: list[Row] = []

    def both(what: str, ours: Any, theirs: Any, given: tuple[Tensor, ...], beside: str, targets: Targets) -> None:
        def run(model: Any, backward: bool) -> Callable[[], object]:
            def call() -> object:
                with torch.set_grad_enabled(backward):
                    made = model(*given)
                    made = made[0] if isinstance(made, tuple) else made
                    return made.sum().backward() if backward else made

            return call

        for backward, target in ((False, targets[0]), (True, targets[1])):
            said = f"{what}, {'forward and backward' if backward else 'forward'}"
            sides = run(ours, backward), run(theirs, backward)
            rows.append(compare("scans", said, *sides, beside=beside, target=target, rounds=rounds))

    length, hidden = (8, 16) if quick else (128, 512)
    sizes: dict[str, Any] = {"width": hidden // 2, "hidden": hidden}
    x = torch.randn(8, length, hidden // 2)
    fused = load(Source("lstm.arch", CELL.format(out="sigmoid(o) * tanh(c)"))).build(**sizes)
    both(f"LSTM, T={length} H={hidden}", fused, nn.LSTM(hidden // 2, hidden, batch_first=True), (x,), "nn.LSTM", (1.05, 1.05))

    class Step(nn.Module):
        """The same arithmetic, a step after the other."""

        def __init__(self) -> None:
            super().__init__()
            self.W, self.U = nn.Linear(hidden // 2, 4 * hidden), nn.Linear(hidden, 4 * hidden, bias=False)

        def forward(self, x: Tensor) -> Tensor:
            h = c = x.new_zeros(x.shape[0], hidden)
            steps = []
            for one in x.unbind(1):
                i, f, g, o = (self.W(one) + self.U(h)).chunk(4, -1)
                c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
                h = torch.sigmoid(o) * torch.tanh(c) * torch.sigmoid(c)
                steps.append(h)
            return torch.stack(steps, 1)

    own = load(Source("own.arch", CELL.format(out="sigmoid(o) * tanh(c) * sigmoid(c)"))).build(**sizes)
    both(f"own cell, T={length} H={hidden}", own, Step(), (x,), "a loop of cells", (0.8, 0.8))

    spec = load(Source("affine.arch", AFFINE))
    affine = spec.build()

    def inputs(steps: int) -> tuple[Tensor, ...]:
        return tuple(torch.rand(steps, 4, 8 if quick else 512).requires_grad_() for _ in range(2))

    def associative(a: Tensor, b: Tensor) -> Tensor:
        """PyTorch's own, of which each step is a function of two."""
        from torch._higher_order_ops import associative_scan

        pairs = associative_scan(lambda p, q: (p[0] * q[0], q[0] * p[1] + q[1]), (a, b), 0, combine_mode="generic")
        made: Tensor = pairs[1]
        return made

    def trained(model: Any, given: tuple[Tensor, ...]) -> Callable[[], object]:
        return lambda: model(*given).sum().backward()

    steps = 64 if quick else 4096
    given, longer = inputs(steps), inputs(4 * steps)
    both(f"affine, T={steps}", affine, spec.build(scan="loop"), given, "unbind loop", (0.6, 0.4))
    said = f"affine, T={steps}, forward and backward"
    sides = trained(affine, given), trained(associative, given)
    rows.append(compare("scans", said, *sides, beside="associative_scan", target=0.2, rounds=rounds))
    said = f"affine, T={4 * steps}, forward and backward"
    sides = trained(affine, longer), trained(affine, given)
    length_before = steps
    rows.append(compare("scans", said, *sides, beside=f"T={length_before}", target=5.0, rounds=rounds))

    torchvision()
    from transformers.models.mamba.configuration_mamba import MambaConfig
    from transformers.models.mamba.modeling_mamba import MambaMixer

    steps, width = (8, 16) if quick else (256, 256)
    mixer = MambaMixer(MambaConfig(hidden_size=width, state_size=16, num_hidden_layers=1), layer_idx=0)
    spec = load("tests/data/examples/mamba.arch")
    arch = spec.build(vocab=2, width=width, depth=1)
    ours = arch.get_submodule("backbone")["layers"][0].mixer  # type: ignore[index]
    x = torch.randn(4, steps, width)
    both(f"Mamba's mixer, T={steps}", ours, mixer, (x,), "transformers", (0.25, 0.02))

    keep_memory()
    both(f"Mamba's mixer, T={steps}, memory kept", ours, mixer, (x,), "transformers", (None, None))
    rows.append(compare("scans", f"{said}, memory kept", *sides, beside=f"T={length_before}", target=5.0, rounds=rounds))
    return rows
