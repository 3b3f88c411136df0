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

"""Joints of boxes, and a synthesis that leaves nothing to chance but what a test asks for."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from scripts.datasets.finger_joints import signed_distance
from scripts.physics import LOWER, UPPER
from scripts.training.degradation import Degradation
from scripts.training.edge_profiles import NaturalEdge, TaperedEdge
from scripts.training.mask_jitter import MaskJitter
from scripts.training.overlap_synthesis import OverlapSynthesis
from scripts.training.pairing import Pairing

EXPOSED = Degradation(coarse=0.0, sharpened=0.0, curved=0.0, saturated=0.0, blurred_rim=0.0, noise=0.0, levels=0)
"""Degradation of nothing but the exposure."""

CALM: dict[str, Any] = {
    "crossed": 0.0,
    "angle": 0.0,
    "zoom": (1.0, 1.0),
    "slide": 0.0,
    "dilation": (0.0, 0.0),
    "gain": (1.0, 1.0),
}
"""Arguments of a pairing that leave nothing to chance but the depth."""


def plain(
    *, natural: NaturalEdge | None = None, tapered: TaperedEdge | None = None, **pairing: Any
) -> OverlapSynthesis:
    """Return a synthesis of hard-cut overlaps, or of the given profiles, with arguments of the pairing."""
    return OverlapSynthesis(
        pairing=Pairing(**{**CALM, **pairing}),
        natural=natural or NaturalEdge(share=0.0),
        tapered=tapered or TaperedEdge(share=0.0),
        mask_jitter=MaskJitter(share=0.0),
        degradation=replace(EXPOSED, exposure=(1.0, 1.0)),
        mirrored=0.0,
    )


def boxes(upper_gray: tuple[float, ...] = (0.7, 0.5), size: int = 64) -> dict[str, Tensor]:
    """Return joints whose bones are boxes, four rows apart: lower of 0.6, upper as given, in soft tissue of 0.25."""
    masks = torch.zeros(len(upper_gray), 2, size, size)
    masks[:, UPPER, 8:30, 16:48] = 1.0
    masks[:, LOWER, 34:56, 12:52] = 1.0
    background = torch.full((len(upper_gray), 1, size, size), 0.25)
    gray = torch.tensor(upper_gray).reshape(-1, 1, 1, 1)
    image = torch.where(masks[:, UPPER, None] > 0, gray, torch.where(masks[:, LOWER, None] > 0, 0.6, background))
    distance = torch.stack([signed_distance(m) for m in masks])
    return {"image": image, "background": background, "tissue": background, "distance": distance}
