"""Classics from their papers' equations: machines by all their states, AlexNet as two towers, pooling by slices."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class MLP(nn.Module):
    """softmax(W3 max(0, W2 max(0, W1 x)))."""

    def __init__(self, *sizes: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(sizes))

    def forward(self, x: Tensor) -> Tensor:
        for index, layer in enumerate(self.layers):
            x = x @ layer.weight.T + layer.bias
            x = x.clamp(min=0) if index + 1 < len(self.layers) else x.exp() / x.exp().sum(-1, keepdim=True)
        return x


class DBN(nn.Module):
    """Free energies as minus the logarithm of the sum over all hidden states, and the probability of each unit from that sum."""

    def __init__(self, *sizes: int, classes: int) -> None:
        super().__init__()
        self.rbm = nn.ModuleList()
        for seen, hidden in itertools.pairwise(sizes):
            machine = nn.Module()
            machine.weight = nn.Parameter(torch.zeros(hidden, seen))
            machine.vbias, machine.hbias = nn.Parameter(torch.zeros(seen)), nn.Parameter(torch.zeros(hidden))
            self.rbm.append(machine)
        self.head = nn.Linear(sizes[-1], classes)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        energies = []
        for machine in self.rbm:
            count = machine.hbias.numel()
            states = torch.tensor(list(itertools.product((0.0, 1.0), repeat=count)), dtype=x.dtype)
            scores = x @ machine.vbias[:, None] + states @ machine.hbias + x @ (states @ machine.weight).T
            energies.append(-torch.logsumexp(scores, dim=-1))
            x = torch.softmax(scores, dim=-1) @ states
        return self.head(x), torch.stack(energies, dim=-1)


def corners(x: Tensor, size: int) -> list[Tensor]:
    """The size * size maps that a pooling window of that size, and of that stride, is made of."""
    n, c, h, w = x.shape
    x = x[:, :, : h // size * size, : w // size * size].reshape(n, c, h // size, size, w // size, size)
    return [x[:, :, :, i, :, j] for i in range(size) for j in range(size)]


class LeNet5(nn.Module):
    """Padded first convolution, tanh, mean pooling."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, x: Tensor) -> Tensor:
        for conv in (self.conv1, self.conv2):
            x = sum(corners(torch.tanh(conv(x)), 2)) / 4
        return self.fc3(torch.tanh(self.fc2(torch.tanh(self.fc1(x.reshape(len(x), -1))))))


class LeNetLike(nn.Sequential):
    """Fleuret's figure 5.2: maxima before the nonlinearity; the layers' numbers are those of its Sequential."""

    def __init__(self) -> None:
        maps = [nn.Conv2d(1, 32, 5), nn.Identity(), nn.Identity(), nn.Conv2d(32, 64, 5), nn.Identity(), nn.Identity()]
        super().__init__(*maps, nn.Flatten(), nn.Linear(256, 200), nn.ReLU(), nn.Linear(200, 10))

    def forward(self, x: Tensor) -> Tensor:
        for index, size in ((0, 3), (3, 2)):
            x = torch.stack(corners(self[index](x), size)).amax(0).clamp(min=0)
        return self[9](self[7](x.reshape(len(x), -1)).clamp(min=0))


class AlexNet2012(nn.Module):
    """Two towers that see each other in the third convolution and in the dense layers; equation of section 3.3 for the norm."""

    def __init__(self, shrink: int, hidden: int, classes: int, flat: int) -> None:
        super().__init__()
        a, b, c = 96 // shrink, 256 // shrink, 384 // shrink
        self.conv1 = nn.Conv2d(3, a, 11, stride=4)
        self.conv2 = nn.Conv2d(a // 2, b, 5, padding=2)
        self.conv3 = nn.Conv2d(b, c, 3, padding=1)
        self.conv4, self.conv5 = nn.Conv2d(c // 2, c, 3, padding=1), nn.Conv2d(c // 2, b, 3, padding=1)
        self.fc6, self.fc7, self.fc8 = nn.Linear(flat, hidden), nn.Linear(hidden, hidden), nn.Linear(hidden, classes)

    def towers(self, layer: nn.Conv2d, x: Tensor, padding: int) -> Tensor:
        weights, biases, halves = layer.weight.chunk(2), layer.bias.chunk(2), x.chunk(2, dim=1)
        return torch.cat([F.conv2d(*one, padding=padding) for one in zip(halves, weights, biases, strict=True)], dim=1)

    def norm(self, x: Tensor) -> Tensor:
        count = x.shape[1]
        near = [x[:, max(0, i - 2) : i + 3].pow(2).sum(1) for i in range(count)]
        return x / (2 + 1e-4 * torch.stack(near, dim=1)) ** 0.75

    def pool(self, x: Tensor) -> Tensor:
        rows = range(0, x.shape[2] - 2, 2)
        return torch.stack([torch.stack([x[:, :, i : i + 3, j : j + 3].amax((2, 3)) for j in rows], -1) for i in rows], -2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(self.norm(F.relu(self.conv1(x))))
        x = self.pool(self.norm(F.relu(self.towers(self.conv2, x, 2))))
        x = F.relu(self.towers(self.conv4, F.relu(self.conv3(x)), 1))
        x = self.pool(F.relu(self.towers(self.conv5, x, 1))).flatten(1)
        return self.fc8(F.relu(self.fc7(F.relu(self.fc6(x)))))
