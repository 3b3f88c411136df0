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

"""The paper's TransUNet: a convolutional encoder, a transformer on its deepest features, a decoder with skips.

Source: Wang et al., BLS-GAN, AAAI 2025. Parameters are named as in the authors' checkpoints.
"""

from collections import OrderedDict
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, relu

AttentionScale = Literal["multiplied", "divided"]
"""Use of the root of a head's width before the softmax; the paper's code multiplies by it."""


def named(**modules: nn.Module) -> nn.Sequential:
    """Return modules one after the other, under the names of the authors' checkpoints."""
    return nn.Sequential(OrderedDict(modules))


class TransUNet(nn.Module):
    """Encoder and decoder, (B, 3, S, S) -> logits (B, 2, S, S).

    Args:
        tokens: a side of the deepest features, S / 16.
        attention_scale: see :data:`AttentionScale`.
    """

    def __init__(self, tokens: int, attention_scale: AttentionScale) -> None:
        super().__init__()
        self.encoder = _TransUNetEncoder(tokens, attention_scale)
        self.decoder = _TransUNetDecoder()

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (B, 2, S, S) of (B, 3, S, S)."""
        logits: Tensor = self.decoder(*self.encoder(x))
        return logits


class _TransUNetEncoder(nn.Module):
    """Encoder, (B, 3, S, S) -> (B, 512, S/16, S/16), and skips at S/8 (512), S/4 (256) and S/2 (128 channels)."""

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
    """Transformer with one token a pixel and a class token that is dropped at the end; keeps (B, C, T, T)."""

    def __init__(self, tokens: int, width: int, attention_scale: AttentionScale) -> None:
        super().__init__()
        self.embedding = nn.Parameter(0.02 * torch.randn(tokens**2 + 1, width))
        self.cls_token = nn.Parameter(0.02 * torch.randn(1, 1, width))
        self.projection = nn.Linear(width, width)
        self.transformer = named(layer_blocks=nn.Sequential(*(_Block(width, attention_scale) for _ in range(8))))

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.projection(x.flatten(2).mT)
        tokens = torch.cat([self.cls_token.expand(len(x), -1, -1), tokens], dim=1) + self.embedding
        return self.transformer(tokens)[:, 1:].mT.reshape(x.shape)


class _Block(nn.Module):
    """Post-norm transformer block."""

    def __init__(self, width: int, attention_scale: AttentionScale) -> None:
        super().__init__()
        self.multi_head_attention = _Attention(width, attention_scale)
        self.mlp = named(
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
    """Decoder from the encoder's answer and its skips to logits (B, 2, S, S)."""

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
    """Upsampling to twice the size, concatenation of the skip, two convolutions."""

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
