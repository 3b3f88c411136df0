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

"""The generator: each bone's share of the attenuation where the bones meet."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from scripts.networks.overlap_window import crop, origin, paste, span
from scripts.networks.soft_tissue_estimator import SoftTissueEstimator
from scripts.networks.soft_tissue_field import soft_tissue_field
from scripts.networks.unet import unet
from scripts.physics import attenuation, split, zone_of


class Generator(nn.Module):
    """Network from the image, the masks and the soft tissue to the upper bone's share r of the bones' attenuation.

    :func:`scripts.physics.split` computes the layers from r, so that no answer of this network can break the
    recomposition. To save time it looks at ``rows`` rows around the zone only (the largest of the release spans 104),
    and at all rows where the zone spans more.

    Args:
        features: channels of :func:`scripts.networks.unet.unet`, five depths and the last layer.
        rows: height of the band around the zone, px, a multiple of 16.
        reconstructor: arguments of :class:`~scripts.networks.soft_tissue_estimator.SoftTissueEstimator`.

    Example:
        >>> ratio, soft_tissue = Generator()(torch.rand(1, 1, 256, 256), torch.ones(1, 2, 256, 256))
    """

    def __init__(
        self,
        *,
        features: Sequence[int] = (32, 32, 64, 128, 256, 32),
        rows: int = 128,
        reconstructor: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.rows = rows
        # The name stands in the weights, and is the paper's.
        self.reconstructor = SoftTissueEstimator(**(reconstructor or {}))
        self.unet = unet(4, 1, features)

    def ratio(self, image: Tensor, masks: Tensor, soft_tissue: Tensor) -> Tensor:
        """Predict the upper bone's share of the bones' attenuation, (B, 1, H, W), 0..1; meaningful in the zone only.

        Args:
            image: (B, 1, H, W), gray levels 0..1, sides a multiple of 16.
            masks: (B, 2, H, W), 0..1.
            soft_tissue: (B, 1, 1, 1) or (B, 1, H, W), gray level 0..1.
        """
        return self.answer(image, masks, soft_tissue)

    def layers(self, image: Tensor, masks: Tensor, soft_tissue: Tensor) -> Tensor:
        """Predict the layers (B, 2, H, W); arguments as for :meth:`ratio`."""
        return split(image, self.ratio(image, masks, soft_tissue), soft_tissue, masks)

    def answer(self, image: Tensor, masks: Tensor, soft_tissue: Tensor) -> Tensor:
        """Run the U-Net; its answer is in 0..1."""
        soft = attenuation(soft_tissue)
        bone = attenuation(image) - soft
        seen = torch.cat([bone, masks, soft.expand_as(image)], dim=1)
        # Half precision has too few digits for a share.
        return torch.sigmoid(self.unet(seen.contiguous(memory_format=torch.channels_last)).float())

    def forward(self, image: Tensor, masks: Tensor, soft_tissue: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Predict the ratio, 0.5 far from the zone, and the soft tissue, a gray level 0..1, (B, 1, H, W) each.

        Args:
            image: (B, 1, H, W), gray levels 0..1, sides a multiple of 64.
            masks: (B, 2, H, W), 0..1.
            soft_tissue: k, (B, 1, 1, 1), gray level 0..1, where it is known, kept near the estimated one
                (:meth:`~scripts.networks.soft_tissue_estimator.SoftTissueEstimator.believed`); estimated where not.
        """
        k = self.reconstructor(image, masks)
        if soft_tissue is not None:
            k = self.reconstructor.believed(soft_tissue, k)
        tissue = soft_tissue_field(image, masks, k)
        height, width = image.shape[2], image.shape[3]
        zone = zone_of(masks)
        if height <= self.rows or self.too_tall(zone):
            return self.ratio(image, masks, tissue), tissue
        top, left = origin(zone, self.rows, width)
        seen, given, soft = (crop(x, top, left, self.rows, width) for x in (image, masks, tissue))
        return paste(self.ratio(seen, given, soft), top, left, torch.full_like(image, 0.5)), tissue

    def too_tall(self, zone: Tensor) -> bool:
        """Return whether a zone spans too many rows for the band; an exported graph always takes the band."""
        if not torch.jit.is_scripting():  # noqa: SIM102, TorchScript follows no other form
            if torch.compiler.is_compiling() or torch.jit.is_tracing():
                return False
        top, bottom = span(zone, 2)
        return int((bottom - top).max()) > self.rows - 8
