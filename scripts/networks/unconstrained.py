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

"""Networks without the constraint of the physics: two layers painted freely, as in the paper, for comparison."""

from typing import Any

import torch
from torch import Tensor

from scripts.networks.generator import Generator
from scripts.networks.separator import Separator
from scripts.networks.soft_tissue_field import soft_tissue_field
from scripts.networks.unet import unet
from scripts.physics import split, zone_of


class FreeGenerator(Generator):
    """Generator that paints both layers where the bones meet; they need not recompose the image.

    Args:
        options: of :class:`~scripts.networks.generator.Generator`.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.unet = unet(4, 2, options.get("features", (32, 32, 64, 128, 256, 32)))

    def layers(self, image: Tensor, masks: Tensor, soft_tissue: Tensor) -> Tensor:
        """Paint the layers (B, 2, H, W), gray levels 0..1; outside the zone they are those of the physics."""
        painted = self.answer(image, masks, soft_tissue)
        return torch.where(zone_of(masks), painted, split(image, torch.zeros_like(image), soft_tissue, masks))


class FreeSeparator(Separator):
    """Separator with painted layers, for images of its grid's own size only.

    Args:
        options: of :class:`~scripts.networks.separator.Separator`.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.generator = FreeGenerator(**options.get("generator", {}))

    def forward(
        self,
        image: Tensor,
        masks: Tensor | None = None,
        soft_tissue: Tensor | None = None,
        angle: Tensor | None = None,
    ) -> Tensor:
        """Separate as :meth:`scripts.networks.separator.Separator.forward`; there is no ratio, its channel is 0.5.

        Only the segmenter sees a joint that leans upright; the layers are painted as it lies.
        """
        inside = self.propose(image, angle) if masks is None else masks.to(image.dtype)
        given = (inside > 0.5).to(image.dtype)
        k = self.generator.reconstructor(image, given)
        if soft_tissue is not None:
            k = self.generator.reconstructor.believed(soft_tissue.to(image.dtype).reshape(-1, 1, 1, 1), k)
        tissue = soft_tissue_field(image, given, k)
        layers = self.generator.layers(image, given, tissue)
        return torch.cat([layers, inside, torch.full_like(image, 0.5), tissue], dim=1)
