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

"""Bones of a hand as formulas: five rays of long bones, the carpus, the ends of radius and ulna; lengths in mm.

The frame is that of a right hand seen from its back, as radiographs are hung: x to the right (towards the little
finger), y down, the base of the middle metacarpal at the origin.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator

from scripts.phantoms.hand_bones import UNIT_MM, End, LongBone, PlainBone
from scripts.phantoms.joint_anatomy import METACARPAL, PHALANX, Array, Bone, bring_together, draw_bones, turn
from scripts.physics import LOWER, UPPER

# fmt: off
# Control points of ends that scripts.phantoms.joint_anatomy has not, as its own: across, away from the joint,
# half-width 1.
HEAD = np.array([  # of a proximal or middle phalanx: two condyles
    (-0.68, 2.3), (-0.66, 1.85), (-0.7, 1.45), (-0.82, 1.08), (-0.95, 0.76), (-1.0, 0.46), (-0.9, 0.16), (-0.58, 0.0),
    (-0.26, 0.06), (0.0, 0.1), (0.26, 0.06),
    (0.58, 0.0), (0.9, 0.16), (1.0, 0.46), (0.95, 0.76), (0.82, 1.08), (0.7, 1.45), (0.66, 1.85), (0.68, 2.3),
])
BASE = np.array([  # of a middle or distal phalanx: two shallow sockets
    (-0.64, 2.3), (-0.66, 1.8), (-0.7, 1.4), (-0.8, 1.0), (-0.94, 0.62), (-1.0, 0.34), (-0.9, 0.1), (-0.52, 0.1),
    (-0.22, 0.04), (0.0, 0.0), (0.22, 0.04),
    (0.52, 0.1), (0.9, 0.1), (1.0, 0.34), (0.94, 0.62), (0.8, 1.0), (0.7, 1.4), (0.66, 1.8), (0.64, 2.3),
])
FOOT = np.array([  # of a metacarpal, on the carpus
    (-0.6, 2.3), (-0.64, 1.8), (-0.72, 1.35), (-0.84, 0.95), (-0.96, 0.6), (-1.0, 0.3), (-0.92, 0.08), (-0.6, 0.0),
    (-0.3, 0.05), (0.0, 0.1), (0.3, 0.06),
    (0.6, 0.0), (0.92, 0.06), (1.0, 0.3), (0.94, 0.62), (0.82, 0.95), (0.7, 1.35), (0.64, 1.8), (0.6, 2.3),
])
TUFT = np.array([  # of a distal phalanx
    (-0.5, 2.6), (-0.52, 2.1), (-0.6, 1.6), (-0.78, 1.2), (-0.98, 0.86), (-0.97, 0.5), (-0.8, 0.2), (-0.5, 0.04),
    (-0.25, 0.02), (0.0, 0.0), (0.25, 0.02),
    (0.5, 0.04), (0.8, 0.2), (0.97, 0.5), (0.98, 0.86), (0.78, 1.2), (0.6, 1.6), (0.52, 2.1), (0.5, 2.6),
])

# Joints of each ray, thumb to little finger, from the carpus to the finger's tip, in mm.
RAYS = {
    1: [(-26.0, 0.0), (-49.5, -38.5), (-57.5, -69.0), (-61.5, -91.0)],
    2: [(-12.5, -1.0), (-22.3, -66.5), (-26.2, -106.5), (-27.2, -130.0), (-27.0, -147.0)],
    3: [(0.0, -0.5), (0.0, -67.5), (0.8, -112.5), (1.5, -141.0), (1.8, -159.0)],
    4: [(10.5, 1.0), (22.0, -61.5), (26.2, -103.0), (28.0, -130.0), (28.6, -148.0)],
    5: [(19.5, 4.0), (44.2, -49.5), (51.0, -82.0), (54.0, -101.0), (55.4, -117.0)],
}
# Sizes of the bones' ends at these joints, the metacarpophalangeal joint of scripts.phantoms.joint_anatomy being 1.
SCALES = {
    1: (0.98, 0.95, 0.86, 0.66),
    2: (1.12, 1.02, 0.77, 0.62, 0.5),
    3: (1.0, 1.0, 0.79, 0.64, 0.52),
    4: (0.86, 0.93, 0.75, 0.61, 0.5),
    5: (0.92, 0.87, 0.66, 0.54, 0.44),
}
# Half-widths of the bones' shafts, in mm.
SHAFTS = {1: (4.4, 4.0, 2.9), 2: (4.2, 4.1, 3.3, 2.4), 3: (4.2, 4.25, 3.45, 2.5), 4: (3.6, 3.85, 3.2, 2.4),
          5: (3.6, 3.3, 2.7, 2.0)}

# Outlines of the bones of carpus and forearm, through which a closed curve is laid, in mm.
PLAIN = {
    "trapezium": [(-32, -0.5), (-26, -3), (-19, 0), (-16.8, 7), (-19.5, 13), (-26, 14), (-31.5, 8)],
    "trapezoid": [(-19, 0.5), (-12, -1.6), (-6.3, 1), (-6.3, 8), (-10.5, 12.5), (-16.5, 10.5)],
    "capitate": [(-7, 0), (0, -1.2), (5.7, 0.5), (6.2, 9), (6.4, 15), (4.9, 20.5), (0, 22.7), (-5, 20.5), (-7.2, 14),
                 (-6.8, 7)],
    "hamate": [(5.2, 1.5), (11, 1), (17, 3.5), (22, 7), (19.5, 12), (14, 17), (8.5, 21), (5.6, 18), (5.6, 9)],
    "hook": [(10, 8.5), (13, 7), (15.5, 8.5), (15.5, 12), (13, 14), (10.5, 12)],
    "scaphoid": [(-24, 13), (-19, 10.5), (-13, 12), (-8.2, 14.5), (-5.5, 20), (-4.5, 25), (-8, 29.2), (-14, 28.5),
                 (-19.5, 24), (-23.5, 19)],
    "lunate": [(-5, 24.5), (-1, 23.3), (4.6, 21.3), (9, 22), (11, 26.5), (9, 31.5), (3, 33.8), (-2.8, 32.8),
               (-5.4, 29)],
    "triquetrum": [(9.2, 22), (14, 16.5), (20, 12.5), (24.2, 15.5), (24.2, 21), (20.5, 26.5), (15, 29.5), (10.6, 28)],
    "pisiform": [(15.5, 18.5), (19, 15.5), (23.5, 17.5), (24, 22.5), (20, 25.5), (16.2, 23)],
    "radius": [(-23.5, 23.5), (-20.5, 23), (-15.5, 28.3), (-8, 32), (0, 35.2), (6.5, 36), (8.4, 39), (7.6, 44),
               (4, 52), (1.8, 64), (1, 90), (1, 220), (-12, 220), (-12, 90), (-13, 66), (-16, 54), (-21, 43),
               (-24.3, 32)],
    "ulna": [(9.8, 42), (11.5, 38.6), (16, 37.6), (19.8, 37), (21.6, 33.6), (23.8, 34.6), (24, 41), (23, 49),
             (21.8, 58), (21, 80), (22, 220), (11, 220), (11, 80), (11.2, 60), (10.2, 50)],
}
SESAMOIDS = ((-2.9, 8.6), (3.3, 7.9))
"""Across, away of the two small bones in front of the thumb's metacarpal head, in mm."""
# fmt: on


