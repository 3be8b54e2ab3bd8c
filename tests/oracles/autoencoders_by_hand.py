"""References for the autoencoders of DALL-E and Stable Diffusion, from their papers and published layouts, in plain PyTorch."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def nest(root: nn.Module, path: str, leaf: nn.Module) -> None:
    """Put `leaf` at a dotted path, making what is missing on the way."""
    *inner, last = path.split(".")
    for name in inner:
        if name not in root._modules:
            root.add_module(name, nn.Module())
        root = root._modules[name]
    root.add_module(last, leaf)


class Kernel(nn.Module):
    def __init__(self, inner: int, outer: int, n: int) -> None:
        super().__init__()
        self.w, self.b = nn.Parameter(torch.zeros(outer, inner, n, n)), nn.Parameter(torch.zeros(outer))

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.w, self.b, padding=self.w.shape[-1] // 2)


class DVAE(nn.Module):
    """The encoder, or with `decodes` the decoder, of two groups of one block."""

    def __init__(self, decodes: bool, width: int = 8, outside: int = 11, stem: int = 6) -> None:
        super().__init__()
        self.decodes, self.widths = decodes, [2 * width, width] if decodes else [width, 2 * width]
        first, last = (stem, 6) if decodes else (width, outside)
        nest(self, "blocks.input", Kernel(outside if decodes else 3, first, 1 if decodes else 7))
        inner = first
        for group, outer in enumerate(self.widths, 1):
            for place, n in enumerate((1, 3, 3, 3) if decodes else (3, 3, 3, 1), 1):
                sizes = (inner if place == 1 else outer // 4, outer if place == 4 else outer // 4)
                nest(self, f"blocks.group_{group}.block_1.res_path.conv_{place}", Kernel(*sizes, n))
            if inner != outer:
                nest(self, f"blocks.group_{group}.block_1.id_path", Kernel(inner, outer, 1))
            inner = outer
        nest(self, "blocks.output.conv", Kernel(inner, last, 1))

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks.input(x)
        for group in (1, 2):
            block = getattr(self.blocks, f"group_{group}").block_1
            y = x
            for place in (1, 2, 3, 4):
                y = getattr(block.res_path, f"conv_{place}")(y.clamp(min=0))
            x = (block.id_path(x) if hasattr(block, "id_path") else x) + y / 4
            if group == 1:
                x = x.repeat_interleave(2, 2).repeat_interleave(2, 3) if self.decodes else F.max_pool2d(x, 2)
        return self.blocks.output.conv(x.clamp(min=0))


def groups(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(32, channels, eps=1e-6)


class Residual(nn.Module):
    def __init__(self, inner: int, outer: int) -> None:
        super().__init__()
        self.norm1, self.conv1 = groups(inner), nn.Conv2d(inner, outer, 3, padding=1)
        self.norm2, self.conv2 = groups(outer), nn.Conv2d(outer, outer, 3, padding=1)
        if inner != outer:
            self.conv_shortcut = nn.Conv2d(inner, outer, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv2(F.silu(self.norm2(self.conv1(F.silu(self.norm1(x))))))
        return y + (self.conv_shortcut(x) if hasattr(self, "conv_shortcut") else x)


class Looking(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.group_norm = groups(width)
        self.to_q, self.to_k, self.to_v = (nn.Linear(width, width) for _ in range(3))
        self.to_out = nn.ModuleList([nn.Linear(width, width)])

    def forward(self, x: Tensor) -> Tensor:
        y = self.group_norm(x).flatten(2).transpose(1, 2)
        weights = torch.softmax(self.to_q(y) @ self.to_k(y).transpose(1, 2) / y.shape[-1] ** 0.5, -1)
        return x + self.to_out[0](weights @ self.to_v(y)).transpose(1, 2).reshape(x.shape)


class SDVAE(nn.Module):
    """Two levels of one block on the way down and two on the way up."""

    def __init__(self, narrow: int = 32, wide: int = 64, latent: int = 2) -> None:
        super().__init__()
        self.latent = latent
        for side, first, last in (("encoder", 3, 2 * latent), ("decoder", latent, 3)):
            down = side == "encoder"
            start, end = (narrow, wide) if down else (wide, narrow)
            kind = "down" if down else "up"
            nest(self, f"{side}.conv_in", nn.Conv2d(first, start, 3, padding=1))
            for level, (inner, outer) in enumerate(((start, start), (start, end))):
                for place in range(1 if down else 2):
                    nest(self, f"{side}.{kind}_blocks.{level}.resnets.{place}", Residual(inner if place == 0 else outer, outer))
            sampler = nn.Conv2d(start, start, 3, 2) if down else nn.Conv2d(start, start, 3, padding=1)
            nest(self, f"{side}.{kind}_blocks.0.{kind}samplers.0.conv", sampler)
            nest(self, f"{side}.mid_block.resnets.0", Residual(wide, wide))
            nest(self, f"{side}.mid_block.attentions.0", Looking(wide))
            nest(self, f"{side}.mid_block.resnets.1", Residual(wide, wide))
            nest(self, f"{side}.conv_norm_out", groups(end))
            nest(self, f"{side}.conv_out", nn.Conv2d(end, last, 3, padding=1))
        self.quant_conv = nn.Conv2d(2 * latent, 2 * latent, 1)
        self.post_quant_conv = nn.Conv2d(latent, latent, 1)

    def step(self, path: str, x: Tensor) -> Tensor:
        return self.get_submodule(path)(x)

    def middle(self, side: str, x: Tensor) -> Tensor:
        for part in ("resnets.0", "attentions.0", "resnets.1"):
            x = self.step(f"{side}.mid_block.{part}", x)
        return x

    def ending(self, side: str, x: Tensor) -> Tensor:
        return self.step(f"{side}.conv_out", F.silu(self.step(f"{side}.conv_norm_out", x)))

    def forward(self, x: Tensor) -> Tensor:
        x = self.step("encoder.down_blocks.0.resnets.0", self.step("encoder.conv_in", x))
        x = self.step("encoder.down_blocks.0.downsamplers.0.conv", F.pad(x, (0, 1, 0, 1)))
        x = self.middle("encoder", self.step("encoder.down_blocks.1.resnets.0", x))
        mode = self.quant_conv(self.ending("encoder", x))[:, : self.latent]
        x = self.middle("decoder", self.step("decoder.conv_in", self.post_quant_conv(mode)))
        for place in range(2):
            x = self.step(f"decoder.up_blocks.0.resnets.{place}", x)
        x = self.step("decoder.up_blocks.0.upsamplers.0.conv", x.repeat_interleave(2, 2).repeat_interleave(2, 3))
        for place in range(2):
            x = self.step(f"decoder.up_blocks.1.resnets.{place}", x)
        return self.ending("decoder", x)
