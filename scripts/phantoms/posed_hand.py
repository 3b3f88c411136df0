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

"""Whole hands in any pose, drawn by formulas, with their joints; coarser than those of :mod:`scripts.phantoms.hand`."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.random import Generator
from scipy.ndimage import gaussian_filter, zoom
from scipy.special import logsumexp, softmax

from scripts.phantoms.hand_bones import UNIT_MM, End, LongBone, PlainBone
from scripts.phantoms.hand_grid import Grid, draw_bone
from scripts.phantoms.hand_pose import Pose, PoseRanges, draw_pose
from scripts.phantoms.hand_skeleton import PLAIN, draw_ends, draw_sesamoids
from scripts.phantoms.hand_soft_tissue import RADII
from scripts.phantoms.joint_anatomy import Array, Textures, draw_textures, look, smooth_step, turn
from scripts.physics import LOWER, UPPER

SPACING_MM = 0.4
"""mm a px of the drawn image."""
SIZE = (640, 520)
"""Rows, columns: 256 x 208 mm for a hand of usual size."""
COARSE = 4
"""The skin's distance is computed on every 4th px."""
LONE_HEADS = 6
"""How often the head of a metacarpal without a phalanx counts among what a joint can be mistaken for."""
CHILD = 0.8
"""Size of a hand below which its growth plates are open."""


@dataclass(frozen=True)
class PosedJoint:
    """One metacarpophalangeal joint of a posed hand.

    Attributes:
        centre: column and row, px.
        angle: degrees by which its axis, from the metacarpal to the phalanx, leans to the right.
    """

    centre: tuple[float, float]
    angle: float


@dataclass(frozen=True)
class PosedHand:
    """One drawn right hand, in attenuation, in front of nothing.

    Attributes:
        attenuation: (rows, columns) float32 of the hand alone, without air.
        joints: of ``MCP1`` to ``MCP5`` those that are there.
        others: (N, 2) columns and rows of all other joints, px: what a joint can be mistaken for.
        spacing: mm a px.
        scale: size of the hand, 1 being an adult's.
    """

    attenuation: Array
    joints: Mapping[str, PosedJoint]
    others: Array
    spacing: float
    scale: float


def draw_posed_hand(
    seed: int, ranges: PoseRanges | None = None, *, size: tuple[float, float] = (0.7, 1.18)
) -> PosedHand:
    """Draw one right hand, seen from its back, fingers up.

    Args:
        seed: the same seed draws the same hand.
        ranges: of its pose; those of :class:`~scripts.phantoms.hand_pose.PoseRanges` if not given.
        size: of the hand, smallest and largest, 1 being an adult's; small ones are of children.
    """
    person = np.random.default_rng([seed, 30])
    pose, texture = draw_pose(person, ranges or PoseRanges()), draw_textures(person)
    scale = person.uniform(*size)
    grid = Grid(*SIZE, SPACING_MM / scale)
    bones, frames = _skeleton(pose, person)
    total = np.zeros(SIZE, np.float32)
    strength = person.uniform(0.5, 1.15)
    for number, (name, bone) in enumerate(bones.items()):
        moved = Textures(*(np.roll(tile, (97 * number, 61 * number), (0, 1)) for tile in texture))
        piece = draw_bone(bone, grid, person, moved)
        if piece is not None:
            drawn = strength * piece.attenuation
            if scale < CHILD and isinstance(bone, LongBone) and not name.startswith("DP"):
                drawn *= _growth_plate(name, bone, grid, piece.field, person)
            total[piece.field] += drawn
    total += _soft_tissue(pose, grid, person, texture)
    joints, others = {}, []
    for ray, points in pose.rays.items():
        pixels = grid.origin + points / grid.spacing
        there = pose.kept[ray]
        if there >= 2:
            joints[f"MCP{ray}"] = PosedJoint((pixels[1, 0], pixels[1, 1]), float(np.degrees(frames[ray])))
        others += [pixels[number] for number in range(len(points)) if number != 1 and number <= there]
        if there == 1:
            others += LONE_HEADS * [pixels[1]]
    return PosedHand(total, joints, np.array(others), SPACING_MM, float(scale))


