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

from scripts.dicom.joint import IN_TISSUE
from scripts.inference.facing_bones import are_facing_bones
from scripts.inference.polarity import DARK_BONES, bones_are_dark
from scripts.inference.regions import Region
from scripts.physics import (
    LOWER,
    UPPER,
    cut_out,
    grow,
    label_map,
    overlap_of,
    recompose,
    rim_px,
    split_levels,
    tissue_behind,
    zone_of,
)

SMALL_OVERLAP = 100
"""Overlap in px under which predicted masks are known to be unsure."""


@dataclass(frozen=True, kw_only=True)
class SeparatedRegion:
    """One region, split into its two layers.

    Attributes:
        region: what was split.
        masks: (2, H, W) bool, the given ones or, above 0.5, the predicted ones.
        layers: (2, H, W) int64, the lower and the upper layer in levels of the file.
        kind: of the layers, of :data:`scripts.dicom.joint.KINDS`.
        tissue: (H, W) int64, the soft tissue in levels: the estimated one behind the bones, the image around them.
        recomposed: (H, W) float64, the layers in their tissue put back together, in levels.
        soft_tissue: level of the soft tissue k, its mean in the overlap.
        white: level of total absorption W: (W - image)(W - t) = (W - upper)(W - lower) for layers in the tissue t, to
            which the level of black does not matter.
        record: metrics and warnings, of types that JSON knows.
    """

    region: Region
    masks: Tensor
    layers: Tensor
    kind: str
    tissue: Tensor
    recomposed: Tensor
    soft_tissue: float
    white: int
    record: dict[str, Any]

    @property
    def label(self) -> Tensor:
        """(H, W) uint8: 0 background, 1 lower bone only, 2 upper bone only, 3 overlap."""
        return label_map(self.masks[None])[0, 0]


def split_region(
    region: Region, pred: Tensor, *, angle: float = 0.0, kind: str = IN_TISSUE, as_answered: bool = False
) -> SeparatedRegion:
    """Split a region in the stored integers of its file and measure the result.

    Args:
        region: what was given to the network.
        pred: (6, H, W), the network's answer, see :meth:`scripts.networks.separator.Separator.forward`.
        angle: degrees, see :mod:`scripts.networks.view`, by which the network has seen the region turned.
        kind: of the layers, of :data:`scripts.dicom.joint.KINDS`.
        as_answered: take the network's own layers inside the masks, rounded, instead of sharing the image by its ratio:
            for a network whose layers are not made by the physics, and need not recompose the image.

    Source:
        Wang et al., BLS-GAN, AAAI 2025, section "Reconstructor" (recomposition).
    """
    pred, levels, top = pred.cpu(), region.levels.long(), 2**region.bits_stored - 1
    masks = pred[2:4] > 0.5 if region.masks is None else region.masks.bool()
    # Layers that are not made by the physics have no rim beyond their masks.
    reach = 0 if as_answered else rim_px(*levels.shape)
    white = _white(region, masks, reach)
    k = _mean_where_bones_meet(pred[5], masks, reach)
    tissue = (region.black + pred[5].double() * (region.white - region.black)).round()
    tissue = tissue.clamp(0, min(top, white - 1)).long()
    if as_answered:
        layers = _answered(region, pred, tissue, masks)
    else:
        layers = split_levels(levels, pred[4], tissue, masks, white, reach).clamp(max=top)
    tissue = tissue_behind(levels[None, None], tissue[None, None], masks[None], reach)[0, 0]
    recomposed = recompose((layers.double() / white)[None], tissue.double() / white)[0, 0] * white
    shown = layers if kind == IN_TISSUE else cut_out(layers[None], masks[None], reach)[0]
    soft_tissue = min(max(region.black + k * (region.white - region.black), 0.0), float(top), white - 1.0)
    record = {
        **_extent(region, masks, kind, angle),
        "soft_tissue_k": round(k, 6),
        "soft_tissue_level": round(soft_tissue, 3),
        "white_level": white,
        **_measure(levels, layers, masks, recomposed, reach),
        "warnings": _warnings(region, levels, masks, white, angle),
        "notes": list(region.notes),
    }
    return SeparatedRegion(
        region=region,
        masks=masks,
        layers=shown,
        kind=kind,
        tissue=tissue,
        recomposed=recomposed,
        soft_tissue=soft_tissue,
        white=white,
        record=record,
    )


