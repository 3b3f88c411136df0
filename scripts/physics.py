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
from torch.nn.functional import pad

LOWER, UPPER = 0, 1
"""Channels of masks and layers: metacarpal side, phalanx side (as in the paper's code)."""

OPAQUE = 1.0 - 1e-5
"""Brightest gray level that is told from white: less than a level of 16 bits below 1, its attenuation finite."""

FIELD_MM = 23.0
"""Side of the region around a joint, mm.

The networks learned from such regions: metacarpal heads, 12 to 16 mm wide, span 149 to 183 of the release's 256 px,
which makes 21 to 23 mm of these 256 px.
"""

RIM = 6
"""Px of 256 across a region by which a bone's soft rim reaches beyond its mask, about 0.5 mm."""

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


def rim_px(rows: int, columns: int, rim: int = RIM) -> int:
    """Return ``rim``, px of 256 across a region, in px of a region of ``rows`` x ``columns``, 1 and more."""
    return max(1, (2 * rim * max(rows, columns) + 256) // 512)


def grow(masks: Tensor, reach: int) -> Tensor:
    """Grow masks by ``reach`` px, with a brush that is an octagon (a cross and a square in turn).

    Args:
        masks: (B, C, H, W), float 0..1 or bool; inside above 0.5.
        reach: px.

    Returns:
        (B, C, H, W) bool.
    """
    # Logical operations on bytes: max pooling of floats takes 20 times as long on a CPU.
    grown = masks > 0.5
    for step in range(reach):
        padded = pad(grown, [1, 1, 1, 1])
        middle = padded[:, :, 1:-1]
        across = middle[..., :-2] | middle[..., 2:] | grown
        if step % 2 == 0:
            grown = across | padded[:, :, :-2, 1:-1] | padded[:, :, 2:, 1:-1]
        else:
            tall = pad(across, [0, 0, 1, 1])
            grown = tall[:, :, :-2] | tall[:, :, 2:] | across
    return grown


def zone_of(masks: Tensor, reach: int = RIM) -> Tensor:
    """Return the zone in which two bones may share the attenuation: where both masks, grown by ``reach`` px, meet.

    Args:
        masks: (B, 2, H, W), float 0..1 or bool.
        reach: px by which a bone's soft rim reaches beyond its mask.

    Returns:
        (B, 1, H, W) bool.
    """
    return grow(masks, reach).all(dim=1, keepdim=True)


def split(image: Tensor, ratio: Tensor, soft_tissue: Tensor, masks: Tensor, reach: int = RIM) -> Tensor:
    """Share the bones' attenuation between two layers, each of them one bone in the soft tissue.

    ``b = attenuation(image) - attenuation(t)`` is what the bones add to the soft tissue t. In the zone
    (:func:`zone_of`) the upper bone takes ``ratio * b``, the lower bone the rest. Elsewhere a bone has all of it within
    its own grown mask, where its layer is the image, value for value, and nothing within the other's, where its layer
    is the soft tissue. Far from both bones both layers are the image.

    Args:
        image: (B, 1, H, W), gray levels 0..1.
        ratio: (B, 1, H, W), the upper bone's share, 0..1.
        soft_tissue: t, gray level 0..1 of the soft tissue, (B, 1, 1, 1) or (B, 1, H, W).
        masks: (B, 2, H, W), float 0..1 or bool.
        reach: px by which a bone's soft rim reaches beyond its mask.

    Returns:
        (B, 2, H, W), the lower and the upper layer. ``recompose(layers, t)`` is the image, whatever ``ratio`` and ``t``
        are; far from both bones t is the image (:func:`tissue_behind`).

    Source:
        Wang et al., BLS-GAN, AAAI 2025, section "Reconstructor", solved for the layers; the zone is ours.
    """
    grown = grow(masks, reach)
    soft = attenuation(soft_tissue)
    bone = attenuation(image) - soft
    upper = gray_level(soft + ratio * bone)
    lower = gray_level(soft + (1.0 - ratio) * bone)
    shared = torch.cat([lower, upper], dim=1)
    alone = torch.where(grown | ~grown.any(dim=1, keepdim=True), image, gray_level(soft).expand_as(image))
    return torch.where(grown.all(dim=1, keepdim=True), shared, alone)


def tissue_behind(image: Tensor, soft_tissue: Tensor, masks: Tensor, reach: int = RIM) -> Tensor:
    """Return the soft tissue (B, 1, H, W) of every pixel: the given one behind the bones, the image around them.

    Args:
        image: (B, 1, H, W), gray levels.
        soft_tissue: (B, 1, 1, 1) or (B, 1, H, W), gray levels.
        masks: (B, 2, H, W), float 0..1 or bool.
        reach: px by which a bone's soft rim reaches beyond its mask.
    """
    return torch.where(grow(masks, reach).any(dim=1, keepdim=True), soft_tissue, image)


def recompose(layers: Tensor, soft_tissue: Tensor, masks: Tensor | None = None) -> Tensor:
    """Put two layers in their soft tissue back into one radiograph, ``1 - (1 - U)(1 - L) / (1 - t)``.

    Args:
        layers: (B, 2, H, W), gray levels 0..1.
        soft_tissue: t, gray level 0..1, (B, 1, 1, 1) or (B, 1, H, W).
        masks: (B, 2, H, W), float 0..1 or bool, where the layers hold; elsewhere they are taken for the soft tissue.
            Everywhere if not given.

    Returns:
        (B, 1, H, W), gray levels.

    Source:
        Wang et al., BLS-GAN, AAAI 2025, section "Reconstructor".
    """
    soft = soft_tissue.clamp(0.0, OPAQUE)
    if masks is not None:
        layers = torch.where(masks > 0.5, layers, soft.expand_as(layers[:, :1]))
    return 1.0 - (1.0 - layers).prod(dim=1, keepdim=True) / (1.0 - soft)


def cut_out(layers: Tensor, masks: Tensor, reach: int = RIM) -> Tensor:
    """Cut each bone out of its layer, with its soft rim; zero elsewhere, as the paper shows layers.

    Args:
        layers: (B, 2, H, W), of any type.
        masks: (B, 2, H, W), float 0..1 or bool.
        reach: px by which a bone's soft rim reaches beyond its mask.
    """
    return layers * grow(masks, reach).to(layers.dtype)


def split_levels(
    levels: Tensor, ratio: Tensor, soft_tissue: Tensor, masks: Tensor, white: int, reach: int = RIM
) -> Tensor:
    """Split in the stored integers of a file, see :func:`split`, so that rounding cannot break the recomposition.

    In the zone the darker layer is rounded first; the other one is what the rounded one leaves of the image, so the two
    stored layers recompose the stored image to within one level, and neither is further than a level from its exact
    share.

    Args:
        levels: (H, W) integers 0..white, bright = more attenuation.
        ratio: (H, W), the upper bone's share, 0..1.
        soft_tissue: (H, W) integers, t in levels, read as one level below white where it is above that.
        masks: (2, H, W) bool.
        white: the brightest level of the file's bit depth, e.g. 255 or 65535.
        reach: px by which a bone's soft rim reaches beyond its mask.

    Returns:
        (2, H, W) int64, the lower and the upper layer in levels 0..white.
    """
    gray = (levels.double() / white)[None, None]
    soft = (soft_tissue.double() / white).clamp(0.0, 1.0 - 1.0 / white)[None, None]
    layers = split(gray, ratio.double()[None, None], soft, masks[None], reach)[0]
    soft = soft[0, 0]
    first = layers.amin(dim=0) * white
    # Where the image is darker than the soft tissue, a layer rounded up could ask the other one for less than black.
    first = torch.where(gray[0, 0] < soft, first.floor(), first.round())
    # Rounding the other layer costs half a level times (1 - first) / (1 - t): keep that under 2, and first under white.
    lowest = ((2.0 * soft - 1.0) * white).ceil().clamp(min=0)
    first = torch.maximum(first, lowest).clamp(max=white - 1)
    rest = 1.0 - (1.0 - gray[0, 0]) * (1.0 - soft) / (1.0 - first / white)
    other = (rest * white).round().clamp(0, white)
    upper_first = layers[UPPER] <= layers[LOWER]
    shared = torch.stack([torch.where(upper_first, other, first), torch.where(upper_first, first, other)])
    stored = torch.where(zone_of(masks[None], reach)[0], shared, (layers * white).round())
    return stored.long()


def label_map(masks: Tensor) -> Tensor:
    """Return the label map: 0 background, 1 lower bone only, 2 upper bone only, 3 overlap.

    Args:
        masks: (B, 2, H, W), float 0..1 or bool.

    Returns:
        (B, 1, H, W) uint8.
    """
    lower, upper = (masks > 0.5).to(torch.uint8).unbind(dim=1)
    return (lower + 2 * upper)[:, None]
