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

"""Pairing: a lower and an upper bone of a batch, brought together until they overlap."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from scripts.physics import LOWER, UPPER
from scripts.training.random_draws import Range, happens, uniform
from scripts.training.warp import rows_apart, warp, warp_matrix


class Pair(NamedTuple):
    """Two bones of each image of a batch; channels are LOWER and UPPER."""

    within: Tensor
    """(B, 2, H, W), signed distances to both outlines, px."""
    tissue: Tensor
    """(B, 1, H, W), the soft tissue around the bones, gray levels 0..1."""
    gray: Tensor
    """(B, 2, H, W), the image that each bone comes from, gray levels 0..1."""
    under: Tensor
    """(B, 2, H, W), the soft tissue of the joint that each bone comes from, gray levels 0..1."""
    foreign: Tensor
    """(B, 2, 1, 1) bool, whether each bone comes from another joint than the soft tissue."""
    gain: Tensor
    """(B, 2, 1, 1), factor on each bone's attenuation."""


@dataclass(frozen=True, kw_only=True)
class Pairing:
    """Bones turned, enlarged and moved into each other.

    Args:
        depth: how deep the bones reach into each other, px; small depths are drawn more often.
        shift: if given, move the upper bone down and the lower bone up by so many whole px each (the paper: 2..8),
            and ignore ``depth``.
        crossed: share of joints whose upper bone comes from another joint of the batch.
        angle: degrees by which both bones turn together, at most; crossed bones turn half as much by themselves.
        zoom: enlargement of both bones.
        slide: px to the side by which the upper bone leaves the lower one, at most.
        dilation: px by which the drawn masks grow before the bones are cut out along them.
        gain: factor on each bone's attenuation.
    """

    depth: Range = (2.0, 26.0)
    shift: Range | None = None
    crossed: float = 0.5
    angle: float = 9.0
    zoom: Range = (0.85, 1.2)
    slide: float = 6.0
    dilation: Range = (0.0, 1.5)
    gain: Range = (0.85, 1.2)

    def __call__(self, joints: Mapping[str, Tensor], whole: Tensor) -> Pair:
        """Bring a lower and an upper bone together.

        Args:
            joints: ``image``, ``background`` and ``distance``, see
                :class:`~scripts.training.overlap_synthesis.OverlapSynthesis`.
            whole: (B, 1, 1, 1) bool, images whose bones are not cut out: their masks do not grow.
        """
        image, background, distance = joints["image"], joints["background"], joints["distance"]
        batch, _, height, width = image.shape
        itself = torch.arange(batch, device=image.device)
        crosses = happens(image, self.crossed)
        other = torch.where(crosses.flatten(), itself.roll(1), itself)
        angle, zoom = uniform(image, (-self.angle, self.angle)), uniform(image, self.zoom)
        turned = angle + crosses * uniform(image, (-0.5 * self.angle, 0.5 * self.angle))
        slide = uniform(image, (-self.slide, self.slide))
        still = torch.zeros_like(slide)
        dilation = torch.where(happens(image, 0.5), 1.0, uniform(image, self.dilation)).clamp(*self.dilation)
        # Masks of real overlaps are as drawn: halfway up a bone's soft edge.
        dilation = torch.where(whole, 0.0, dilation)
        lower_distance, upper_distance = distance[:, LOWER, None], distance[other][:, UPPER, None]

        # Every second column is enough to tell how far apart the bones are.
        half = (height, width // 2)
        apart = [
            warp(x, warp_matrix(a, zoom, right, still, height, width), *half) * zoom + dilation
            for x, a, right in ((lower_distance, angle, still), (upper_distance, turned, slide))
        ]
        down, up = self.moves(torch.cat(apart, dim=1))

        lower = torch.cat([image, background, lower_distance], dim=1)
        upper = torch.cat([image[other], background[other], upper_distance], dim=1)
        lower = warp(lower, warp_matrix(angle, zoom, still, -up, height, width), height, width)
        upper = warp(upper, warp_matrix(turned, zoom, slide, down, height, width), height, width)
        gray, under, within = torch.stack([lower, upper], dim=2).unbind(dim=1)
        return Pair(
            within=within * zoom + dilation,
            tissue=warp(background, warp_matrix(angle, zoom, still, still, height, width), height, width),
            gray=gray,
            under=under,
            foreign=torch.cat([torch.zeros_like(crosses), crosses], dim=1),
            gain=torch.cat([uniform(image, self.gain), uniform(image, self.gain)], dim=1),
        )

    def moves(self, within: Tensor) -> tuple[Tensor, Tensor]:
        """Draw how far the upper bone moves down and the lower bone up, px, (B, 1, 1, 1) each.

        Args:
            within: (B, 2, H, W), above 0 inside the bones before they move.
        """
        if self.shift is not None:
            low, high = self.shift
            return uniform(within, (low, high + 1)).floor(), uniform(within, (low, high + 1)).floor()
        depth = self.depth[0] + (self.depth[1] - self.depth[0]) * uniform(within, (0.0, 1.0)) ** 1.5
        approach = rows_apart(within) - 1.0 + depth
        down = approach * uniform(within, (0.3, 0.7))
        return down, approach - down
