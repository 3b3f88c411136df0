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

"""The physics of two bones in one ray: gray level and attenuation, composing layers, splitting an image."""

import torch
from torch import Tensor

LOWER, UPPER = 0, 1
"""Channels of masks and layers: metacarpal side, phalanx side (as in the paper's code)."""

OPAQUE = 1.0 - 1e-5
"""Brightest gray level that is told from white: less than a level of 16 bits below 1, its attenuation finite."""

FIELD_MM = 23.0
"""Side of the region around a joint, mm.

The networks learned from such regions: metacarpal heads, 12 to 16 mm wide, span 149 to 183 of the release's 256 px,
which makes 21 to 23 mm of these 256 px.
"""

SMALLEST_SIDE, LARGEST_SIDE = 64, 1024
"""Sides of a region of one joint, px."""

FOUND_OVERLAP = 20
"""Overlap, px, from which on a joint counts as overlapping (as in the release's lists)."""


def attenuation(gray: Tensor, opaque: float = OPAQUE) -> Tensor:
    """Return the attenuation ``-log(1 - gray)`` of a gray level.

    Args:
        gray: any shape, gray levels 0..1, bright = more attenuation.
        opaque: brighter gray levels are read as this one, so that the attenuation stays finite.

    Returns:
        The attenuation, 0..11.5, without unit (the detector's gray scale is not calibrated).
    """
    return -torch.log1p(-gray.clamp(0.0, opaque))


def gray_level(attenuation: Tensor) -> Tensor:
    """Return the gray level ``1 - exp(-attenuation)``, the inverse of :func:`attenuation`."""
    return -torch.expm1(-attenuation)


def overlap_of(masks: Tensor) -> Tensor:
    """Return the pixels inside both bones.

    Args:
        masks: (B, 2, H, W), float 0..1 or bool; a pixel is inside a bone above 0.5.

    Returns:
        (B, 1, H, W) bool.
    """
    return (masks > 0.5).all(dim=1, keepdim=True)


def split(image: Tensor, ratio: Tensor, soft_tissue: Tensor, masks: Tensor) -> Tensor:
    """Share the bone attenuation of the overlap between the two bones.

    In the overlap ``b = attenuation(image) - attenuation(k)`` is what both bones add to the soft tissue k; the upper
    bone takes ``ratio * b``, the lower bone the rest, and each layer keeps the soft tissue. Outside the overlap a layer
    is the image inside its mask, bit for bit, and zero elsewhere.

    Args:
        image: (B, 1, H, W), gray levels 0..1.
        ratio: (B, 1, H, W), the upper bone's share, 0..1.
        soft_tissue: k, gray level 0..1 of the soft tissue in the overlap, (B, 1, 1, 1) or (B, 1, H, W).
        masks: (B, 2, H, W), float 0..1 or bool.

    Returns:
        (B, 2, H, W), the lower and the upper layer. ``recompose(split(image, r, k, m), k, m)`` is the image in the
        overlap, whatever ``ratio`` and ``soft_tissue`` are.

    Source:
        Wang et al., BLS-GAN, AAAI 2025, section "Reconstructor", solved for the layers.
    """
    inside = masks > 0.5
    both = overlap_of(masks)
    soft = attenuation(soft_tissue)
    bone = attenuation(image) - soft
    upper = gray_level(soft + ratio * bone)
    lower = gray_level(soft + (1.0 - ratio) * bone)
    shared = torch.cat([lower, upper], dim=1)
    return torch.where(both, shared, image) * inside.to(image.dtype)


def recompose(layers: Tensor, soft_tissue: Tensor, masks: Tensor) -> Tensor:
    """Put two layers back into one radiograph, zero outside both bones.

    ``1 - (1 - U)(1 - L) / (1 - k)`` in the overlap; elsewhere the layer that is there.

    Args:
        layers: (B, 2, H, W), gray levels 0..1; values outside ``masks`` are not looked at.
        soft_tissue: k, gray level 0..1, (B, 1, 1, 1) or (B, 1, H, W).
        masks: (B, 2, H, W), float 0..1 or bool.

    Returns:
        (B, 1, H, W), gray levels.

    Source:
        Wang et al., BLS-GAN, AAAI 2025, section "Reconstructor".
    """
    inside = layers * (masks > 0.5).to(layers.dtype)
    through = (1.0 - inside).prod(dim=1, keepdim=True)
    soft = soft_tissue.clamp(0.0, OPAQUE) * overlap_of(masks).to(layers.dtype)
    return 1.0 - through / (1.0 - soft)


def split_levels(levels: Tensor, ratio: Tensor, soft_tissue: float, masks: Tensor, white: int) -> Tensor:
    """Split in the stored integers of a file, see :func:`split`, so that rounding cannot break the recomposition.

    The darker layer is rounded first; the other one is what the rounded one leaves of the image, so the two stored
    layers recompose the stored image to within one level, and neither is further than a level from its exact share.

    Args:
        levels: (H, W) integers 0..white, bright = more attenuation.
        ratio: (H, W), the upper bone's share, 0..1.
        soft_tissue: k, gray level 0..1, read as one level below white where it is above that.
        masks: (2, H, W) bool.
        white: the brightest level of the file's bit depth, e.g. 255 or 65535.

    Returns:
        (2, H, W) int64, the lower and the upper layer in levels 0..white.
    """
    gray = (levels.double() / white)[None, None]
    soft = torch.tensor(soft_tissue, dtype=torch.float64).clamp(0.0, 1.0 - 1.0 / white)
    layers = split(gray, ratio.double()[None, None], soft, masks[None])[0]
    first = layers.amin(dim=0) * white
    # Where the image is darker than the soft tissue, a layer rounded up could ask the other one for less than black.
    first = torch.where(gray[0, 0] < soft, first.floor(), first.round())
    # Rounding the other layer costs half a level times (1 - first) / (1 - k): keep that under 2, and first under white.
    first = first.clamp(float(((2.0 * soft - 1.0) * white).ceil().clamp(min=0)), white - 1)
    rest = 1.0 - (1.0 - gray[0, 0]) * (1.0 - soft) / (1.0 - first / white)
    other = (rest * white).round().clamp(0, white)
    upper_first = layers[UPPER] <= layers[LOWER]
    lower = torch.where(masks.all(dim=0), torch.where(upper_first, other, first), levels * masks[LOWER])
    upper = torch.where(masks.all(dim=0), torch.where(upper_first, first, other), levels * masks[UPPER])
    return torch.stack([lower, upper]).long()


def label_map(masks: Tensor) -> Tensor:
    """Return the label map: 0 background, 1 lower bone only, 2 upper bone only, 3 overlap.

    Args:
        masks: (B, 2, H, W), float 0..1 or bool.

    Returns:
        (B, 1, H, W) uint8.
    """
    lower, upper = (masks > 0.5).to(torch.uint8).unbind(dim=1)
    return (lower + 2 * upper)[:, None]
