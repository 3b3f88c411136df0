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

"""Separator with the paper's generator and reconstructor instead of ours; its answer has the same form."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from scripts.networks.separator import Separator
from scripts.physics import UPPER, attenuation, overlap_of
from scripts.reference.networks import TransUNetGenerator, VGGReconstructor
from scripts.reference.transunet import AttentionScale


def implied_ratio(layers: Tensor, soft_tissue: Tensor, masks: Tensor) -> Tensor:
    """Return the upper bone's share of the bone attenuation of two layers together, (B, 1, H, W), 0..1.

    A layer that is darker than the soft tissue absorbs nothing; 0.5 where both are, and outside the overlap.

    Args:
        layers: (B, 2, H, W), gray levels 0..1.
        soft_tissue: k, gray level 0..1, (B, 1, 1, 1).
        masks: (B, 2, H, W), bool or 0..1.
    """
    bone = (attenuation(layers) - attenuation(soft_tissue)).clamp(min=0.0)
    both = bone.sum(dim=1, keepdim=True)
    defined = overlap_of(masks) & (both > 0)
    return torch.where(defined, bone[:, UPPER, None] / both.where(defined, torch.ones_like(both)), 0.5)


class ReferenceSeparator(Separator):
    """Separator of our segmenter, the paper's generator and reconstructor: image in, one tensor out.

    The paper's networks work on squares of 256 px: the region's long side is brought to that, the rest is filled up,
    and the layers are brought back to the image's own grid. They are gray levels of the generator's own, outside the
    overlap too: they are not the image there, and they do not recompose it exactly. The ratio that they imply does.

    Args:
        grid: side of the square, px, a multiple of 64; the authors' weights need 256.
        segmenter: arguments of :class:`~scripts.networks.segmenter.Segmenter`.
        attention_scale: of :class:`~scripts.reference.networks.TransUNetGenerator`; the authors' weights were trained
            with ``"multiplied"``.
        bones_only: blacken the image around the bones before the networks look at it: the paper's synthetic images are
            black there, real ones are not, so networks that met nothing but synthetic images ask for it.

    Source:
        Wang et al., BLS-GAN, AAAI 2025. The paper has no segmenter: masks are given.
    """

    generator: nn.Module  # type: ignore[assignment]  # another network, under the same name

    def __init__(
        self,
        *,
        grid: int = 256,
        segmenter: Mapping[str, Any] | None = None,
        attention_scale: AttentionScale = "multiplied",
        bones_only: bool = False,
    ) -> None:
        super().__init__(grid=grid, segmenter=segmenter)
        self.finder = None  # type: ignore[assignment]  # joints are given, as in the paper
        self.bones_only = bones_only
        self.generator = TransUNetGenerator(side=grid, attention_scale=attention_scale)
        self.reconstructor = VGGReconstructor(side=grid)

    def to_square(self, x: Tensor, angle: Tensor | None) -> Tensor:
        """Resample as :meth:`to_view` does, then repeat the border up to the square that the paper's networks know."""
        x = self.to_view(x, angle)
        return pad(x, [0, self.grid - x.shape[3], 0, self.grid - x.shape[2]], mode="replicate")

    def forward(
        self,
        image: Tensor,
        masks: Tensor | None = None,
        soft_tissue: Tensor | None = None,
        angle: Tensor | None = None,
    ) -> Tensor:
        """Separate the bones of a batch of joint regions.

        Args:
            image: (B, 1, H, W), gray levels 0..1, bright = more attenuation, sides of 64 px and more.
            masks: (B, 2, H, W) of bool or float, lower and upper bone, where they are known; predicted where not.
            soft_tissue: k, (B,), gray level 0..1, where it is known; estimated where not. The layers do not depend on
                it.
            angle: (B,), degrees by which the joint's axis leans to the right, see :mod:`scripts.networks.view`.

        Returns:
            (B, 6, H, W), as :meth:`scripts.networks.separator.Separator.forward`; the ratio is the one that the layers
            imply (:func:`implied_ratio`).
        """
        rows, columns = image.shape[2:]
        inside = self.propose(image, angle) if masks is None else masks.to(image.dtype)
        given = (self.to_square((inside > 0.5).to(image.dtype), angle) > 0.5).to(image.dtype)
        seen = self.to_square(image, angle)
        if self.bones_only:
            seen = seen * given.amax(dim=1, keepdim=True)
        predicted = self.generator(seen, given)
        if soft_tissue is None:
            _, k = self.reconstructor(seen, predicted, given)
        else:
            k = soft_tissue.to(image.dtype)
        k = k.reshape(-1, 1, 1, 1)
        layers = torch.where(inside > 0.5, self.from_view(predicted, rows, columns, angle), k)
        ratio = implied_ratio(layers, k, inside)
        return torch.cat([layers, inside, ratio, k.expand_as(ratio)], dim=1)
