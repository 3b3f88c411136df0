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

"""Poses of a hand: spread and bent fingers, ulnar drift, subluxation, lost fingers, wrists that deviate; lengths in mm.

The frame is that of :mod:`scripts.phantoms.hand_skeleton`: a right hand seen from its back.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from scripts.phantoms.hand_skeleton import RAYS
from scripts.phantoms.joint_anatomy import Array, draw_overlap, turn


@dataclass(frozen=True)
class PoseRanges:
    """Ranges that poses are drawn from: angles in degrees, shares 0..1.

    Attributes:
        spread: of the fingers, each against the next one.
        finger: standard deviation of the angle of each finger by itself.
        thumb: of the thumb's metacarpal and of its phalanges, from its usual pose.
        drift: largest ulnar drift of the fingers at their metacarpophalangeal joints.
        drifting: share of hands with ulnar drift.
        bent: standard deviation of the angle at the other joints of a finger.
        flexed: share of fingers that bend towards the detector, so that their phalanges look short.
        wrist: largest deviation of the forearm.
        narrow: smallest width of the palm in an oblique view, 1 in a PA view.
        oblique: share of oblique views.
        subluxed: share of joints whose phalanx has slipped aside.
        amputated: share of rays that have lost bones.
        longer: standard deviation of the length of each bone.
    """

    spread: tuple[float, float] = (-3.0, 12.0)
    finger: float = 4.0
    thumb: tuple[float, float] = (-24.0, 24.0)
    drift: float = 35.0
    drifting: float = 0.2
    bent: float = 6.0
    flexed: float = 0.12
    wrist: float = 22.0
    narrow: float = 0.68
    oblique: float = 0.2
    subluxed: float = 0.1
    amputated: float = 0.04
    longer: float = 0.05


@dataclass(frozen=True)
class Pose:
    """Pose of one hand.

    Attributes:
        rays: number -> (N, 2), x, y of the ray's joints from the carpus to the finger's tip, in mm.
        kept: number -> how many of the ray's bones are there; 0: not even the metacarpal.
        overlaps: ``MCP1`` to ``MCP5`` -> thickest column of the overlap in 1/256 of 23 mm; negative: a gap.
        aside: number -> by how much the proximal phalanx has slipped aside, in mm.
        wrist: angle of the forearm, rad.
        width: of the palm, 1 in a PA view.
    """

    rays: Mapping[int, Array]
    kept: Mapping[int, int]
    overlaps: Mapping[str, float]
    aside: Mapping[int, float]
    wrist: float
    width: float


def draw_pose(person: Generator, ranges: PoseRanges) -> Pose:
    """Draw a pose of the five rays.

    Args:
        person: decides it.
        ranges: to draw it from.
    """
    width = person.uniform(ranges.narrow, 0.95) if person.random() < ranges.oblique else person.uniform(0.94, 1.05)
    spread = np.radians(person.uniform(*ranges.spread))
    drift = np.radians(person.uniform(8.0, ranges.drift)) if person.random() < ranges.drifting else 0.0
    fan = np.radians(person.uniform(-1.5, 2.5))
    rays, kept, aside, overlaps = {}, {}, {}, {}
    for ray, points in RAYS.items():
        steps = np.diff(np.array(points, float), axis=0) * (1 + person.normal(0, ranges.longer, (len(points) - 1, 1)))
        steps[:1] *= 1 + person.normal(0, 0.03)
        if ray == 1:
            turns = np.radians([person.uniform(*ranges.thumb), *person.uniform(*ranges.thumb, len(steps) - 1) * 0.9])
            turns[1:] = turns[0] * 0.6 + turns[1:]
        else:
            finger = (ray - 3) * spread + drift + np.radians(person.normal(0, ranges.finger))
            bent = np.radians(person.normal(0, ranges.bent, len(steps) - 2)).cumsum()
            turns = np.array([(ray - 3) * fan, finger, *(finger + bent)])
        if person.random() < ranges.flexed:
            steps[1:] *= person.uniform(0.45, 0.95, (len(steps) - 1, 1))
        turned = np.stack([turn(step, angle) for step, angle in zip(steps, turns, strict=True)])
        rays[ray] = np.concatenate([np.zeros((1, 2)), turned]).cumsum(axis=0) + np.array(points[0])
        rays[ray][:, 0] *= width
        kept[ray] = int(person.integers(0, len(steps))) if person.random() < ranges.amputated else len(steps)
        aside[ray] = person.normal(0, 3.0) if person.random() < ranges.subluxed else person.normal(0, 0.4)
        overlaps[f"MCP{ray}"] = _draw_depth(person, slipped=abs(aside[ray]) > 2)
    return Pose(rays, kept, overlaps, aside, np.radians(person.uniform(-ranges.wrist, ranges.wrist)), width)


def joints_of(pose: Pose) -> dict[int, tuple[float, float, float]]:
    """Return x and y, in mm, and the lean, rad, of the metacarpophalangeal joints whose two bones are there."""
    joints = {}
    for ray, points in pose.rays.items():
        if pose.kept[ray] >= 2:
            steps = np.diff(points[:3], axis=0)
            joints[ray] = (*points[1], float(np.arctan2(steps[:, 0], -steps[:, 1]).mean()))
    return joints


def _draw_depth(person: Generator, *, slipped: bool) -> float:
    """Draw how deep two bones overlap, or how wide their gap is: a slipped phalanx lies further over the head."""
    if slipped:
        return float(person.uniform(0, 38))
    return draw_overlap(person) if person.random() < 0.5 else float(person.uniform(-22, 0))
