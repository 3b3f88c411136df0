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

"""The paper's own three networks, to run beside ours; their parameters are named as in the authors' checkpoints.

Source of all three: Wang et al., BLS-GAN, AAAI 2025. Channels of masks and layers: LOWER, UPPER of
:mod:`scripts.physics`.
"""

from collections import OrderedDict
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, relu

from scripts.physics import overlap_of

AttentionScale = Literal["multiplied", "divided"]
"""What is done with the root of a head's width before the softmax; the paper's code multiplies."""


class TransUNetGenerator(nn.Module):
    """Image and masks -> both layers, through a TransUNet (67 M parameters at 256 px).

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
            raise ValueError(f"side is {side} px, a multiple of 16 expected")
        if attention_scale not in ("multiplied", "divided"):
            raise ValueError(f"attention_scale is {attention_scale!r}, 'multiplied' or 'divided' expected")
        self.side = side
        self.backbone_network = _TransUNet(side // 16, attention_scale)

    def forward(self, image: Tensor, masks: Tensor) -> Tensor:
        """Both layers, (B, 2, side, side), gray levels 0..1, zero outside their masks.

        Args:
            image: (B, 1, side, side), gray levels 0..1.
            masks: (B, 2, side, side), bool or 0..1.

        Raises:
            ValueError: a picture of another size than ``side``.
        """
        rows, columns = image.shape[2:]
        if (rows, columns) != (self.side, self.side):
            raise ValueError(f"image is {rows}x{columns} px, {self.side}x{self.side} expected")
        masks = masks.to(image.dtype)
        layers: Tensor = torch.sigmoid(self.backbone_network(torch.cat([image, masks], dim=1))) * masks
        return layers


class UNetSupervisor(nn.Module):
    """Two layers -> what a pixel shows: a U-Net of 64 to 512 channels (14.8 M parameters).

    Args:
        dropout: share of the values dropped in each convolution, in training.
    """

    def __init__(self, *, dropout: float = 0.5) -> None:
        super().__init__()
        self.backbone_network = _UNet(dropout)

    def forward(self, layers: Tensor) -> Tensor:
        """Probabilities (B, 4, H, W): lower and upper bone in any layer; lower and upper bone in a real layer only.

        Args:
            layers: (B, 2, H, W), gray levels 0..1, sides of 16 px and more.
        """
        answer: Tensor = torch.sigmoid(self.backbone_network(layers))
        return answer


class VGGReconstructor(nn.Module):
    """Image -> soft tissue k by the features of VGG-11; layers and k -> image (42.9 M parameters at 256 px).

    Args:
        side: of the pictures, px, a multiple of 32.

    Raises:
        ValueError: ``side`` is not a multiple of 32.
    """

    def __init__(self, *, side: int = 256) -> None:
        super().__init__()
        if side < 32 or side % 32:
            raise ValueError(f"side is {side} px, a multiple of 32 expected")
        self.model = _vgg_features()
        self.liner = nn.Sequential(
            nn.Linear(512 * (side // 32) ** 2, 1024), nn.ReLU(), nn.Linear(1024, 128), nn.ReLU(), nn.Linear(128, 1)
        )

    def forward(self, image: Tensor, layers: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
        """The recomposed image (B, 1, side, side), gray levels, and k (B, 1), 0..1.

        Args:
            image: (B, 1, side, side), gray levels 0..1.
            layers: (B, 2, side, side), gray levels 0..1, zero outside their masks.
            masks: (B, 2, side, side), bool or 0..1.
        """
        k = torch.sigmoid(self.liner(self.model(image).flatten(1)))
        soft = k[:, :, None, None] * overlap_of(masks).to(layers.dtype)
        return 1.0 - (1.0 - layers).prod(dim=1, keepdim=True) / (1.0 - soft), k


class _TransUNet(nn.Module):
    def __init__(self, tokens: int, attention_scale: AttentionScale) -> None:
        super().__init__()
        self.encoder = _TransUNetEncoder(tokens, attention_scale)
        self.decoder = _TransUNetDecoder()

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.decoder(*self.encoder(x))
        return logits


class _TransUNetEncoder(nn.Module):
    """(B, 3, S, S) -> (B, 512, S/16, S/16), and the skips at S/8 (512), S/4 (256) and S/2 (128 channels)."""

    def __init__(self, tokens: int, attention_scale: AttentionScale) -> None:
        super().__init__()
        self.conv1 = nn.Sequential(nn.Conv2d(3, 128, 7, stride=2, padding=3, bias=False), nn.BatchNorm2d(128))
        self.encoder1 = _Bottleneck(128, 256)
        self.encoder2 = _Bottleneck(256, 512)
        self.encoder3 = _Bottleneck(512, 1024)
        self.vit = _VisionTransformer(tokens, 1024, attention_scale)
        self.conv2 = nn.Sequential(nn.Conv2d(1024, 512, 3, padding=1), nn.BatchNorm2d(512))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        half = relu(self.conv1(x))
        quarter = self.encoder1(half)
        eighth = self.encoder2(quarter)
        return relu(self.conv2(self.vit(self.encoder3(eighth)))), eighth, quarter, half


class _Bottleneck(nn.Module):
    """Residual bottleneck of stride 2."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride=2, bias=False), nn.BatchNorm2d(outputs))
        self.conv1 = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, stride=2, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.conv3 = nn.Conv2d(outputs, outputs, 1, bias=False)
        self.norm3 = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        y = relu(self.norm1(self.conv1(x)))
        y = relu(self.norm2(self.conv2(y)))
        return relu(self.norm3(self.conv3(y)) + self.downsample(x))


