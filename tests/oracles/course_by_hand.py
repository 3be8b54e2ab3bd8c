"""The small networks of courses in plain PyTorch, with the layer names of the printed classes."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def convolution(inner: int, outer: int, n: int = 3, padding: int = 1) -> nn.Sequential:
    parts = [("conv", nn.Conv2d(inner, outer, n, padding=padding, bias=False)), ("bn", nn.BatchNorm2d(outer)), ("act", nn.ReLU())]
    return nn.Sequential(OrderedDict(parts))


class SimpleCNN(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = convolution(3, width), convolution(width, 2 * width)
        self.conv3, self.conv4 = convolution(2 * width, 4 * width), convolution(4 * width, 8 * width)
        self.fc = nn.Linear(8 * width, 10)

    def forward(self, x: Tensor) -> Tensor:
        for layer in (self.conv1, self.conv2, self.conv3):
            x = F.max_pool2d(layer(x), 2)
        return self.fc(self.conv4(x).mean((2, 3)))


class ModernCNN(nn.Module):
    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inner = 3
        for outer in (width, 2 * width, 4 * width):
            for one in (inner, outer):
                layers += [nn.Conv2d(one, outer, 3, padding=1), nn.BatchNorm2d(outer), nn.ReLU()]
            layers.append(nn.MaxPool2d(2))
            inner = outer
        self.features = nn.Sequential(*layers)
        head = [
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Dropout(),
            nn.Linear(inner, hidden),
            nn.ReLU(),
            nn.Dropout(),
            nn.Linear(hidden, 10),
        ]
        self.classifier = nn.Sequential(*head)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x))


class VGG16(nn.Module):
    def __init__(self, widths: list[int], hidden: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inner = 3
        for count, outer in zip((2, 2, 3, 3, 3), widths, strict=True):
            for _ in range(count):
                layers.append(convolution(inner, outer))
                inner = outer
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        dense = [nn.Linear(49 * inner, hidden), nn.ReLU(), nn.Dropout(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Dropout()]
        self.classifier = nn.Sequential(*dense, nn.Linear(hidden, 10))

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).flatten(1))


def renamed(resnet: nn.Module) -> nn.Module:
    """Each convolution of a block that an activation follows has its norm under its own name."""
    for block in resnet.modules():
        for number in (1, 2) if hasattr(block, "conv3") else (1,) if hasattr(block, "conv2") else ():
            parts = [("conv", getattr(block, f"conv{number}")), ("bn", getattr(block, f"bn{number}"))]
            setattr(block, f"conv{number}", nn.Sequential(OrderedDict(parts)))
            setattr(block, f"bn{number}", nn.Identity())
    return resnet


class ResidualBlock(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(64, 128, 3, 2, 1, bias=False), nn.BatchNorm2d(128)
        self.conv2, self.bn2 = nn.Conv2d(128, 128, 3, 1, 1, bias=False), nn.BatchNorm2d(128)
        self.skip = nn.Sequential(nn.Conv2d(64, 128, 1, 2, bias=False), nn.BatchNorm2d(128))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))) + self.skip(x))


class SEBlock(nn.Module):
    def __init__(self, channels: int, reduction: int = 4) -> None:
        super().__init__()
        inner = channels // reduction
        self.excitation = nn.Sequential(
            nn.Linear(channels, inner, bias=False), nn.SiLU(), nn.Linear(inner, channels, bias=False), nn.Sigmoid()
        )

    def forward(self, x: Tensor) -> Tensor:
        return x * self.excitation(x.mean((2, 3)))[:, :, None, None]


class MBConv(nn.Module):
    def __init__(self, inner: int = 32, outer: int = 16) -> None:
        super().__init__()
        first = [
            nn.Conv2d(inner, inner, 3, padding=1, groups=inner, bias=False),
            nn.BatchNorm2d(inner),
            nn.SiLU(),
            SEBlock(inner),
        ]
        self.conv = nn.Sequential(*first, nn.Conv2d(inner, outer, 1, bias=False), nn.BatchNorm2d(outer))

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


class Inception(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.branch1 = convolution(192, 64, 1)
        self.branch2 = nn.Sequential(convolution(192, 96, 1), convolution(96, 128))
        self.branch3 = nn.Sequential(convolution(192, 16, 1), convolution(16, 32, 5, 2))
        self.branch4 = nn.Sequential(nn.MaxPool2d(3, 1, 1), convolution(192, 32, 1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in (self.branch1, self.branch2, self.branch3, self.branch4)], 1)


class Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.W_q, self.W_k, self.W_v, self.W_o = (nn.Linear(width, width) for _ in range(4))

    def forward(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        def parted(x: Tensor) -> Tensor:
            return x.view(*x.shape[:2], self.heads, -1).transpose(1, 2)

        q, k, v = parted(self.W_q(query)), parted(self.W_k(key)), parted(self.W_v(value))
        weights = torch.softmax(q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5, -1)
        return self.W_o((weights @ v).transpose(1, 2).reshape(query.shape))
