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

"""Soft tissue estimator, the part of the paper's reconstructor that is learned: k, which both layers contain."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from scripts.networks.unet import unet
from scripts.physics import attenuation, overlap_of, zone_of


class SoftTissueEstimator(nn.Module):
    """Network for k, the gray level of the soft tissue inside the overlap.

    A small U-Net at a quarter of the resolution paints the soft tissue under the bones; k is its mean in the overlap
    (the paper reads k off 32,768 features of a VGG-11, 42.9 M parameters for one number).

    Args:
        features: channels of :func:`scripts.networks.unet.unet`.
        trust: largest difference between a given k and the estimated one, as a share of the latter; a given k that
            differs more contradicts the image and is moved to the nearer limit.

    Example:
        >>> image, masks = torch.rand(1, 1, 256, 256), torch.ones(1, 2, 256, 256)
        >>> estimator = SoftTissueEstimator()
        >>> k = estimator(image, masks)

    Source:
        Wang et al., BLS-GAN, AAAI 2025, section "Reconstructor".
    """

    def __init__(self, *, features: Sequence[int] = (16, 16, 32, 48, 64, 16), trust: float = 0.08) -> None:
        super().__init__()
        self.reduction, self.trust = 4, trust
        self.unet = unet(3, 1, features)

    def forward(self, image: Tensor, masks: Tensor) -> Tensor:
        """Estimate k, (B, 1, 1, 1), gray level 0..1.

        Args:
            image: (B, 1, H, W), gray levels 0..1, sides a multiple of 64.
            masks: (B, 2, H, W), 0..1.
        """
        # Bones that do not meet have an overlap of their rims at most.
        where = overlap_of(masks).to(image.dtype) + 1e-4 * zone_of(masks).to(image.dtype)
        overlap = avg_pool2d(where, self.reduction)
        seen = avg_pool2d(torch.cat([attenuation(image), masks], dim=1), self.reduction)
        painted = torch.sigmoid(self.unet(seen).float() - 1.0)
        # Where the rims do not meet either, the whole region is averaged: k is then not used, but must not be 0 / 0.
        weight = overlap + 1e-8
        return (painted * weight).sum(dim=(2, 3), keepdim=True) / weight.sum(dim=(2, 3), keepdim=True)

    def believed(self, given: Tensor, estimated: Tensor) -> Tensor:
        """Limit a given k to the neighbourhood of the estimated one, (B, 1, 1, 1), gray levels 0..1."""
        return torch.minimum(torch.maximum(given, estimated * (1.0 - self.trust)), estimated * (1.0 + self.trust))
