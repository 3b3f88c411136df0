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

"""Splitting a region in the stored integers of its own file, and measuring the result."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from scripts.inference.regions import Region
from scripts.physics import LOWER, UPPER, label_map, recompose, split_levels

SMALL_OVERLAP = 100
"""Overlap in px under which predicted masks are known to be unsure."""


@dataclass(frozen=True, kw_only=True)
class SeparatedRegion:
    """One region, split into its two layers.

    Attributes:
        region: what was split.
        masks: (2, H, W) bool, the given ones or, above 0.5, the predicted ones.
        layers: (2, H, W) int64, the lower and the upper layer in levels of the file.
        recomposed: (H, W) float64, the layers put back together, in levels, zero outside both bones.
        soft_tissue: level of the soft tissue k.
        white: level of total absorption W: in the overlap (W - image)(W - k) = (W - upper)(W - lower), to which the
            level of black does not matter.
        angle: degrees by which the joint's axis leans to the right, as the networks saw it.
        record: metrics and warnings, of types that JSON knows.
    """

    region: Region
    masks: Tensor
    layers: Tensor
    recomposed: Tensor
    soft_tissue: float
    white: int
    angle: float
    record: dict[str, Any]

    @property
    def label(self) -> Tensor:
        """(H, W) uint8: 0 background, 1 lower bone only, 2 upper bone only, 3 overlap."""
        return label_map(self.masks[None])[0, 0]


def split_region(region: Region, pred: Tensor, *, angle: float = 0.0, as_answered: bool = False) -> SeparatedRegion:
    """Split a region in the stored integers of its file and measure the result.

    Args:
        region: what was given to the network.
        pred: (6, H, W), the network's answer, see :meth:`scripts.networks.separator.Separator.forward`.
        angle: degrees, see :mod:`scripts.networks.view`, by which the network has seen the region turned.
        as_answered: take the network's own layers, rounded, instead of sharing the image by its ratio: for a network
            whose layers are not made by the physics, and need not recompose the image.

    Source:
        Wang et al., BLS-GAN, AAAI 2025, section "Reconstructor" (recomposition).
    """
    pred, levels, white = pred.cpu(), region.levels.long(), region.white
    top = 2**region.bits_stored - 1
    masks = pred[2:4] > 0.5 if region.masks is None else region.masks.bool()
    k = float(pred[5, 0, 0])
    soft_tissue = region.black + k * (white - region.black)
    if as_answered:
        gray = region.black + pred[:2].double() * (white - region.black)
        layers = gray.round().clamp(0, top).long() * masks
    else:
        # What is brighter than white has no attenuation: white is moved up to the brightest pixel of the overlap.
        white = max(white, int(levels[masks.all(dim=0)].max())) if masks.all(dim=0).any() else white
        soft_tissue = min(max(soft_tissue, 0.0), float(top), white - 1.0)
        layers = split_levels(levels, pred[4], soft_tissue / white, masks, white).clamp(max=top)
    soft = torch.tensor(soft_tissue / white, dtype=torch.float64)
    recomposed = recompose((layers.double() / white)[None], soft, masks[None])[0, 0] * white
    overlap = int(masks.all(dim=0).sum())
    record = {
        "name": region.name,
        "source": region.file,
        "rows": levels.shape[0],
        "columns": levels.shape[1],
        "bits_stored": region.bits_stored,
        "masks": "predicted" if region.masks is None else "given",
        "angle": round(angle, 1),
        "angle_from": "bones" if region.angle is None else "given",
        "overlap_px": overlap,
        **region.extent(overlap),
        "lower_bone_px": int(masks[LOWER].sum()),
        "upper_bone_px": int(masks[UPPER].sum()),
        "soft_tissue_k": round(k, 6),
        "soft_tissue_level": round(soft_tissue, 3),
        "white_level": white,
        **_measure(levels, layers, masks, recomposed),
        "warnings": _warnings(region, levels, masks, white, angle),
        "notes": list(region.notes),
    }
    return SeparatedRegion(
        region=region,
        masks=masks,
        layers=layers,
        recomposed=recomposed,
        soft_tissue=soft_tissue,
        white=white,
        angle=angle,
        record=record,
    )


def _measure(levels: Tensor, layers: Tensor, masks: Tensor, recomposed: Tensor) -> dict[str, Any]:
    """Return how far the layers are from the image, where they should be equal to it or recompose it."""
    alone = masks & ~masks.all(dim=0)
    error = (recomposed - levels).abs()[masks.any(dim=0)]
    return {
        "largest_recomposition_error_levels": round(float(error.max()) if error.numel() else 0.0, 6),
        "outside_overlap_exact": bool((layers[alone] == levels.expand_as(layers)[alone]).all())
        and not bool(layers[~masks].any()),
    }


def _warnings(region: Region, levels: Tensor, masks: Tensor, white: int, angle: float) -> list[str]:
    """Return sentences on missing bones, small overlaps, and signs that the network was not trained for the image."""
    overlap, found = int(masks.all(dim=0).sum()), masks.flatten(1).any(dim=1)
    warnings = [
        f"no {bone} bone was found: its layer is empty"
        for channel, bone in ((LOWER, "lower"), (UPPER, "upper"))
        if not found[channel]
    ]
    if not overlap and not warnings:
        warnings.append("masks do not overlap: layers are plain copies")
    if 0 < overlap < SMALL_OVERLAP and region.masks is None:
        warnings.append(f"overlap under {SMALL_OVERLAP} px: predicted masks are unsure there")
    if white > region.white:
        warnings.append("the overlap is brighter than the window's white: its brightest pixel was taken as white")
    if found.all():
        lower, upper = (masks[bone].nonzero().double().mean(dim=0) for bone in (LOWER, UPPER))
        turn = math.radians(angle)
        along = torch.tensor([-math.cos(turn), math.sin(turn)], dtype=torch.float64)
        if (upper - lower) @ along <= 0:
            warnings.append("the upper bone is not above the lower one: is the image upside down?")
    bones, gray = masks.any(dim=0), levels.double()
    if bones.any() and not bones.all() and gray[bones].mean() <= gray[~bones].mean():
        warnings.append("the bones are not brighter than what surrounds them: is the image inverted?")
    return warnings
