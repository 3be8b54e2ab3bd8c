"""Recurrent networks and state spaces whose reference is an equation: modules of the zoo's keys."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class VanillaRNN(nn.Module):
    """The course's network: h = tanh(Wxh x + Whh h + bh), y = Why h + by, of one sequence."""

    def __init__(self, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.Wxh = nn.Parameter(torch.randn(hidden, inputs))
        self.Whh = nn.Parameter(torch.randn(hidden, hidden))
        self.Why = nn.Parameter(torch.randn(outputs, hidden))
        self.bh = nn.Parameter(torch.randn(hidden))
        self.by = nn.Parameter(torch.randn(outputs))

    def forward(self, x: Tensor) -> Tensor:
        h, steps = torch.zeros_like(self.bh), []
        for xt in x:
            h = torch.tanh(self.Wxh.mv(xt) + self.Whh.mv(h) + self.bh)
            steps.append(self.Why.mv(h) + self.by)
        return torch.stack(steps)


class LSTMCell(nn.Module):
    """The course's cell: a matrix on [x; h] and a bias for each of f, i, g and o."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        for gate in "figo":
            self.register_parameter(f"W{gate}", nn.Parameter(torch.randn(hidden, inputs + hidden)))
            self.register_parameter(f"b{gate}", nn.Parameter(torch.randn(hidden)))

    def forward(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        both = torch.cat([x, h])
        f, i, g, o = (self.get_parameter(f"W{gate}").mv(both) + self.get_parameter(f"b{gate}") for gate in "figo")
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c


class S4D(nn.Module):
    """The convolution with K(t) = 2 Re(C B̄ Ā^t), as the paper's repository computes it."""

    def __init__(self, width: int, state: int, zoh: bool) -> None:
        super().__init__()
        self.log_dt = nn.Parameter(torch.randn(width))
        self.C = nn.Parameter(torch.randn(width, state // 2, 2))
        self.log_A_real = nn.Parameter(torch.randn(width, state // 2))
        self.A_imag = nn.Parameter(torch.randn(width, state // 2))
        self.D = nn.Parameter(torch.randn(width))
        self.zoh = zoh

    def forward(self, x: Tensor) -> Tensor:
        A = torch.complex(-torch.exp(self.log_A_real), self.A_imag)
        step, C = torch.exp(self.log_dt)[:, None], torch.view_as_complex(self.C)
        half = step * A / 2
        a = torch.exp(2 * half) if self.zoh else (1 + half) / (1 - half)
        b = (a - 1) / A if self.zoh else step / (1 - half)
        kernel = torch.stack([2 * (C * b * a**t).sum(-1).real for t in range(x.shape[1])])
        steps = [(kernel[: t + 1].flip(0) * x[:, : t + 1]).sum(1) for t in range(x.shape[1])]
        return torch.stack(steps, 1) + self.D * x