@dataclass(frozen=True)
class Skeleton:
    """Bones of one hand.

    Attributes:
        bones: name -> bone; ``MC2`` a metacarpal, ``PP2``, ``MP2``, ``DP2`` proximal, middle and distal phalanx.
        joints: name -> (2,) x, y in mm, of ``MCP1`` to ``MCP5``.
        rays: number -> (N, 2), the ray's joints from the carpus to the finger's tip, in mm.
    """

    bones: dict[str, LongBone | PlainBone]
    joints: dict[str, Array]
    rays: dict[int, Array]


def draw_skeleton(person: Generator, one_hand: Generator, overlaps: Mapping[str, float]) -> Skeleton:
    """Draw the bones of a right hand.

    Args:
        person: decides the shape of both hands.
        one_hand: decides the small differences between a person's two hands.
        overlaps: for ``MCP1`` to ``MCP5``, thickest column along the joint's axis, in 1/256 of 23 mm; negative: a gap.
    """
    bones: dict[str, LongBone | PlainBone] = {}
    for name, outline in PLAIN.items():
        points = np.array(outline, float) * person.uniform(0.98, 1.02)
        points += person.normal(0, 0.3, points.shape) + one_hand.normal(0, 0.1, points.shape)
        thick = {"hook": 0.35, "pisiform": 0.55}.get(name, 0.85)
        bones[name] = PlainBone(points, 40.0 if name in ("radius", "ulna") else np.inf, thick)
    joints: dict[str, Array] = {}
    rays: dict[int, Array] = {}
    longer = person.uniform(0.97, 1.04)
    for ray, points_mm in RAYS.items():
        # Fingers differ in length and in direction; the knuckles stay apart.
        rays[ray] = np.array(points_mm)
        rays[ray][1:, 1] = rays[ray][0, 1] + (rays[ray][1:, 1] - rays[ray][0, 1]) * longer
        lean = person.normal(0, 0.015) + one_hand.normal(0, 0.01)
        finger = (rays[ray][2:] - rays[ray][1]) * (1 + person.normal(0, 0.015))
        rays[ray][2:] = turn(finger, lean) + rays[ray][1]
        ends = draw_ends(ray, rays[ray], person, one_hand, overlaps.get(f"MCP{ray}", 0.0))
        kinds = ("MC", "PP", "DP") if ray == 1 else ("MC", "PP", "MP", "DP")
        for kind, base, head in zip(kinds, ends[:-1], ends[1:], strict=True):
            thick = np.sqrt(head[LOWER].unit / UNIT_MM / 0.78) if kind in ("MP", "DP") else 1.0
            length = float(np.hypot(*(head[LOWER].joint - base[UPPER].joint)))
            bones[f"{kind}{ray}"] = LongBone(base[UPPER], head[LOWER], length, thick)
        joints[f"MCP{ray}"] = rays[ray][1]
        if ray == 1:
            bones |= draw_sesamoids(ends[1][LOWER], person)
    return Skeleton(bones, joints, rays)


