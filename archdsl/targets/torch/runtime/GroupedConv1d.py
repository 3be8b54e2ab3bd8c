"""A convolution in groups of channels over sequences whose features lie side by side in memory."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class GroupedConv1d(nn.Conv1d):
    """`nn.Conv1d`, which takes x [N, C, L] as it lies: a transposed [N, L, C] is not copied, and the result lies so too.

    `nn.Conv1d` copies it and walks along L; PyTorch's images with channels last are as these sequences with a height of 1.
    """

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, L] to [N, out, …]."""
        fast = x.dim() == 3 and x.stride(1) == 1 and x.dtype == torch.float32 and x.device.type == "cpu"
        if not fast or self.groups == 1 or self.padding_mode != "zeros":
            return super().forward(x)
        padding = self.padding if isinstance(self.padding, str) else (0, *self.padding)
        stride, dilation = (1, *self.stride), (1, *self.dilation)
        x, weight = x.unsqueeze(2), self.weight.unsqueeze(2)
        return nn.functional.conv2d(x, weight, self.bias, stride, padding, dilation, self.groups).squeeze(2)
