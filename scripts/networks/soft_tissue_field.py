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

"""The soft tissue behind the bones: what lies around them, filled in under them."""

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, pad

from scripts.physics import RIM, attenuation, gray_level, grow, overlap_of


def spread(values: Tensor, known: Tensor, otherwise: Tensor, sweeps: int = 4) -> Tensor:
    """Fill in a smooth field where it is not known: Laplace's equation, without flux through the picture's edge.

    From coarse to fine, by a few relaxations on each of seven grids.

    Args:
        values: (B, C, H, W), sides multiples of 64.
        known: (B, C, H, W) bool, where ``values`` hold.
        otherwise: (B, C, 1, 1), the field where nothing is known.
        sweeps: relaxations on a grid.

    Returns:
        (B, C, H, W).
    """
    weight = known.to(values.dtype)
    grids = [(values * weight, weight)]
    for _ in range(6):
        grids.append((avg_pool2d(grids[-1][0], 2), avg_pool2d(grids[-1][1], 2)))
    amount, weight = grids[6]
    total = weight.sum(dim=(2, 3), keepdim=True)
    mean = amount.sum(dim=(2, 3), keepdim=True) / total.clamp(min=1e-9)
    field = torch.where(total > 0, mean, otherwise).expand_as(amount)
    for level in range(6, -1, -1):
        amount, weight = grids[level]
        if field.shape[2] != amount.shape[2]:
            field = interpolate(field, (amount.shape[2], amount.shape[3]), mode="bilinear")
        given, measured = weight > 0, amount / weight.clamp(min=1e-9)
        field = torch.where(given, measured, field)
        for _ in range(sweeps):
            p = pad(field, [1, 1, 1, 1], mode="replicate")
            around = p[:, :, :-2, 1:-1] + p[:, :, 2:, 1:-1] + p[:, :, 1:-1, :-2] + p[:, :, 1:-1, 2:]
            field = torch.where(given, measured, 0.25 * around)
    return field


def soft_tissue_field(
    image: Tensor, masks: Tensor, soft_tissue: Tensor, reach: int = RIM, brightest: float = 1.5
) -> Tensor:
    """Estimate the soft tissue behind the bones, gray level 0..1, (B, 1, H, W).

    The tissue around the bones is filled in under them. A second field, 1 in the overlap and 0 around the bones,
    scales it so that its mean in the overlap is ``soft_tissue``.

    Args:
        image: (B, 1, H, W), gray levels 0..1, sides multiples of 64.
        masks: (B, 2, H, W), 0..1.
        soft_tissue: k, (B, 1, 1, 1), gray level 0..1 of the soft tissue in the overlap.
        reach: px by which a bone's soft rim reaches beyond its mask.
        brightest: attenuation, as a multiple of k's, above which a pixel beside the bones is taken for a bone.
    """
    grown = grow(masks, reach)
    around, seen, k = ~grown.any(dim=1, keepdim=True), attenuation(image), attenuation(soft_tissue)
    overlap = overlap_of(masks)
    # Bones that do not meet have an overlap of their rims at most.
    overlap = overlap | (grown.all(dim=1, keepdim=True) & ~overlap.flatten(1).any(dim=1)[:, None, None, None])
    known = around & (seen < brightest * k)
    within = overlap.to(image.dtype)
    fields = spread(
        torch.cat([seen, within], dim=1),
        torch.cat([known, overlap | around], dim=1),
        torch.cat([k, torch.zeros_like(k)], dim=1),
    )
    tissue, scale = fields[:, :1], fields[:, 1:]
    area = within.sum(dim=(2, 3), keepdim=True)
    missing = (k - (tissue * within).sum(dim=(2, 3), keepdim=True) / area.clamp(min=1.0)) * (area > 0).to(image.dtype)
    tissue = tissue + missing * scale
    return torch.where(around, image, gray_level(tissue.clamp(min=0.0)))