def draw_ends(ray: int, joints: Array, person: Generator, one_hand: Generator, overlap: float) -> list[tuple[End, End]]:
    """Draw the lower and the upper bone's end at each joint; the first lower and the last upper one are of no bone."""
    steps = np.diff(joints, axis=0)
    angles = np.arctan2(steps[:, 0], -steps[:, 1])
    last = len(steps)
    ends = []
    for number, joint in enumerate(joints):
        near = [max(number - 1, 0), min(number, last - 1)]  # the bones that meet here
        frame, unit = angles[near].mean(), UNIT_MM * SCALES[ray][number]
        tables = {0: (TUFT, FOOT), 1: (METACARPAL, PHALANX), last: (TUFT, FOOT)}.get(number, (HEAD, BASE))
        shapes = []
        for bone, which in zip(draw_bones(person, one_hand, 0.0, tables), near, strict=True):
            half = np.hypot(*steps[which]) / 2
            shape = _to_middle(bone, half / unit, SHAFTS[ray][which] / unit)
            shapes.append(replace(shape, tilt=angles[which] - frame, offset=0.0))
        if 0 < number < last:
            depth = overlap * UNIT_MM / unit if number == 1 else person.uniform(-13, -7)
            shapes = bring_together(shapes, depth, middle=0.0)
        lower, upper = (End(bone, joint, frame, unit) for bone in shapes)
        ends.append((lower, upper))
    return ends


def _to_middle(bone: Bone, half: float, width: float) -> Bone:
    """Extend an end's shaft to the bone's middle, ``half`` units away, where half its width is ``width``."""
    near = bone.points[bone.points[:, 1] < 0.75 * half]
    way = np.linspace(0.0, 1.0, 5)[1:]
    left, right = (
        np.stack([side + (start[0] - side) * np.square(1 - way), start[1] + (half - start[1]) * way], axis=1)
        for start, side in ((near[0], -width), (near[-1], width))
    )
    return replace(bone, points=np.concatenate([left[::-1], near, right]))


def draw_sesamoids(head: End, person: Generator) -> dict[str, PlainBone]:
    """Draw the two small bones in front of the thumb's metacarpal head."""
    angles = np.linspace(0, 2 * np.pi, 9)[:-1]
    oval = np.stack([2.2 * np.cos(angles), 2.9 * np.sin(angles)], axis=1)
    outlines = (turn(oval * person.uniform(0.85, 1.1, (8, 1)) + middle, head.angle) for middle in SESAMOIDS)
    return {f"sesamoid{i}": PlainBone(points + head.joint, np.inf, 0.3) for i, points in enumerate(outlines, 1)}
