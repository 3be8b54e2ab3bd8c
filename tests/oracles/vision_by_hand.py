"""References for networks that no installed library has, written from their papers' equations in plain PyTorch."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def squash(a: Tensor) -> Tensor:
    return 1.7159 * torch.tanh(a * (2.0 / 3.0))


TABLE = "XXX000,0XXX00,00XXX0,000XXX,X000XX,XX000X,XXXX00,0XXXX0,00XXXX,X00XXX,XX00XX,XXX00X,XX0XX0,0XX0XX,X0XX0X,XXXXXX"
"""Table I of the paper, a column a map of C3: which maps of S2 it sees."""
DRAWINGS = """
....... ....... ....... ....... ....... ....... ....... ....... ....... .......
..###.. ...##.. .#####. .#####. ....##. ####### ..####. ####### .#####. .#####.
.##.##. ..###.. ##...## ##...## ...###. ##..... .##.... ####### ##...## ##...##
##...## .####.. .....## .....## ..####. ##..... ##..... .....## ##...## ##...##
##...## ...##.. .....## .....## .##.##. ######. ##..... .....## ##...## ##...##
##...## ...##.. ....##. ..####. ##..##. ####### ######. ....##. .#####. #######
##...## ...##.. ...##.. ..####. ####### .....## ####### ...##.. .#####. .######
##...## ...##.. ..##... .....## ####### .....## ##...## ...##.. ##...## .....##
##...## ...##.. .##.... .....## ....##. .....## ##...## ..##... ##...## .....##
.##.##. ...##.. ##..... ##...## ....##. ##...## ##...## ..##... ##...## ....##.
..###.. .###### ####### .#####. ....##. .#####. .#####. ..##... .#####. .####..
....... ....... ....... ....... ....... ....... ....... ....... ....... .......
"""
"""The digits that the last layer measures the distance to, ink +1, paper -1."""


class LeNet1998(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.seen = [[place for place, mark in enumerate(column) if mark == "X"] for column in TABLE.split(",")]
        self.c1 = nn.Conv2d(1, 6, 5)
        self.s2, self.s4 = nn.Module(), nn.Module()
        for module, maps in ((self.s2, 6), (self.s4, 16)):
            module.coef, module.bias = nn.Parameter(torch.ones(maps)), nn.Parameter(torch.zeros(maps))
        self.c3 = nn.ModuleList(nn.Conv2d(len(maps), 1, 5) for maps in self.seen)
        self.c5 = nn.Conv2d(16, 120, 5)
        self.f6 = nn.Linear(120, 84)
        self.rbf = nn.Module()
        rows = [row.split() for row in DRAWINGS.split("\n") if row]
        ink = [[2.0 * (mark == "#") - 1 for row in rows for mark in row[digit]] for digit in range(10)]
        self.rbf.register_buffer("centers", torch.tensor(ink))

    def subsample(self, x: Tensor, layer: nn.Module) -> Tensor:
        total = x[:, :, ::2, ::2] + x[:, :, 1::2, ::2] + x[:, :, ::2, 1::2] + x[:, :, 1::2, 1::2]
        return squash(total * layer.coef.view(1, -1, 1, 1) + layer.bias.view(1, -1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        x = self.subsample(squash(self.c1(x)), self.s2)
        x = squash(torch.cat([conv(x[:, maps]) for conv, maps in zip(self.c3, self.seen, strict=True)], 1))
        x = squash(self.c5(self.subsample(x, self.s4))).flatten(1)
        x = squash(self.f6(x))
        return torch.stack([(x - center).pow(2).sum(1) for center in self.rbf.centers], 1)


def conv(inner: int, outer: int, size: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inner, outer, size, stride, size // 2, bias=False)


class Plain(nn.Module):
    def __init__(self, inner: int, outer: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv(inner, outer, 3, stride), nn.BatchNorm2d(outer)
        self.conv2, self.bn2 = conv(outer, outer, 3), nn.BatchNorm2d(outer)
        self.more, self.stride = outer - inner, stride

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        half = self.more // 2
        short = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, half, half))
        return F.relu(y + short)


class PreAct(nn.Module):
    def __init__(self, inner: int, width: int, stride: int) -> None:
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(inner), conv(inner, width, 1)
        self.bn2, self.conv2 = nn.BatchNorm2d(width), conv(width, width, 3, stride)
        self.bn3, self.conv3 = nn.BatchNorm2d(width), conv(width, 4 * width, 1)
        if stride != 1 or inner != 4 * width:
            self.shortcut = conv(inner, 4 * width, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        active = F.relu(self.bn1(x))
        y = self.conv3(F.relu(self.bn3(self.conv2(F.relu(self.bn2(self.conv1(active)))))))
        return y + (self.shortcut(active) if hasattr(self, "shortcut") else x)


class Wide(nn.Module):
    def __init__(self, inner: int, outer: int, stride: int) -> None:
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(inner), conv(inner, outer, 3, stride)
        self.bn2, self.conv2 = nn.BatchNorm2d(outer), conv(outer, outer, 3)
        if inner != outer:
            self.convShortcut = conv(inner, outer, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        active = F.relu(self.bn1(x))
        y = self.conv2(F.relu(self.bn2(self.conv1(active))))
        return y + (self.convShortcut(active) if hasattr(self, "convShortcut") else x)


def stages(unit: type[nn.Module], inner: int, widths: list[int], depth: int, wider: int = 1) -> list[nn.Sequential]:
    made = []
    for place, width in enumerate(widths):
        row = [unit(inner if one == 0 else width * wider, width, 2 if one == 0 and place else 1) for one in range(depth)]
        made.append(nn.Sequential(*row))
        inner = width * wider
    return made


class ResNetCIFAR(nn.Module):
    def __init__(self, depth: int, width: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv(3, width, 3), nn.BatchNorm2d(width)
        widths = [width, 2 * width, 4 * width]
        self.layer1, self.layer2, self.layer3 = stages(Plain, width, widths, (depth - 2) // 6)
        self.linear = nn.Linear(4 * width, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer3(self.layer2(self.layer1(F.relu(self.bn1(self.conv1(x))))))
        return self.linear(x.mean((2, 3)))


class PreActCIFAR(nn.Module):
    def __init__(self, depth: int, width: int) -> None:
        super().__init__()
        self.conv1 = conv(3, width, 3)
        widths = [width, 2 * width, 4 * width]
        self.layer1, self.layer2, self.layer3 = stages(PreAct, width, widths, (depth - 2) // 9, 4)
        self.bn = nn.BatchNorm2d(16 * width)
        self.fc = nn.Linear(16 * width, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer3(self.layer2(self.layer1(self.conv1(x))))
        return self.fc(F.relu(self.bn(x)).mean((2, 3)))


class WideCIFAR(nn.Module):
    def __init__(self, depth: int, wider: int) -> None:
        super().__init__()
        self.conv1 = conv(3, 16, 3)
        widths = [16 * wider, 32 * wider, 64 * wider]
        for place, stage in enumerate(stages(Wide, 16, widths, (depth - 4) // 6)):
            holder = nn.Module()
            holder.layer = stage
            setattr(self, f"block{place + 1}", holder)
        self.bn1 = nn.BatchNorm2d(widths[-1])
        self.fc = nn.Linear(widths[-1], 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.block3.layer(self.block2.layer(self.block1.layer(self.conv1(x))))
        return self.fc(F.relu(self.bn1(x)).mean((2, 3)))


class SEBlock(nn.Module):
    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(channels, channels // reduction), nn.Linear(channels // reduction, channels)

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(self.fc2(F.relu(self.fc1(x.mean((2, 3))))))[:, :, None, None]


class InceptionModule(nn.Module):
    def __init__(self, inner: int, row: list[int]) -> None:
        super().__init__()
        one, reduce3, three, reduce5, five, pooled = row
        self.b1 = nn.Conv2d(inner, one, 1)
        self.b2 = nn.ModuleList([nn.Conv2d(inner, reduce3, 1), nn.Conv2d(reduce3, three, 3, padding=1)])
        self.b3 = nn.ModuleList([nn.Conv2d(inner, reduce5, 1), nn.Conv2d(reduce5, five, 5, padding=2)])
        self.b4 = nn.Conv2d(inner, pooled, 1)

    def forward(self, x: Tensor) -> Tensor:
        middle, large = (F.relu(b[1](F.relu(b[0](x)))) for b in (self.b2, self.b3))
        return torch.cat([F.relu(self.b1(x)), middle, large, F.relu(self.b4(F.max_pool2d(x, 3, 1, 1)))], 1)


class GoogLeNet2014(nn.Module):
    """Table 1 of the paper, every width divided by `shrink`."""

    TABLE = (
        "3a 64 96 128 16 32 32;3b 128 128 192 32 96 64;4a 192 96 208 16 48 64;4b 160 112 224 24 64 64;4c 128 128 256 24 64 64;"
        "4d 112 144 288 32 64 64;4e 256 160 320 32 128 128;5a 256 160 320 32 128 128;5b 384 192 384 48 128 128"
    )

    def __init__(self, shrink: int, classes: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64 // shrink, 7, 2, 3)
        self.conv2, self.conv3 = nn.Conv2d(64 // shrink, 64 // shrink, 1), nn.Conv2d(64 // shrink, 192 // shrink, 3, padding=1)
        inner, self.names = 192 // shrink, []
        for line in self.TABLE.split(";"):
            name, *widths = line.split()
            row = [int(one) // shrink for one in widths]
            setattr(self, f"i{name}", InceptionModule(inner, row))
            inner = row[0] + row[2] + row[4] + row[5]
            self.names.append(name)
        self.fc = nn.Linear(inner, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = F.local_response_norm(F.max_pool2d(F.relu(self.conv1(x)), 3, 2, ceil_mode=True), 5, 1e-4, 0.75, 1.0)
        x = F.local_response_norm(F.relu(self.conv3(F.relu(self.conv2(x)))), 5, 1e-4, 0.75, 1.0)
        x = F.max_pool2d(x, 3, 2, ceil_mode=True)
        for name in self.names:
            x = getattr(self, f"i{name}")(x)
            if name in ("3b", "4e"):
                x = F.max_pool2d(x, 3, 2, ceil_mode=True)
        return self.fc(x.mean((2, 3)))
