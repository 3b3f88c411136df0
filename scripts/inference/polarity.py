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

"""Polarity of a region, from its gray levels and its masks: whether its bones are darker than what surrounds them."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

DARK_BONES = "the bones are not brighter than what surrounds them: is the image inverted?"
"""The warning of it."""

LIKE_BONES = 0.5
"""Correlation of masks and gray levels above which masks are bones: it is over 0.6 on joints, under 0.4 inverted."""

DARK_AXIS = -0.02
"""Correlation of gray levels and :func:`axis_brightness`' weights below which the axis is dark."""


def bones_are_dark(gray: Tensor, masks: Tensor, middle: tuple[float, float], angle: float = 0.0) -> bool:
    """Return whether bones are darker than the soft tissue around them.

    Networks have seen bright bones only. In an inverted image their masks may hold anything bright: masks that hardly
    follow the gray levels tell nothing, but a joint lies where two bones meet, which are above and below it.

    Args:
        gray: (H, W), any unit.
        masks: (2, H, W) bool.
        middle: row and column of the joint's middle.
        angle: degrees by which the joint's axis leans to the right, where it is given.
    """
    bones = masks.any(dim=0)
    follows = _correlation(gray.double(), bones.double(), torch.ones_like(bones))
    if bones.any() and not bones.all() and follows <= 0:
        return True
    return follows < LIKE_BONES and axis_brightness(gray, middle, angle) < DARK_AXIS


def warn_all(records: Sequence[dict[str, Any]]) -> None:
    """Warn of dark bones at every joint of a radiograph if more than half of them have dark ones: polarity is shared.

    Args:
        records: of the joints, with their ``warnings``.
    """
    warned = [DARK_BONES in record["warnings"] for record in records]
    if 2 * sum(warned) > len(records):
        for record, has_it in zip(records, warned, strict=True):
            record["warnings"] += [] if has_it else [DARK_BONES]


def axis_brightness(gray: Tensor, middle: tuple[float, float], angle: float = 0.0) -> float:
    """Return how much brighter a joint is along its axis than across it, -1..1, around its middle.

    The correlation of the gray levels with cos(2 a), a the angle to the axis, in a ring that leaves out the joint
    itself and what lies near the region's corners.

    Args:
        gray, middle, angle: as :func:`bones_are_dark`.
    """
    rows, columns = gray.shape
    down = torch.arange(rows, dtype=torch.float64, device=gray.device)[:, None] - middle[0]
    across = torch.arange(columns, dtype=torch.float64, device=gray.device) - middle[1]
    distance = torch.hypot(down, across) / max(rows, columns)
    leaning = torch.atan2(across.expand(rows, columns), -down.expand(rows, columns)) - math.radians(angle)
    return _correlation(gray.double(), torch.cos(2 * leaning), (distance > 0.12) & (distance < 0.45))


def _correlation(first: Tensor, second: Tensor, where: Tensor) -> float:
    """Return the correlation of two images in a mask; 0 where one of them is constant."""
    if not where.any():
        return 0.0
    one, other = (image[where] - image[where].mean() for image in (first, second))
    scale = float(one.norm() * other.norm())
    return float(one @ other) / scale if scale > 0 else 0.0