def _skeleton(pose: Pose, person: Generator) -> tuple[dict[str, LongBone | PlainBone], dict[int, float]]:
    """Return the bones that are there, and the angle of each metacarpophalangeal joint, rad."""
    bones: dict[str, LongBone | PlainBone] = {}
    middle = np.array([0.0, 22.0])
    for name, outline in PLAIN.items():
        points: Array = np.array(outline, float) + person.normal(0, 0.4, (len(outline), 2))
        if name in ("radius", "ulna"):
            points = turn(points - middle, pose.wrist) + middle
        points[:, 0] *= pose.width
        thick = {"hook": 0.35, "pisiform": 0.55}.get(name, 0.85)
        bones[name] = PlainBone(points, 40.0 if name in ("radius", "ulna") else np.inf, thick)
    frames = {}
    for ray, joints in pose.rays.items():
        ends = draw_ends(ray, joints, person, person, pose.overlaps[f"MCP{ray}"])
        frames[ray] = float(ends[1][LOWER].angle)
        slip = turn(np.array([pose.aside[ray], 0.0]), frames[ray])
        lower, upper = ends[1]
        ends = [ends[0], (lower, _moved(upper, slip)), *((_moved(a, slip), _moved(b, slip)) for a, b in ends[2:])]
        kinds = ("MC", "PP", "DP") if ray == 1 else ("MC", "PP", "MP", "DP")
        for kind, base, head in list(zip(kinds, ends[:-1], ends[1:], strict=True))[: pose.kept[ray]]:
            thick = np.sqrt(head[LOWER].unit / UNIT_MM / 0.78) if kind in ("MP", "DP") else 1.0
            length = float(np.hypot(*(head[LOWER].joint - base[UPPER].joint)))
            bones[f"{kind}{ray}"] = LongBone(base[UPPER], head[LOWER], max(length, 4.0), float(thick))
        if ray == 1 and pose.kept[1] >= 1:
            bones |= draw_sesamoids(ends[1][LOWER], person)
    return bones, frames


def _moved(end: End, way: Array) -> End:
    return replace(end, joint=end.joint + way)


def _growth_plate(name: str, bone: LongBone, grid: Grid, field: tuple[slice, slice], person: Generator) -> Array:
    """Return the factor of a child's bone: a dark line across the head of a metacarpal, or the base of a phalanx."""
    end = bone.head if name.startswith("MC") and name != "MC1" else bone.base
    rows, columns = (np.arange(part.start, part.stop) for part in field)
    points = (np.stack(np.meshgrid(columns, rows), axis=-1) - grid.origin) * grid.spacing
    away = end.bone.local(*np.moveaxis(end.units(points.reshape(-1, 2)), -1, 0))[1].reshape(points.shape[:2])
    middle, width = person.uniform(34, 60), person.uniform(4, 10)
    return 1 - person.uniform(0.3, 0.85) * np.exp(-np.square((away * end.unit / UNIT_MM - middle) / width))