def _extent(region: Region, masks: Tensor, kind: str, angle: float) -> dict[str, Any]:
    """Return what was split, and how large it and its bones are."""
    overlap = int(masks.all(dim=0).sum())
    return {
        "name": region.name,
        "source": region.file,
        "rows": region.levels.shape[0],
        "columns": region.levels.shape[1],
        "bits_stored": region.bits_stored,
        "layers": kind,
        "masks": "predicted" if region.masks is None else "given",
        "angle": round(angle, 6),
        "angle_from": "bones" if region.angle is None else "given",
        "overlap_px": overlap,
        **region.extent(overlap),
        **({"mm": region.mm} if region.mm else {}),
        "lower_bone_px": int(masks[LOWER].sum()),
        "upper_bone_px": int(masks[UPPER].sum()),
    }


def _answered(region: Region, pred: Tensor, tissue: Tensor, masks: Tensor) -> Tensor:
    """Return the network's own layers inside the masks, in levels, in the soft tissue around them."""
    gray = region.black + pred[:2].double() * (region.white - region.black)
    around = torch.where(masks.any(dim=0), tissue, region.levels.long())
    return torch.where(masks, gray.round().clamp(0, 2**region.bits_stored - 1).long(), around)


def _white(region: Region, masks: Tensor, reach: int) -> int:
    """Return the level of total absorption: what is brighter than white has no attenuation, so it is moved up."""
    zone = zone_of(masks[None], reach)[0, 0]
    return max(region.white, int(region.levels[zone].max())) if zone.any() else region.white


def _mean_where_bones_meet(values: Tensor, masks: Tensor, reach: int) -> float:
    """Return the mean in the overlap; without one where the rims meet; without that, of the region."""
    for where in (overlap_of(masks[None])[0, 0], zone_of(masks[None], reach)[0, 0]):
        if where.any():
            return float(values[where].double().mean())
    return float(values.double().mean())


def _measure(levels: Tensor, layers: Tensor, masks: Tensor, recomposed: Tensor, reach: int) -> dict[str, Any]:
    """Return how far layers in their tissue are from the image where they should be it, and recompose it."""
    grown = grow(masks[None], reach)[0]
    alone = grown & ~grown.all(dim=0)
    return {
        "largest_recomposition_error_levels": round(float((recomposed - levels).abs().max()), 6),
        "outside_zone_exact": bool((layers[alone] == levels.expand_as(layers)[alone]).all()),
    }


def _warnings(region: Region, levels: Tensor, masks: Tensor, white: int, angle: float) -> list[str]:
    """Return sentences on missing bones, small overlaps, and signs that the network was not trained for the image."""
    overlap, found = int(masks.all(dim=0).sum()), masks.flatten(1).any(dim=1)
    warnings = [
        f"no {bone} bone was found: its layer shows none"
        for channel, bone in ((LOWER, "lower"), (UPPER, "upper"))
        if not found[channel]
    ]
    if not overlap and not warnings:
        meet = zone_of(masks[None], rim_px(*levels.shape)).any()
        warnings.append(f"masks do not overlap: {'bones share their rims' if meet else 'bones share nothing'}")
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
    # By the gray levels, in which padding is black.
    if bones_are_dark(region.image[0], masks, region.middle, region.angle or 0.0):
        warnings.append(DARK_BONES)
    elif found.all() and region.masks is None and not are_facing_bones(region.image[0], masks, angle):
        warnings.append("the masks do not look like two bones that face each other: is there a joint?")
    return warnings
