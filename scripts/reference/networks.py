# Copyright 2026 The BLS-GAN bundle contributors
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""The paper's three networks, to run beside ours; parameters are named as in the authors' checkpoints.

Source of all three: Wang et al., BLS-GAN, AAAI 2025. Channels of masks and layers: LOWER, UPPER of
:mod:`scripts.physics`.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from scripts.physics import overlap_of
from scripts.reference.transunet import AttentionScale, TransUNet, named


class TransUNetGenerator(nn.Module):
    """TransUNet from image and masks to both layers (67 M parameters at 256 px).

    Args:
        side: of the pictures, px, a multiple of 16: the learned positions belong to it.
        attention_scale: ``"multiplied"`` is the paper's code, where nearly all weight falls on one token; ``"divided"``
            is a transformer's. The parameters are the same.

    Raises:
        ValueError: ``side`` is not a multiple of 16, or ``attention_scale`` is another word.
    """

    def __init__(self, *, side: int = 256, attention_scale: AttentionScale = "divided") -> None:
        super().__init__()
        if side < 16 or side % 16:
            raise ValueError(f"side: expected a multiple of 16 px, got {side}")
        if attention_scale not in ("multiplied", "divided"):
            raise ValueError(f"attention_scale: expected 'multiplied' or 'divided', got {attention_scale!r}")
        self.side = side
        self.backbone_network = TransUNet(side // 16, attention_scale)

    def forward(self, image: Tensor, masks: Tensor) -> Tensor:
        """Predict both layers, (B, 2, side, side), gray levels 0..1, zero outside their masks.

        Args:
            image: (B, 1, side, side), gray levels 0..1.
            masks: (B, 2, side, side), bool or 0..1.

        Raises:
            ValueError: a picture of another size than ``side``.
        """
        rows, columns = image.shape[2:]
        if (rows, columns) != (self.side, self.side):
            raise ValueError(f"image: expected {self.side}x{self.side} px, got {rows}x{columns} px")
        masks = masks.to(image.dtype)
        layers: Tensor = torch.sigmoid(self.backbone_network(torch.cat([image, masks], dim=1))) * masks
        return layers


class UNetSupervisor(nn.Module):
    """U-Net of 64 to 512 channels from two layers to the bones that are seen in them (14.8 M parameters).

    Args:
        dropout: share of the values dropped in each convolution, in training.
    """

    def __init__(self, *, dropout: float = 0.5) -> None:
        super().__init__()
        self.backbone_network = _UNet(dropout)

    def forward(self, layers: Tensor) -> Tensor:
        """Predict probabilities (B, 4, H, W): lower and upper bone in any layer; both in a real layer only.

        Args:
            layers: (B, 2, H, W), gray levels 0..1, sides of 16 px and more.
        """
        answer: Tensor = torch.sigmoid(self.backbone_network(layers))
        return answer


class VGGReconstructor(nn.Module):
    """Soft tissue k from the image by VGG-11, and the image from layers and k (42.9 M parameters at 256 px).

    Args:
        side: of the pictures, px, a multiple of 32.

    Raises:
        ValueError: ``side`` is not a multiple of 32.
    """

    def __init__(self, *, side: int = 256) -> None:
        super().__init__()
        if side < 32 or side % 32:
            raise ValueError(f"side: expected a multiple of 32 px, got {side}")
        self.model = _vgg_features()
        self.liner = nn.Sequential(
            nn.Linear(512 * (side // 32) ** 2, 1024), nn.ReLU(), nn.Linear(1024, 128), nn.ReLU(), nn.Linear(128, 1)
        )

    def forward(self, image: Tensor, layers: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
        """Return the recomposed image (B, 1, side, side), gray levels, and k (B, 1), 0..1.

        Args:
            image: (B, 1, side, side), gray levels 0..1.
            layers: (B, 2, side, side), gray levels 0..1, zero outside their masks.
            masks: (B, 2, side, side), bool or 0..1.
        """
        k = torch.sigmoid(self.liner(self.model(image).flatten(1)))
        soft = k[:, :, None, None] * overlap_of(masks).to(layers.dtype)
        return 1.0 - (1.0 - layers).prod(dim=1, keepdim=True) / (1.0 - soft), k


class _UNet(nn.Module):
    """U-Net from (B, 2, H, W) to logits (B, 4, H, W)."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.inc = _double_conv(2, 64, dropout)
        self.down1 = _down(64, 128, dropout)
        self.down2 = _down(128, 256, dropout)
        self.down3 = _down(256, 512, dropout)
        self.down4 = _down(512, 512, dropout)
        self.up1_R = _Up(512, 256, dropout)
        self.up2_R = _Up(256, 128, dropout)
        self.up3_R = _Up(128, 64, dropout)
        self.up4_R = _Up(64, 64, dropout)
        self.outc_R = named(conv=nn.Conv2d(64, 4, 1))

    def forward(self, x: Tensor) -> Tensor:
        first = self.inc(x)
        second = self.down1(first)
        third = self.down2(second)
        fourth = self.down3(third)
        x = self.up1_R(self.down4(fourth), fourth)
        x = self.up4_R(self.up3_R(self.up2_R(x, third), second), first)
        logits: Tensor = self.outc_R(x)
        return logits


def _double_conv(inputs: int, outputs: int, dropout: float) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before, after in pairwise((inputs, outputs, outputs)):
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU(), nn.Dropout(dropout)]
    return named(double_conv=nn.Sequential(*layers))


def _down(inputs: int, outputs: int, dropout: float) -> nn.Sequential:
    return named(maxpool_conv=nn.Sequential(nn.MaxPool2d(2), _double_conv(inputs, outputs, dropout)))


class _Up(nn.Module):
    def __init__(self, inputs: int, outputs: int, dropout: float) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(inputs, inputs, 2, stride=2)
        self.conv = _double_conv(2 * inputs, outputs, dropout)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        y: Tensor = self.conv(torch.cat([skip, self.up(x)], dim=1))
        return y


def _vgg_features() -> nn.Sequential:
    """Return VGG-11 without batch norm, from one channel: (B, 1, S, S) -> (B, 512, S/32, S/32)."""
    layers: list[nn.Module] = []
    channels = 1
    for stage in ((64,), (128,), (256, 256), (512, 512), (512, 512)):
        for width in stage:
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
        layers.append(nn.MaxPool2d(2))
    return named(features=nn.Sequential(*layers))