def _soft_tissue(pose: Pose, grid: Grid, person: Generator, texture: Textures) -> Array:
    """Return the attenuation of a hand without its bones, (rows, columns): rods and slabs that melt together."""
    step = COARSE * grid.spacing
    first = -grid.origin * grid.spacing
    x, y = (
        first[axis] + step * np.arange(-(-count // COARSE) + 1) for axis, count in ((0, grid.columns), (1, grid.rows))
    )
    pixels = np.stack(np.meshgrid(x, y), axis=-1).astype(np.float32)
    fat = person.uniform(0.85, 1.3)
    inside, radii, full = [], [], []
    for start, end, broad, narrow, thick in _rods(pose, fat):
        way, from_start = (end - start).astype(np.float32), pixels - start.astype(np.float32)
        share = (from_start @ way / max(float(way @ way), 1e-3)).clip(0.0, 1.0)
        radius = broad + (narrow - broad) * share
        away = np.hypot(*np.moveaxis(from_start - share[..., None] * way, -1, 0))
        inside.append(radius - away)
        radii.append(np.minimum(radius, 12.0))
        full.append(np.full_like(radius, thick))
    melt = person.uniform(1.2, 2.4)
    rods = np.stack(inside)
    weights = softmax(rods / 3.0, axis=0)
    coarse = np.stack([melt * logsumexp(rods / melt, axis=0) - 0.5, (weights * radii).sum(0), (weights * full).sum(0)])
    skin, radius, thick = (zoom(each, COARSE, order=1)[: grid.rows, : grid.columns] for each in coarse)
    thickness = np.sqrt(1 - np.square(1 - (skin / radius).clip(0.0, 1.0)))
    rows, columns = np.indices((grid.rows, grid.columns), dtype=np.float32)
    lumps = person.uniform(0.02, 0.08) * look(texture.density, 5 * columns * grid.spacing, 5 * rows * grid.spacing)
    under = person.uniform(0.0, 0.2) * np.exp(-np.square((skin - 3.0) / 1.3))
    drawn = person.uniform(0.6, 1.7) * thick * thickness * (1 + lumps * smooth_step(skin, 1.0, 5.0) - under)
    return gaussian_filter(drawn.astype(np.float32), 0.6)


def _rods(pose: Pose, fat: float) -> list[tuple[Array, Array, float, float, float]]:
    """Return start, end, radius at both, in mm, and attenuation of the parts of the hand's soft tissue."""
    rods = []
    for ray, points in pose.rays.items():
        there = pose.kept[ray]
        broad = [fat * radius for radius in RADII[ray]]
        rods.append((points[0], points[1], 11.5 * fat, broad[0] * 1.05, 0.3))
        tip = points[-1] + 0.12 * (points[-2] - points[-1])
        chain = [*points[1:-1], tip][: max(there, 1)]
        for number, (start, end) in enumerate(pairwise(chain)):
            rods.append((start, end, broad[number], broad[number + 1], 0.1 + 0.0115 * broad[number]))
    for ray in (2, 3, 4):  # webs between the fingers
        ends = [points[1] + 0.3 * (points[2] - points[1]) for points in (pose.rays[ray], pose.rays[ray + 1])]
        if np.hypot(*(ends[1] - ends[0])) < 32:
            rods.append((*ends, 7.0 * fat, 7.0 * fat, 0.2))
        feet = (pose.rays[ray][0] + pose.rays[ray + 1][0]) / 2
        rods.append((feet, (ends[0] + ends[1]) / 2, 9.0 * fat, 8.0 * fat, 0.27))
    thumb, index = pose.rays[1], pose.rays[2]
    rods.append((0.75 * thumb[1] + 0.25 * thumb[0], 0.55 * index[1] + 0.45 * index[0], 9.0 * fat, 10.0 * fat, 0.25))
    rods.append((0.5 * (thumb[0] + thumb[1]), index[0], 13.0 * fat, 12.0 * fat, 0.42))
    middle = np.array([0.0, 22.0])
    wrist, arm = (turn(np.array(point) - middle, pose.wrist) + middle for point in ([0.0, 45.0], [-1.0, 260.0]))
    rods.append((np.array([4.0, 2.0]), np.array([2.0, 24.0]), 29.0 * pose.width, 27.0 * pose.width, 0.38))
    rods.append((np.array([2.0, 24.0]), wrist, 27.0 * pose.width, 27.5 * pose.width, 0.38))
    rods.append((wrist, arm, 27.5 * pose.width, 36.0, 0.42))
    return rods
