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

"""One separated joint on the grid on which it is measured."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.ndimage import map_coordinates

from scripts.inference.regions import RadiographRegion
from scripts.inference.split import SeparatedRegion
from scripts.measurement.joint_series import Point
from scripts.physics import FIELD_MM, LOWER, UPPER

GRID = 256
"""Px of the measuring grid across :data:`scripts.physics.FIELD_MM`, 0.09 mm each, or across a picture without mm."""

STRIP = (8.0, 50.0)
"""Distance behind a bone's end, px, over which its middle is sought."""

HEAD, AROUND = 63.0, 20.0
"""Px from the joint's middle to the centre of the metacarpal head, 5.7 mm, about which both bones turn: fitted to real
visits, 62 to 63 px (SE 3 to 4) in thumbs and little fingers, 70 (8) in index fingers; the few visits of middle and ring
fingers do not tell it (SE 24, 55). And how far from there along the axis the head's sides are sought."""


@dataclass(frozen=True, kw_only=True)
class JointImage:
    """Bones of one joint in attenuation, which another exposure only scales, on a grid of 0.09 mm.

    Attributes:
        layers: (2, H, W) float32, attenuation of each bone in its soft tissue, lower and upper.
        masks: (2, H, W) bool.
        usable: (H, W) bool, pixels that count: not saturated, not another joint's.
        angle: degrees by which the joint's axis leans to the right.
        factor: px of this grid for each px of the source image.
        spacing: mm a px of the source image; None if it is not known.
        origin: row and column of the region's first pixel in the source image.
        saturated: share of the bones' pixels that are as bright as the file can say.
    """

    layers: np.ndarray
    masks: np.ndarray
    usable: np.ndarray
    angle: float = 0.0
    factor: float = 1.0
    spacing: float | None = None
    origin: tuple[int, int] = (0, 0)
    saturated: float = 0.0

    @cached_property
    def axis(self) -> np.ndarray:
        """Unit vector (down, across) along the joint, from the lower bone to the upper one."""
        return axis_of(self.angle)

    @cached_property
    def across(self) -> np.ndarray:
        """Unit vector (down, across) to the right of the axis."""
        return np.array([self.axis[1], -self.axis[0]])

    @cached_property
    def centre(self) -> Point:
        """Row and column of the joint's middle, see :func:`facing_point`."""
        return facing_point(self.masks, self.axis)

    @cached_property
    def head(self) -> Point:
        """Row and column of the metacarpal head's centre: :data:`HEAD` behind the joint's middle, between its sides."""
        guess = self.centre - HEAD * self.axis
        points = np.argwhere(self.masks[LOWER]) - guess
        along, aside = points @ self.axis, points @ self.across
        near = np.abs(along) <= AROUND
        row, column = guess + self.across * (_middle(along[near], aside[near]) if near.any() else 0.0)
        return float(row), float(column)

    def source(self, point: Point) -> Point:
        """Return a point of the grid in px of the source image."""
        row, column = ((side + 0.5) / self.factor - 0.5 + first for side, first in zip(point, self.origin, strict=True))
        return round(float(row), 3), round(float(column), 3)


def axis_of(angle: float) -> np.ndarray:
    """Return the unit vector (down, across) of an axis that leans to the right by ``angle`` degrees."""
    lean = math.radians(angle)
    return np.array([-math.cos(lean), math.sin(lean)])


def facing_point(masks: np.ndarray, axis: np.ndarray) -> Point:
    """Return the middle between the ends of two bones that face each other, row and column.

    Across the axis it is the middle of both bones over a strip behind their ends, on which visits agree to a pixel.

    Args:
        masks: (2, H, W) bool, lower and upper bone, neither of them empty.
        axis: unit vector (down, across) from the lower bone to the upper one.
    """
    across = np.array([axis[1], -axis[0]])
    ends, middles = [], []
    for bone, way in ((LOWER, -1.0), (UPPER, 1.0)):
        points = np.argwhere(masks[bone])
        behind, aside = points @ axis * way, points @ across
        end = float(np.quantile(behind, 0.002))
        near = (behind >= end + STRIP[0]) & (behind < end + STRIP[1])
        middles.append(_middle(behind[near], aside[near]) if near.any() else float(np.median(aside)))
        ends.append(end * way)
    row, column = axis * np.mean(ends) + across * np.mean(middles)
    return float(row), float(column)


def _middle(along: np.ndarray, aside: np.ndarray) -> float:
    """Return the middle between both sides of a bone, the median over its rows across the axis."""
    rows = np.round(along).astype(int)
    sides = (aside[rows == row] for row in np.unique(rows))
    return float(np.median([(each.min() + each.max()) / 2 for each in sides]))


def joint_image(separated: SeparatedRegion, *, spacing: float | None = None) -> JointImage:
    """Bring a separated region to the grid on which joints are measured.

    Args:
        separated: with layers in their soft tissue.
        spacing: mm a px; None for a picture of which it is not known. A radiograph's is its own.
    """
    region = separated.region
    territory, origin = np.ones(region.levels.shape, bool), (0, 0)
    if isinstance(region, RadiographRegion):
        known = region.radiograph.pixel_spacing
        spacing = sum(known.sides) / 2 if known.attribute else None
        territory, origin = region.territory.numpy(), region.joint.box[:2]
    factor = GRID / max(region.levels.shape) if spacing is None else spacing * GRID / FIELD_MM
    white = float(max(separated.white, int(separated.layers.max()) + 1))
    masks = separated.masks.numpy()
    # The file's own limit: what is brighter than a window's white is known still.
    bright = (region.levels >= 2**region.bits_stored - 1).numpy()
    layers = -np.log1p(-separated.layers.numpy() / white)
    bones = masks.any(axis=0)
    return JointImage(
        layers=resample(layers.astype(np.float32), factor, order=3),
        masks=resample(masks.astype(np.float32), factor, order=1) > 0.5,
        usable=resample((territory & ~bright)[None].astype(np.float32), factor, order=1)[0] > 0.5,
        angle=float(separated.record["angle"]),
        factor=factor,
        spacing=spacing,
        origin=origin,
        saturated=float(bright[bones].mean()) if bones.any() else 0.0,
    )


def resample(planes: np.ndarray, factor: float, *, order: int) -> np.ndarray:
    """Resample planes (C, H, W) to ``factor`` times as many px a side, the corner of the first pixel kept."""
    if abs(factor - 1.0) < 0.002:
        return planes
    rows, columns = (round(side * factor) for side in planes.shape[1:])
    at = (np.mgrid[:rows, :columns] + 0.5) / factor - 0.5
    return np.stack([map_coordinates(plane, at, order=order, mode="nearest") for plane in planes])
