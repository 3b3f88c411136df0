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

"""Real joints in drawn hands: each one laid over a drawn joint, fitted to its place, size, direction and brightness."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator
from scipy.ndimage import affine_transform, gaussian_filter

from scripts.phantoms.joint_anatomy import Array, smooth_step
from scripts.phantoms.posed_hand import PosedHand


@dataclass(frozen=True)
class JointTile:
    """A joint of a right hand, cut out of a radiograph.

    Attributes:
        attenuation: (h, w) float32.
        centre: column and row of the joint's middle, px.
        angle: degrees by which its axis leans to the right.
        spacing: mm a px.
        thumb: whether it is the thumb's.
    """

    attenuation: Array
    centre: tuple[float, float]
    angle: float
    spacing: float
    thumb: bool


def compose(hand: PosedHand, name: str, tile: JointTile, *, scale: float, quanta: Generator) -> PosedHand:
    """Lay a joint over a drawn one.

    Its slow changes of brightness are fitted to the drawn hand's; towards its border it fades into the hand.

    Args:
        hand: stays as it is.
        name: of the drawn joint, e.g. ``"MCP2"``.
        tile: laid over it, middle on middle, axis on axis.
        scale: size of the joint, 1 as it is.
        quanta: decides how far it reaches.

    Returns:
        The hand with that joint.
    """
    joint = hand.joints[name]
    side = min(tile.attenuation.shape) * tile.spacing * scale / hand.spacing
    half = int(side / 2)
    column, row = (round(value) for value in joint.centre)
    rows, columns = hand.attenuation.shape
    if not (half < column < columns - half and half < row < rows - half):
        return hand
    # A pixel of the hand looks up its place in the tile.
    angle = np.radians(joint.angle - tile.angle)
    zoomed = hand.spacing / (tile.spacing * scale)
    cos, sin = zoomed * np.cos(angle), zoomed * np.sin(angle)
    matrix = np.array([[cos, -sin], [sin, cos]])  # rows, columns; the tile turns clockwise
    centre = np.array([row - half, column - half]) - np.array(joint.centre[::-1])
    offset = matrix @ centre + np.array(tile.centre[::-1])
    shape = (2 * half + 1, 2 * half + 1)
    smooth = gaussian_filter(tile.attenuation, max(0.0, zoomed / 2 - 0.4))
    laid = affine_transform(smooth, matrix, offset, shape, order=1, mode="nearest")
    inside = affine_transform(np.ones_like(smooth), matrix, offset, shape, order=1, mode="constant")
    field = (slice(row - half, row + half + 1), slice(column - half, column + half + 1))
    under = hand.attenuation[field]
    # Contrast as the drawn joint has it, brightness as around it.
    near = inside > 0.99
    ratio = (under[near].std() / max(float(laid[near].std()), 1e-3)) * quanta.uniform(0.8, 1.25)
    laid = laid * ratio
    blur = side / quanta.uniform(3.0, 8.0)
    laid = laid + gaussian_filter(under - laid, blur) if quanta.random() < 0.6 else laid + (under - laid)[near].mean()
    down, across = np.indices(shape) - half
    reach = quanta.uniform(0.82, 1.0) * half
    weight = smooth_step(np.hypot(down, across), reach, 0.6 * reach) * smooth_step(inside, 0.9, 1.0)
    image = hand.attenuation.copy()
    image[field] = np.maximum(weight * laid + (1 - weight) * under, 0.0)
    return replace(hand, attenuation=image)
