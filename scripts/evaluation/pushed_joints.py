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

"""Real joints whose bones are pushed together by known amounts: composites of whole bones with their own soft edges."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from scripts.datasets.finger_joints import LevelTissued, LoadJointd, SignedDistanced
from scripts.physics import LOWER, RIM, UPPER, attenuation

DEPTHS = {"1-4": 3, "5-8": 7, "9-16": 12}
"""Classes of an overlap's depth, px, and the depth that stands for each."""

OPEN = 4
"""Px that must lie between both bones, so that each one's edge is its own."""


@dataclass(frozen=True, kw_only=True)
class OpenJoint:
    """One image of a joint whose bones do not meet.

    Attributes:
        image: (H, W) uint8.
        bones: (2, H, W), attenuation of each bone without the tissue.
        tissue: (H, W), attenuation of the tissue.
        masks: (2, H, W) bool, as drawn.
    """

    image: np.ndarray
    bones: np.ndarray
    tissue: np.ndarray
    masks: np.ndarray

    @property
    def gap(self) -> int:
        """Smallest number of rows between both bones; 0 and less where they meet."""
        facing = self.masks.any(axis=1).all(axis=0)
        upper = self.masks.shape[1] - 1 - self.masks[UPPER][::-1].argmax(axis=0)
        lower = self.masks[LOWER].argmax(axis=0)
        return int((lower - upper - 1)[facing].min()) if facing.any() else 0

    def pushed(self, rows: int) -> tuple[np.ndarray, np.ndarray]:
        """Return image (H, W) uint8 and masks when both bones are pushed together by ``rows``, half of it each.

        A shaft goes on at the picture's edge as it ends there.
        """
        by = {UPPER: rows - rows // 2, LOWER: -(rows // 2)}
        bones = sum(_moved(self.bones[bone], by[bone]) for bone in (LOWER, UPPER))
        masks = np.stack([_moved(self.masks[bone], by[bone]) for bone in (LOWER, UPPER)])
        return np.rint(255 * -np.expm1(-(self.tissue + bones))).astype(np.uint8), masks


def open_joint(entry: Mapping[str, Any]) -> OpenJoint:
    """Read an image of the release and take its bones apart by their outlines.

    A bone is what it absorbs beyond the levelled tissue inside its outline, fading out in the 6 px around it.

    Args:
        entry: of :func:`scripts.datasets.finger_joints.release_datalist`.
    """
    joint = LevelTissued()(SignedDistanced()(LoadJointd()(entry)))
    fade = (1.0 + joint["distance"] / RIM).clamp(0.0, 1.0)
    fade = fade / fade.sum(dim=0).clamp(min=1.0)
    tissue = attenuation(joint["tissue"][0])
    bones = (attenuation(joint["image"][0]) - tissue).clamp(min=0.0) * fade
    return OpenJoint(
        image=(255 * joint["image"][0]).round().numpy().astype(np.uint8),
        bones=bones.numpy(),
        tissue=tissue.numpy(),
        masks=(joint["masks"] > 0.5).numpy(),
    )


def _moved(plane: np.ndarray, rows: int) -> np.ndarray:
    """Move a plane down by whole rows, its edge repeated."""
    return np.asarray(plane[np.clip(np.arange(len(plane)) - rows, 0, len(plane) - 1)])
