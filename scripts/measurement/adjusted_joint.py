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


"""Joint with an adjusted joint space: one bone's layer is moved along the axis, the image recomposed by the physics.

Source:
    Wang et al., layer separation for adjustable joint space (arXiv 2502.01972, 2025).
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import shift
from torch import Tensor

from scripts.errors import InputError
from scripts.measurement.joint_image import axis_of
from scripts.physics import LOWER, UPPER, attenuation, gray_level, overlap_of

LARGEST_CHANGE = 0.1
"""Most that a bone is moved, share of the shorter side: beyond it the picture's edge comes into the joint."""


@dataclass(frozen=True, kw_only=True)
class JointLayers:
    """Joint taken apart, in attenuation.

    Attributes:
        tissue: (H, W), of the soft tissue: the estimated one behind the bones, the image around them.
        bones: (2, H, W), of the lower and the upper bone, without the tissue.
        masks: (2, H, W) bool.
        angle: degrees by which the joint's axis leans to the right.
    """

    tissue: Tensor
    bones: Tensor
    masks: Tensor
    angle: float = 0.0

    @property
    def axis(self) -> np.ndarray:
        """Unit vector (down, across) along the joint, from the lower bone to the upper one."""
        return axis_of(self.angle)

    @property
    def image(self) -> Tensor:
        """(H, W), gray levels 0..1, of both bones in their tissue."""
        return gray_level((self.tissue + self.bones.sum(dim=0)).clamp(min=0.0))


def joint_layers(layers: Tensor, tissue: Tensor, masks: Tensor, *, angle: float = 0.0) -> JointLayers:
    """Return a joint that was taken apart into layers in their soft tissue.

    Args:
        layers: (2, H, W), gray levels 0..1, lower and upper.
        tissue: (H, W), gray levels 0..1.
        masks: (2, H, W), inside above 0.5.
        angle: degrees by which the joint's axis leans to the right.
    """
    behind = attenuation(tissue.double())
    return JointLayers(tissue=behind, bones=attenuation(layers.double()) - behind, masks=masks > 0.5, angle=angle)


def adjust(joint: JointLayers, change: float, *, bone: int = UPPER) -> JointLayers:
    """Return a joint whose space is wider by ``change`` px along the axis, narrower where it is negative.

    The bone is moved with its rim, by cubic splines; the tissue stays. What the bone uncovers is the estimated tissue,
    which has no noise. At the picture's edge the bone goes on as it ends there.

    Args:
        joint: stays as it is.
        change: of the joint space, px; at most a tenth of the shorter side.
        bone: which one moves, ``LOWER`` or ``UPPER``.

    Raises:
        InputError: a larger change.
    """
    rows, columns = joint.tissue.shape
    most = LARGEST_CHANGE * min(rows, columns)
    if not abs(change) <= most:
        raise InputError(f"change: expected at most {most:.4g} px for {rows} x {columns} px, got {change:g}")
    away = 1.0 if bone == UPPER else -1.0
    by = [away * change * along for along in joint.axis]
    bones, masks = joint.bones.clone(), joint.masks.clone()
    if change:
        bones[bone] = torch.from_numpy(shift(bones[bone].numpy(), by, order=3, mode="nearest"))
        moved = shift(masks[bone].numpy().astype(np.float32), by, order=1, mode="nearest")
        masks[bone] = torch.from_numpy(moved > 0.5)
    return JointLayers(tissue=joint.tissue, bones=bones, masks=masks, angle=joint.angle)


def gap_px(joint: JointLayers) -> float:
    """Return the narrowest gap between both outlines along the axis, px; negative: the thickest overlap.

    Raises:
        InputError: a bone is missing, or they do not face each other.
    """
    axis = joint.axis
    right = np.array([axis[1], -axis[0]])
    ends: list[dict[int, float]] = []
    for number, way in ((LOWER, 1.0), (UPPER, -1.0)):
        points = np.argwhere(joint.masks[number].numpy())
        along, across = points @ axis * way, np.round(points @ right).astype(int)
        farthest: dict[int, float] = {}
        for place, at in zip(across.tolist(), along.tolist(), strict=True):
            farthest[place] = max(at, farthest.get(place, -math.inf))
        ends.append(farthest)
    gaps = [-ends[UPPER][place] - ends[LOWER][place] - 1.0 for place in ends[LOWER] if place in ends[UPPER]]
    if not gaps:
        raise InputError("expected two bones that face each other, got none")
    return min(gaps)


def overlap_px(joint: JointLayers) -> int:
    """Return the area of the overlap, px."""
    return int(overlap_of(joint.masks[None]).sum())