class _VisionTransformer(nn.Module):
    """A token a pixel, with a class token in front that is dropped at the end; (B, C, T, T) -> the same."""

    def __init__(self, tokens: int, width: int, attention_scale: AttentionScale) -> None:
        super().__init__()
        self.embedding = nn.Parameter(0.02 * torch.randn(tokens**2 + 1, width))
        self.cls_token = nn.Parameter(0.02 * torch.randn(1, 1, width))
        self.projection = nn.Linear(width, width)
        self.transformer = _named(layer_blocks=nn.Sequential(*(_Block(width, attention_scale) for _ in range(8))))

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.projection(x.flatten(2).mT)
        tokens = torch.cat([self.cls_token.expand(len(x), -1, -1), tokens], dim=1) + self.embedding
        return self.transformer(tokens)[:, 1:].mT.reshape(x.shape)


class _Block(nn.Module):
    """Post-norm transformer block."""

    def __init__(self, width: int, attention_scale: AttentionScale) -> None:
        super().__init__()
        self.multi_head_attention = _Attention(width, attention_scale)
        self.mlp = _named(
            mlp_layers=nn.Sequential(
                nn.Linear(width, 512), nn.GELU(), nn.Dropout(0.1), nn.Linear(512, width), nn.Dropout(0.1)
            )
        )
        self.layer_norm1 = nn.LayerNorm(width)
        self.layer_norm2 = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer_norm1(x + self.multi_head_attention(x))
        y: Tensor = self.layer_norm2(x + self.mlp(x))
        return y


class _Attention(nn.Module):
    heads = 4

    def __init__(self, width: int, attention_scale: AttentionScale) -> None:
        super().__init__()
        root = (width / self.heads) ** 0.5
        self.scale = root if attention_scale == "multiplied" else 1.0 / root
        self.qkv_layer = nn.Linear(width, 3 * width, bias=False)
        self.out_attention = nn.Linear(width, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        # The authors' order of the 3072 outputs: element of the head, then q, k or v, then head.
        q, k, v = self.qkv_layer(x).unflatten(2, (-1, 3, self.heads)).permute(3, 0, 4, 1, 2)
        mixed = torch.softmax(q @ k.mT * self.scale, dim=-1) @ v
        answer: Tensor = self.out_attention(mixed.transpose(1, 2).flatten(2))
        return answer


class _TransUNetDecoder(nn.Module):
    """The encoder's answer and its skips -> logits (B, 2, S, S)."""

    def __init__(self) -> None:
        super().__init__()
        self.decoder1 = _UpBlock(1024, 256)
        self.decoder2 = _UpBlock(512, 128)
        self.decoder3 = _UpBlock(256, 64)
        self.decoder4 = _UpBlock(64, 16)
        self.conv1 = nn.Conv2d(16, 2, 1)

    def forward(self, x: Tensor, eighth: Tensor, quarter: Tensor, half: Tensor) -> Tensor:
        x = self.decoder3(self.decoder2(self.decoder1(x, eighth), quarter), half)
        logits: Tensor = self.conv1(self.decoder4(x))
        return logits


class _UpBlock(nn.Module):
    """Twice the size, the skip beside it, two convolutions."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.layer = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, padding=1),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
        )

    def forward(self, x: Tensor, skip: Tensor | None = None) -> Tensor:
        x = interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=True)
        y: Tensor = self.layer(x if skip is None else torch.cat([skip, x], dim=1))
        return y


class _UNet(nn.Module):
    """(B, 2, H, W) -> logits (B, 4, H, W)."""

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
        self.outc_R = _named(conv=nn.Conv2d(64, 4, 1))

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
    return _named(double_conv=nn.Sequential(*layers))


def _down(inputs: int, outputs: int, dropout: float) -> nn.Sequential:
    return _named(maxpool_conv=nn.Sequential(nn.MaxPool2d(2), _double_conv(inputs, outputs, dropout)))


class _Up(nn.Module):
    def __init__(self, inputs: int, outputs: int, dropout: float) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(inputs, inputs, 2, stride=2)
        self.conv = _double_conv(2 * inputs, outputs, dropout)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        y: Tensor = self.conv(torch.cat([skip, self.up(x)], dim=1))
        return y


def _vgg_features() -> nn.Sequential:
    """VGG-11 without batch norm, from one channel: (B, 1, S, S) -> (B, 512, S/32, S/32)."""
    layers: list[nn.Module] = []
    channels = 1
    for stage in ((64,), (128,), (256, 256), (512, 512), (512, 512)):
        for width in stage:
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
        layers.append(nn.MaxPool2d(2))
    return _named(features=nn.Sequential(*layers))


def _named(**modules: nn.Module) -> nn.Sequential:
    """Modules one after the other, under the names that the authors' checkpoints give them."""
    return nn.Sequential(OrderedDict(modules))
