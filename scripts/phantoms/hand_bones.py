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

"""Whole bones of a hand as formulas, in mm: long ones, composed of two ends, and plain ones."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from scipy.interpolate import CubicSpline

from scripts.phantoms.joint_anatomy import (
    COMPACT,
    SPONGY,
    UNITS,
    Array,
    Bone,
    Textures,
    dome,
    look,
    metacarpal,
    phalanx,
    shell,
    smooth_step,
    turn,
)
from scripts.physics import FIELD_MM

UNIT_MM = FIELD_MM / UNITS
"""The unit of :mod:`scripts.phantoms.joint_anatomy` in mm."""


@dataclass(frozen=True)
class End:
    """One end of a long bone: an outline in the frame of the joint that it belongs to."""

    bone: Bone
    joint: Array  # (2,) x, y in mm
    angle: float  # of the joint's frame, rad
    unit: float  # mm a unit

    def units(self, points: Array) -> Array:
        """Convert points (N, 2) in mm to the joint's frame: across, down in units."""
        return turn((points - self.joint.astype(points.dtype)) / self.unit, -self.angle)

    def outline(self) -> Array:
        """Return the outline, left shaft over face to right shaft, (M, 2) in mm, up to the bone's middle."""
        return turn(self.bone.outline()[1:-1] * self.unit, self.angle) + self.joint


@dataclass(frozen=True)
class LongBone:
    """A metacarpal or a phalanx: ``base`` towards the wrist, ``head`` towards the finger's tip."""

    base: End
    head: End
    length: float  # mm
    thick: float  # rays in it are that much of those in a full-sized bone

    def outline(self) -> Array:
        """Return the closed outline, (M, 2) in mm."""
        return np.concatenate([self.base.outline(), self.head.outline()[::-1]])

    def attenuation(self, points: Array, depth: Array, person: Generator, texture: Textures) -> Array:
        """Return the attenuation (N,) at points inside the bone.

        Args:
            points: (N, 2), x, y in mm.
            depth: (N,), their distance from the outline, in mm.
            person: decides the thickness of walls and plates.
            texture: decides the trabeculae.
        """
        away = self.base.bone.local(*self.base.units(points).T)[1] * (self.base.unit / self.length)  # 0..1
        to_head = smooth_step(away, 0.35, 0.65)
        result = np.zeros_like(depth)
        for formula, end, weight in ((phalanx, self.base, 1 - to_head), (metacarpal, self.head, to_head)):
            here = weight > 0
            across, down = end.units(points[here]).T
            result[here] += weight[here] * formula(end.bone, depth[here] / end.unit, across, down, person, texture)
        # In the middle of a shaft the marrow's canal lies between thick walls.
        shaft = smooth_step(np.minimum(away, 1 - away), 0.18, 0.45)
        wall = person.uniform(0.8, 1.3)  # mm
        canal = smooth_step(depth, wall, wall + 0.8)
        return self.thick * result * (1 + shaft * (0.34 - 0.61 * canal))


@dataclass(frozen=True)
class PlainBone:
    """A bone of the carpus or the forearm: spongy, in a thin cortex that thickens along a shaft."""

    points: Array  # (N, 2) of the outline, in mm
    shaft: float  # y in mm, from which on the bone is a shaft
    thick: float = 1.0

    def outline(self) -> Array:
        """Return the closed outline, (M, 2) in mm."""
        closed = np.concatenate([self.points, self.points[:1]])
        way = np.append(0.0, np.hypot(*np.diff(closed, axis=0).T).cumsum())
        return CubicSpline(way, closed, bc_type="periodic")(np.linspace(0.0, way[-1], 400))

    def attenuation(self, points: Array, depth: Array, person: Generator, texture: Textures) -> Array:
        """Return the attenuation, as :meth:`LongBone.attenuation`."""
        x, y = points.T / np.float32(UNIT_MM)
        shaft = smooth_step(y * UNIT_MM - self.shaft, 0, 30)
        slope = person.uniform(-0.5, 0.5)
        struts = 0.6 * look(texture.struts, x + slope * y, y) + 0.5 * look(texture.ties, y, x - slope * y)
        density = look(texture.density, x, y)
        radius = np.full_like(depth, person.uniform(60, 75))
        depth = np.minimum(depth / UNIT_MM, radius)
        spongy = SPONGY * (1 - 0.6 * shaft) * dome(depth, radius) * (1 + 0.2 * struts + 0.06 * density)
        wall = 3.5 + 9 * shaft
        cortex = COMPACT * shell(depth, radius, wall) * (1 + 0.08 * density)
        rim = 0.1 * np.exp(-np.square((depth - 5) / 4)) * (1 - shaft)
        return self.thick * (spongy + cortex + rim) * smooth_step(depth, -1.0, 5.0)
