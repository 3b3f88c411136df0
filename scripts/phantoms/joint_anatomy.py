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

"""Anatomy of a metacarpophalangeal joint as formulas: outlines of both bones, their attenuation, soft tissue."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.ndimage import map_coordinates

from scripts.physics import LOWER, UPPER

Array = NDArray[np.floating]

UNITS = 256
"""Units of length in the shorter side of an image: every length below is in px of an image of 256x256."""
TILE = 512
"""Side of a texture's period, in half units."""

# fmt: off
# Control points of the outlines, across and away from the joint, from the left shaft over the face to the right shaft.
PHALANX = np.array([
    (-0.56, 2.3), (-0.57, 1.75), (-0.62, 1.4), (-0.74, 1.06), (-0.9, 0.72), (-1.0, 0.4), (-0.94, 0.18), (-0.74, 0.03),
    (-0.38, 0.0), (0.0, 0.03), (0.38, 0.0),
    (0.72, 0.04), (0.93, 0.2), (1.0, 0.44), (0.92, 0.74), (0.77, 1.06), (0.66, 1.4), (0.6, 1.75), (0.57, 2.3),
])
METACARPAL = np.array([
    (-0.7, 2.3), (-0.75, 1.8), (-0.82, 1.5), (-0.92, 1.24), (-0.99, 0.98), (-0.99, 0.7), (-0.87, 0.39), (-0.61, 0.14),
    (-0.31, 0.03), (0.0, 0.0), (0.31, 0.035),
    (0.62, 0.16), (0.88, 0.43), (1.0, 0.76), (1.0, 1.02), (0.9, 1.27), (0.78, 1.52), (0.7, 1.8), (0.66, 2.3),
])
# fmt: on
SPONGY = 0.5
"""Attenuation of a whole thickness of spongy bone."""
COMPACT = 0.0125
"""Attenuation of a unit of length of cortex."""


@dataclass(frozen=True)
class Bone:
    """An outline in units: ``away`` from the joint along the bone's axis and ``across`` it."""

    points: Array  # (N, 2) across, away, from the left shaft over the bone's face to the right shaft
    tilt: float  # rad
    side: float  # -1: away from the joint is up in the image, 1: down
    offset: float = 0.0  # down, in units

    @cached_property
    def curve(self) -> Array:
        """Return the outline as a smooth curve through its points, (M, 2) across, away."""
        way = np.hypot(*np.diff(self.points, axis=0).T).cumsum()
        curve = CubicSpline(np.append(0.0, way), self.points)(np.linspace(0.0, way[-1], 400))
        far = [0.0, 40.0 * UNITS]  # the shafts leave the image
        return np.concatenate([curve[:1] + far, curve, curve[-1:] + far])

    def outline(self) -> Array:
        """Return the curve in the image's frame, (M, 2) across, down."""
        return turn(self.curve * [1.0, self.side], self.tilt) + np.array([0.0, self.offset])

    def local(self, across: Array, down: Array) -> tuple[Array, Array]:
        """Convert points of the image's frame to across, away."""
        points = turn(np.stack([across, down - self.offset], axis=-1), -self.tilt)
        return points[..., 0], points[..., 1] * self.side

    def profile(self, away: Array) -> tuple[Array, Array]:
        """Return middle and half-width of the bone at a distance from the joint, the widest ones nearer to it."""
        left, right = self.curve[: self.curve[:, 0].argmin() + 1][::-1], self.curve[self.curve[:, 0].argmax() :]
        start, end = (np.interp(away, line[:, 1], line[:, 0]).astype(away.dtype) for line in (left, right))
        return (start + end) / 2, (end - start) / 2

    def face(self, across: Array) -> Array:
        """Return the down coordinate of the end that faces the joint."""
        outline = self.outline()
        end = outline[outline[:, 0].argmin() : outline[:, 0].argmax() + 1]
        return np.interp(across, end[:, 0], end[:, 1])


def turn(points: Array, angle: float) -> Array:
    """Turn points (..., 2), across and down, clockwise, as the image is seen, by an angle in rad."""
    cos, sin = np.cos(angle), np.sin(angle)
    return points @ np.array([[cos, sin], [-sin, cos]], dtype=points.dtype)


