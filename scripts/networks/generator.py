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

"""The generator: how the two bones share what they absorb in their overlap, and the soft tissue both contain."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from scripts.networks.unet import unet
from scripts.radiograph import attenuation, overlap_of


class SoftTissue(nn.Module):
    """Estimate k, the gray level of the soft tissue inside the overlap, from its surroundings.

    A small U-Net at a quarter of the resolution paints the soft tissue under the bones; k is its mean in the overlap.

    Args:
        features: channels of :func:`scripts.networks.unet.unet`.
    """

    def __init__(self, *, features: Sequence[int] = (16, 16, 32, 48, 64, 16)) -> None:
        super().__init__()
        self.reduction = 4
        self.unet = unet(3, 1, features)

    def forward(self, image: Tensor, masks: Tensor) -> Tensor:
        """k, (B, 1, 1, 1), gray level 0..1.

        Args:
            image: (B, 1, H, W), gray levels 0..1, sides a multiple of 64.
            masks: (B, 2, H, W), 0..1.
        """
        overlap = avg_pool2d(overlap_of(masks).to(image.dtype), self.reduction)
        seen = avg_pool2d(torch.cat([attenuation(image), masks], dim=1), self.reduction)
        painted = torch.sigmoid(self.unet(seen) - 1.0)
        # Without an overlap the whole region is averaged: k is then not used, but must not be 0 / 0.
        weight = overlap + 1e-6
        return (painted * weight).sum(dim=(2, 3), keepdim=True) / weight.sum(dim=(2, 3), keepdim=True)


class Generator(nn.Module):
    """Predict the upper bone's share r of the bone attenuation in the overlap, and the soft tissue k.

    The layers themselves are made by :func:`scripts.radiograph.split`, so that no answer of this network can break the
    recomposition. It works on 2x2 blocks of pixels, as :class:`~scripts.networks.segmenter.Segmenter` does.

    Args:
        features: channels of :func:`scripts.networks.unet.unet`, five depths and the last layer.

    Example:
        >>> ratio, soft_tissue = Generator()(torch.rand(1, 1, 256, 256), torch.ones(1, 2, 256, 256))
    """

    def __init__(self, *, features: Sequence[int] = (48, 64, 96, 160, 256, 48)) -> None:
        super().__init__()
        self.soft_tissue = SoftTissue()
        self.fold = nn.PixelUnshuffle(2)
        self.unet = unet(16, 4, features)
        self.unfold = nn.PixelShuffle(2)

    def ratio(self, image: Tensor, masks: Tensor, soft_tissue: Tensor) -> Tensor:
        """The upper bone's share of the bone attenuation, (B, 1, H, W), 0..1; it has a meaning in the overlap only.

        Args:
            image: (B, 1, H, W), gray levels 0..1, sides a multiple of 32.
            masks: (B, 2, H, W), 0..1.
            soft_tissue: k, (B, 1, 1, 1), gray level 0..1.
        """
        soft = attenuation(soft_tissue)
        bone = attenuation(image) - soft
        seen = torch.cat([bone, masks, soft.expand_as(image)], dim=1)
        return torch.sigmoid(self.unfold(self.unet(self.fold(seen))))

    def forward(self, image: Tensor, masks: Tensor, soft_tissue: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Ratio (B, 1, H, W) and soft tissue (B, 1, 1, 1).

        Args:
            image: (B, 1, H, W), gray levels 0..1, sides a multiple of 64.
            masks: (B, 2, H, W), 0..1.
            soft_tissue: k, (B, 1, 1, 1), gray level 0..1, where it is known; estimated where not.
        """
        k = self.soft_tissue(image, masks) if soft_tissue is None else soft_tissue
        return self.ratio(image, masks, k), k
