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

"""Results out: split a region in the integers of its own file, measure, and write all of it or nothing."""

import logging
from collections.abc import Mapping
from typing import Any

import torch
from monai.transforms import Transform

from scripts.physics import LOWER, UPPER, label_map, recompose, split_levels

logger = logging.getLogger(__name__)

SMALL_OVERLAP = 100
"""Overlap in px under which predicted masks are known to be unsure."""


class SplitRegiond(Transform):
    """Split a region in the stored integers of its file and measure what was made.

    Reads ``pred`` (6, H, W), the separator's answer, and what :class:`scripts.inference.dataset.LoadRegiond` put beside
    it; adds

    - ``masks``: (2, H, W) bool, the given ones or, above 0.5, the predicted ones
    - ``layers``: (2, H, W) int64, the lower and the upper layer in levels of the file
    - ``label``: (H, W) uint8, 0 background, 1 lower only, 2 upper only, 3 overlap
    - ``recomposed``: (H, W) float64, the layers put back together, in levels, zero outside both bones
    - ``soft_tissue``, ``white_taken``: levels of k and of total absorption W; in the overlap (W - image)(W - k) =
      (W - upper)(W - lower), to which the level of black does not matter
    - ``figures``: numbers and warnings, of types that JSON knows

    Args:
        as_answered: take the network's own layers, rounded, instead of sharing the image by its ratio: for a network
            whose layers are not made by the physics, and need not recompose the image.

    Source:
        Wang et al., BLS-GAN, AAAI 2025, section "Reconstructor" (recomposition).
    """

    def __init__(self, *, as_answered: bool = False) -> None:
        self.as_answered = as_answered

    def __call__(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Split one region."""
        region = dict(data)
        pred, levels = region["pred"].cpu(), region["levels"][0].long()
        top, black, white = 2 ** region["bits_stored"] - 1, float(region["black"]), int(region["white"])
        given = "masks" in region
        masks = region["masks"].bool() if given else pred[2:4] > 0.5
        k = float(pred[5, 0, 0])
        soft_tissue = black + k * (white - black)
        if self.as_answered:
            layers = (black + pred[:2].double() * (white - black)).round().clamp(0, top).long() * masks
        else:
            # What is brighter than white has no attenuation: white is moved up to the brightest pixel of the overlap.
            white = max(white, int(levels[masks.all(dim=0)].max())) if masks.all(dim=0).any() else white
            soft_tissue = min(max(soft_tissue, 0.0), float(top), white - 1.0)
            layers = split_levels(levels, pred[4], soft_tissue / white, masks, white).clamp(max=top)
        gray = (layers.double() / white)[None]
        soft = torch.tensor(soft_tissue / white, dtype=torch.float64)
        recomposed = recompose(gray, soft, masks[None])[0, 0] * white
        region |= {
            "masks": masks,
            "layers": layers,
            "label": label_map(masks[None])[0, 0],
            "recomposed": recomposed,
            "soft_tissue": soft_tissue,
            "white_taken": white,
        }
        region["figures"] = _figures(region, given, k)
        return region


def _figures(region: Mapping[str, Any], given: bool, k: float) -> dict[str, Any]:
    levels, layers, masks = region["levels"][0], region["layers"], region["masks"]
    both = masks.all(dim=0)
    overlap, outside = int(both.sum()), masks & ~both
    warnings = [
        f"no {bone} bone was found: its layer is empty"
        for channel, bone in ((LOWER, "lower"), (UPPER, "upper"))
        if not masks[channel].any()
    ]
    if not overlap and not warnings:
        warnings.append("masks do not overlap: layers are plain copies")
    if 0 < overlap < SMALL_OVERLAP and not given:
        warnings.append(f"overlap under {SMALL_OVERLAP} px: predicted masks are unsure there")
    if region["white_taken"] > region["white"]:
        warnings.append("the overlap is brighter than the window's white: its brightest pixel was taken as white")
    warnings += _doubts(levels.double(), masks)
    error = (region["recomposed"] - levels).abs()[masks.any(dim=0)]
    physical = (
        {"box": [int(edge) for edge in region["box"]], "overlap_mm2": round(overlap * float(region["mm2"]), 3)}
        if "box" in region
        else {}
    )
    return {
        "name": region["name"],
        "source": region["source"],
        "rows": levels.shape[0],
        "columns": levels.shape[1],
        "bits_stored": region["bits_stored"],
        "masks": "given" if given else "predicted",
        "overlap_px": overlap,
        **physical,
        "lower_bone_px": int(masks[LOWER].sum()),
        "upper_bone_px": int(masks[UPPER].sum()),
        "soft_tissue_k": round(k, 6),
        "soft_tissue_level": round(region["soft_tissue"], 3),
        "white_level": region["white_taken"],
        "largest_recomposition_error_levels": round(float(error.max()) if error.numel() else 0.0, 6),
        "outside_overlap_exact": bool((layers[outside] == levels.expand_as(layers)[outside]).all())
        and not bool(layers[~masks].any()),
        "warnings": warnings,
        "notes": region["notes"].splitlines(),
    }


def _doubts(levels: torch.Tensor, masks: torch.Tensor) -> list[str]:
    """Signs that the picture is not what the network was trained for."""
    doubts = []
    if masks.flatten(1).any(dim=1).all():
        lower, upper = (float(masks[bone].nonzero()[:, 0].double().mean()) for bone in (LOWER, UPPER))
        if upper >= lower:
            doubts.append("the upper bone is not above the lower one: is the image upside down?")
    bones = masks.any(dim=0)
    if bones.any() and not bones.all() and levels[bones].mean() <= levels[~bones].mean():
        doubts.append("the bones are not brighter than what surrounds them: is the image inverted?")
    return doubts
