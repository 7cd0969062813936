"""FCN-8s in plain PyTorch: the paper's, and the common exercise's.

Modules are named as the layers of `keras_fcn`, from which it knows nothing else.
"""

from __future__ import annotations

import torch
from torch import nn

from .draws import draw

VGG16 = ((64,) * 2, (128,) * 2, (256,) * 3, (512,) * 3, (512,) * 3)


class FCN8s(nn.Module):
    """FCN-8s without dropout, `(batch, 3, height, width)` to logits of that size.

    Args:
        topology: `"paper"`: the image padded by 100, 7x7 fc6, bilinear upsampling that
            is not trained, crops. `"pointwise"`: 1x1 fc6, no ReLU after fc6 and fc7,
            learned upsampling; height and width must be multiples of 32.
        num_classes: Number of classes. Defaults to `21`.
        width: Factor on the channels. Defaults to `1.0`.
        drawn: Whether the weights are those of `draws`, or PyTorch's own start.
            Defaults to `True`.
    """

    def __init__(
        self,
        topology: str,
        num_classes: int = 21,
        width: float = 1.0,
        drawn: bool = True,
    ):
        super().__init__()
        self.is_paper = topology == "paper"
        channels = 3
        for b, block in enumerate(VGG16, start=1):
            for i, filters in enumerate(block, start=1):
                filters = max(1, round(filters * width))
                padding = 100 if self.is_paper and b == i == 1 else 1
                convolution = nn.Conv2d(channels, filters, 3, padding=padding)
                self.add_module(f"block{b}_conv{i}", convolution)
                channels = filters
        hidden = max(1, round(4096 * width))
        self.fc6 = nn.Conv2d(channels, hidden, 7 if self.is_paper else 1)
        self.fc7 = nn.Conv2d(hidden, hidden, 1)
        self.score_fr = nn.Conv2d(hidden, num_classes, 1)
        self.score_pool4 = nn.Conv2d(self.block4_conv3.out_channels, num_classes, 1)
        self.score_pool3 = nn.Conv2d(self.block3_conv3.out_channels, num_classes, 1)
        self.upscore2 = self._upscore(num_classes, 2)
        self.upscore_pool4 = self._upscore(num_classes, 2)
        self.upscore8 = self._upscore(num_classes, 8)
        if drawn:
            self._draw_weights()

    def _upscore(self, n: int, stride: int) -> nn.ConvTranspose2d:
        padding = 0 if self.is_paper else stride // 2
        layer = nn.ConvTranspose2d(
            n, n, 2 * stride, stride, padding, bias=not self.is_paper
        )
        if self.is_paper:  # as `get_upsampling_weight` does everywhere
            taps = torch.arange(2 * stride)
            tent = 1 - (taps - (stride - 0.5)).abs() / stride
            layer.weight.requires_grad_(False).zero_()
            layer.weight[range(n), range(n)] = torch.outer(tent, tent)
        return layer

    @torch.no_grad()
    def _draw_weights(self) -> None:
        for name, module in self.named_children():
            if module.weight.requires_grad:
                kernel = module.weight.permute(2, 3, 1, 0)  # Keras' layout
                kernel.copy_(torch.from_numpy(draw(f"{name}/kernel", kernel.shape)))
            if module.bias is not None:
                bias = draw(f"{name}/bias", module.bias.shape)
                module.bias.copy_(torch.from_numpy(bias))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return the logits."""
        x, pools = image, {}
        for b, block in enumerate(VGG16, start=1):
            for i in range(1, len(block) + 1):
                x = torch.relu(self.get_submodule(f"block{b}_conv{i}")(x))
            x = pools[b] = nn.functional.max_pool2d(x, 2, ceil_mode=True)
        x = self.fc6(x)
        x = self.fc7(torch.relu(x) if self.is_paper else x)
        x = self.score_fr(torch.relu(x) if self.is_paper else x)
        # The offsets of voc-fcn8s/net.py, where the paper's network is cropped.
        x = self.upscore2(x)
        x = x + self._crop(self.score_pool4(pools[4]), x, 5)
        x = self.upscore_pool4(x)
        x = x + self._crop(self.score_pool3(pools[3]), x, 9)
        return self._crop(self.upscore8(x), image, 31)

    def _crop(self, larger: torch.Tensor, like: torch.Tensor, offset: int):
        if not self.is_paper:
            return larger
        rows, columns = like.shape[2:]
        return larger[:, :, offset : offset + rows, offset : offset + columns]