def smooth_step(values: Array, start: float, end: float | Array) -> Array:
    """Return a smooth step from 0 at ``start`` to 1 at ``end``."""
    t = ((values - start) / (end - start)).clip(0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def draw_bones(
    person: Generator, hand: Generator, overlap: float, tables: tuple[Array, Array] = (METACARPAL, PHALANX)
) -> list[Bone]:
    """Draw the two bones of a joint, lower first, moved into each other.

    Args:
        person: decides the shape of both hands.
        hand: decides the small differences between a person's two hands.
        overlap: thickest column of the overlap, in units; negative: narrowest width of the gap.
        tables: control points of the lower and of the upper bone, half a bone's width being 1.
    """
    shapes = []
    for table, side in zip(tables, (1.0, -1.0), strict=True):
        points = table * person.uniform([75, 72], [87, 84])
        points[:, 0] *= np.where(points[:, 0] < 0, *person.uniform(0.94, 1.05, 2))
        # Shafts differ more in width than heads do.
        points[:, 0] *= 1 + smooth_step(points[:, 1], 40, 130) * person.uniform(-0.12, 0.1)
        points += person.normal(0, 1.0, points.shape) + hand.normal(0, 0.5, points.shape)
        shapes.append(Bone(points, person.normal(0, 0.06) + hand.normal(0, 0.01), side))
    return bring_together(shapes, overlap, middle=person.uniform(-4, 12))


def bring_together(bones: list[Bone], overlap: float, *, middle: float) -> list[Bone]:
    """Move two bones, lower first, up and down until they overlap as asked, around a row ``middle``, all in units."""
    across = np.linspace(-70, 70, 281)
    depth = (bones[UPPER].face(across) - bones[LOWER].face(across)).max()
    return [replace(bone, offset=bone.offset + middle - bone.side * (overlap - depth) / 2) for bone in bones]


def draw_overlap(person: Generator) -> float:
    """Draw the depth of an overlap as radiographs show it, in units: a few mostly, seldom more than 18, at most 24."""
    return float(min(person.gamma(3.0, 2.5), 24.0))


class Textures(NamedTuple):
    """Periodic textures, (TILE, TILE) float32, mean 0, standard deviation 1, of struts that run down."""

    struts: Array
    ties: Array  # short struts, to be laid across the others
    streaks: Array  # long, thin ones
    density: Array  # no struts: slow variation


def draw_textures(hand: Generator) -> Textures:
    """Draw the textures of one image."""
    return Textures(_mesh(hand, 7.0, 2.0), _mesh(hand, 3.6, 2.0), _mesh(hand, 60.0, 3.5), _mesh(hand, 36.0, 36.0))


def _mesh(hand: Generator, along: float, thin: float) -> Array:
    """Draw a texture with struts ``along`` half units long and ``thin`` half units thick."""
    down, across = np.fft.fftfreq(TILE)[:, None], np.fft.rfftfreq(TILE)[None]
    waves = np.square(2 * np.pi * along * down) + np.square(2 * np.pi * thin * across)
    spectrum = np.fft.rfft2(hand.standard_normal((TILE, TILE))) * (np.exp(-waves / 2) - np.exp(-waves * 1.3))
    band = np.fft.irfft2(spectrum)
    band /= band.std()
    # Crests are single struts; where the noise crosses zero, thin ones join them to a net.
    mesh = np.logaddexp(0.0, 2.0 * band) + 1.2 * np.exp(-np.square(band / 0.35))
    return ((mesh - mesh.mean()) / mesh.std()).astype(np.float32)


def look(texture: Array, across: Array, down: Array) -> Array:
    """Interpolate a texture at points given in units."""
    return map_coordinates(texture, [2.0 * down, 2.0 * across], order=1, mode="grid-wrap")


def dome(depth: Array, radius: Array) -> Array:
    """Return the length of a ray in a solid rod, 0..1 from its outline to its middle, at a depth inside its outline."""
    return np.sqrt(1 - np.square(1 - np.minimum(depth / radius, 1.0)))


def shell(depth: Array, radius: Array, wall: Array) -> Array:
    """Return the length of a ray in a tube's wall, at a depth inside its outline: the bright lines of the cortex."""
    inner = np.square(radius - wall) - np.square(radius - depth)
    return 2.0 * (np.sqrt(depth * (2.0 * radius - depth)) - np.sqrt(inner.clip(0.0)))


def phalanx(bone: Bone, depth: Array, across: Array, down: Array, person: Generator, texture: Textures) -> Array:
    """Return the attenuation of the base of a proximal phalanx at points inside it.

    Args:
        bone: its outline.
        depth: distance of the points from the outline, in units; any shape.
        across: the points in the image's frame, in units, the joint's centre at the origin.
        down: the same, downwards.
        person: decides the thickness of walls and plates.
        texture: decides the trabeculae.
    """
    x, h = bone.local(across, down)
    middle, width = bone.profile(h)
    u, depth = (x - middle) / width, np.minimum(depth, width)
    shaft = smooth_step(h, 22, person.uniform(90, 120))  # 0 in the base, 1 in the shaft
    solid = (1.0 - 0.82 * shaft) * dome(depth, np.minimum(width, 40.0))
    # Struts run with the load: parallel in the shaft, fanning out with the flare of the base.
    struts = 0.75 * look(texture.struts, u * 82, h + 40) + 0.35 * look(texture.ties, h, u * 82)
    struts += 0.3 * shaft * look(texture.streaks, u * 82, h)
    density = look(texture.density, x, h)
    spongy = SPONGY * solid * (1 + (0.18 + 0.2 * shaft) * struts + 0.09 * density)
    wall = 2.4 + person.uniform(2, 4.5) * shaft
    cortex = COMPACT * shell(depth, width, np.minimum(wall, 0.5 * width)) * (1 + 0.06 * density)
    # The socket's floor: a bright concave plate above the rims, which alone reach over the metacarpal head.
    apex, reach, skew = person.uniform(12, 21), person.uniform(0.72, 0.85), person.normal(0, 0.1)
    bow = np.square((u - skew) / reach)
    floor = h - apex * (1 - bow).clip(-0.4) - 1.5  # height above the floor
    fall = person.uniform(4, 7)
    plate = np.where(floor < 2, np.exp(-np.square((floor - 2) / 1.9)), np.exp((2 - floor.clip(2)) / fall))
    plate *= person.uniform(0.36, 0.54) * (1 - bow / 1.3).clip(0.0) * (1 + 0.12 * struts + 0.12 * density)
    haze = 0.12 * np.exp(-np.square((floor - 6) / 14)) * (1 - bow / 1.6).clip(0.0)
    rims = 0.75 + 0.25 * smooth_step(floor, -3, 1)
    return (rims * spongy + cortex + smooth_step(depth, 0, 8) * (haze + plate)) * _lips(depth, h, person)


def metacarpal(bone: Bone, depth: Array, across: Array, down: Array, person: Generator, texture: Textures) -> Array:
    """Return the attenuation of a metacarpal head at points inside it; arguments as in :func:`phalanx`."""
    x, h = bone.local(across, down)
    middle, width = bone.profile(h)
    u, depth = (x - middle) / width, np.minimum(depth, width)
    shaft = smooth_step(h, 55, person.uniform(130, 160))
    solid = (1.0 - 0.5 * shaft) * dome(depth, np.minimum(width, 40.0))
    # Struts fan out from the neck to the joint's face, crossed by finer ones that follow the face.
    fan, arc = x * (0.75 + 1.0 * smooth_step(h, 0, 150)), h + np.square(x) / 160
    struts = 0.65 * look(texture.struts, fan, arc) + 0.5 * look(texture.ties, arc, fan)
    density = look(texture.density, x + 70, h)
    spongy = SPONGY * solid * (1 + (0.19 + 0.1 * shaft) * struts + 0.12 * density)
    wall = 2.2 + person.uniform(1, 3) * shaft
    cortex = COMPACT * shell(depth, width, np.minimum(wall, 0.5 * width)) * (1 + 0.06 * density)
    # The collateral recesses: walls of the neck seen through the condyles, thin flanks outside of them.
    recess = np.zeros_like(h)
    for side in (-1.0, 1.0):
        out = ((u * side) - person.uniform(0.42, 0.6) - 0.33 * smooth_step(h, 30, 150)) * width
        inner = np.exp(out.clip(max=0) / person.uniform(5, 10))
        line = person.uniform(0.1, 0.4) * np.where(out > 0, np.exp(-np.square(out / 2.5)), inner)
        start = person.uniform(15, 45)
        recess += (line - 0.1 * smooth_step(out, 0, 8)) * smooth_step(h, start, start + person.uniform(25, 50))
    recess *= solid * (1 + 0.25 * struts + 0.25 * density)
    return (spongy + recess + cortex).clip(0.0) * _lips(depth, h, person)


def _lips(depth: Array, away: Array, person: Generator) -> Array:
    """Return the factor by which a bone thins at its outline: 0..1 over 3 units at the shaft, 3 to 7 at the joint."""
    return smooth_step(depth, -1.0, 3.0 + person.uniform(0, 4) * (1 - smooth_step(away, 10, 50)))


def soft_tissue(across: Array, down: Array, person: Generator, texture: Textures) -> Array:
    """Return the attenuation of a finger without its bones, in front of air; arguments as in :func:`phalanx`.

    The skin is in the image on the left; on the right, towards the next finger, it often is not.
    """
    left = -person.uniform(98, 122) - 10 * np.sin(down / person.uniform(70, 110) + person.uniform(0, 6)) + 0.05 * down
    right = person.uniform(124, 172) + 8 * np.sin(down / 80) + 0.12 * down
    inside = np.minimum(across - left, right - across)
    thickness = np.sqrt(1 - np.square(1 - (inside / person.uniform(40, 60)).clip(0.0, 1.0)))
    skin = 0.03 * np.exp(-np.square((inside - 1.5) / 1.5)) * (inside > 0)
    fat = 0.05 * look(texture.density, across * 0.45 + 20, down * 0.45)
    tendons = 0.02 * look(texture.streaks, across * 0.3, down * 0.15)
    joint = np.exp(-np.square(across / 90) - np.square(down / 45))  # the finger is thinner where it bends
    return person.uniform(0.06, 0.09) + (0.29 * thickness * (1 + fat + tendons) + skin) * (1 - 0.26 * joint)
