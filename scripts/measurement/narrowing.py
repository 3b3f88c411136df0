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

"""Joint space narrowing between two visits: each bone registered by itself, forward and backward."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from scripts.measurement.bone_halves import halves_apart
from scripts.measurement.joint_image import JointImage, axis_of
from scripts.measurement.registration import Bone, Motion, register
from scripts.physics import LOWER, RIM, UPPER, grow

TURNED = 15.0
"""Degrees by which a hand may be turned between visits."""

UNLIKE = 0.4
"""Correlation of a bone's two visits below which it is not the same view of the same bone."""

APART, DETAIL, HALVES = 0.6, 0.5, 1.1
"""Px by which the way forward and the way back may disagree; coarse and fine detail; halves of the bones (RMS)."""

LEANS_OFF = 8.0
"""Degrees between both bones' turns from which on a reader is told."""

SATURATED = 0.02
"""Share of a bone's pixels at white above which it cannot be registered."""

DISAGREEMENT, BY_HALVES, LEAST = 0.5, 0.25, 0.06
"""Standard error: what share of a disagreement counts beside the squares' spread, and what no measure shows, px."""


@dataclass(frozen=True, kw_only=True)
class Narrowing:
    """Change of the joint space between two visits, px of the measuring grid.

    Attributes:
        px: change of the width along the axis, negative where the space is narrower.
        standard_error: of it.
        spread: standard error by the squares of both bones alone.
        apart: forward and backward together, which would be 0.
        detail_apart: what fine detail (a Gaussian of 2 px) says beyond coarse detail (3 px), which would be 0.
        halves_apart: root mean square of how far halves of both bones lie from where the whole ones are found.
        reliability: 0..1, the smaller of both bones' correlations.
        turn: degrees by which the finger is turned at the second visit.
        turn_apart: degrees between both bones' turns.
        angle: of the axis along which it is measured, degrees, at the first visit.
    """

    px: float
    standard_error: float
    spread: float
    apart: float
    detail_apart: float
    halves_apart: float
    reliability: float
    turn: float
    turn_apart: float
    angle: float

    @property
    def refused(self) -> str:
        """Say why it is no measurement; empty if it is one."""
        if abs(self.turn) > TURNED:
            return f"the finger is turned by {abs(self.turn):.0f} degrees, expected at most {TURNED:.0f}"
        if self.reliability < UNLIKE:
            return (
                f"a bone looks different at the two visits (correlation {self.reliability:.2f}, expected {UNLIKE}): "
                "turned out of the plane?"
            )
        if abs(self.apart) > APART:
            return f"forward and backward differ by {abs(self.apart):.1f} px, expected at most {APART}"
        if abs(self.detail_apart) > DETAIL:
            return f"coarse and fine detail differ by {abs(self.detail_apart):.1f} px, expected at most {DETAIL}"
        if self.halves_apart > HALVES:
            return f"halves of the bones differ by {self.halves_apart:.1f} px, expected at most {HALVES}"
        return ""

    @property
    def warnings(self) -> tuple[str, ...]:
        """Say what a reader should know."""
        if abs(self.turn_apart) > LEANS_OFF:
            return (f"the bones are turned against each other by {abs(self.turn_apart):.0f} degrees",)
        return ()


def bones_of(joint: JointImage, left_out: np.ndarray | None = None) -> tuple[Bone, Bone]:
    """Return the lower and the upper bone of a joint, ready to be registered to those of many visits.

    Args:
        joint: one visit.
        left_out: (H, W) bool, pixels that do not count.
    """
    regions = grow(torch.from_numpy(joint.masks)[None], RIM)[0].numpy() & joint.usable
    if left_out is not None:
        regions = regions & ~left_out
    lower = Bone(joint.layers[LOWER], regions[LOWER], joint.head, joint.axis)
    upper = Bone(joint.layers[UPPER], regions[UPPER], joint.centre, joint.axis)
    return lower, upper


def narrowing(
    first: JointImage,
    second: JointImage,
    bones: tuple[tuple[Bone, Bone], tuple[Bone, Bone]] | None = None,
) -> Narrowing:
    """Measure the change of the joint space between two visits.

    The phalanx is registered first; the metacarpal near to its motion. The metacarpal head is a ball in the phalanx'
    socket: the change is how far the head's centre (:attr:`JointImage.head`) has come away from the phalanx, along its
    axis, so that a joint which bends or sways is not taken for a wider one. It is the mean of both ways.

    Args:
        first, second: the visits.
        bones: of both, where they are at hand (:func:`bones_of`).
    """
    fixed, moving = bones or (bones_of(first), bones_of(second))
    upper = register(fixed[UPPER], moving[UPPER], turn=second.angle - first.angle)
    lower = register(fixed[LOWER], moving[LOWER], like=_at_head(upper, fixed, moving))
    upper_back = register(moving[UPPER], fixed[UPPER], near=upper.inverse)
    lower_back = register(moving[LOWER], fixed[LOWER], near=lower.inverse, like=_at_head(upper_back, moving, fixed))
    ways = (lower, upper), (lower_back, upper_back)
    angle = (first.angle + second.angle - upper.turn) / 2
    px, apart, spread = _both_ways(ways, fixed, moving, angle)
    coarser, _, _ = _both_ways([[each.coarser or each for each in way] for way in ways], fixed, moving, angle)
    halves = _halves_apart((lower, upper), fixed, moving, axis_of(angle + upper.turn))
    return Narrowing(
        px=px,
        standard_error=math.hypot(
            spread, DISAGREEMENT * apart, DISAGREEMENT * (px - coarser), BY_HALVES * halves, LEAST
        ),
        spread=spread,
        apart=apart,
        detail_apart=px - coarser,
        halves_apart=halves,
        reliability=max(0.0, min(each.correlation for way in ways for each in way)),
        turn=upper.turn,
        turn_apart=lower.turn - upper.turn,
        angle=angle,
    )


def _both_ways(
    ways: Sequence[Sequence[Motion]], fixed: Sequence[Bone], moving: Sequence[Bone], angle: float
) -> tuple[float, float, float]:
    """Return the change, forward and backward together, and the standard error by the squares, px.

    It is read at one point, along one axis: the head's centre, halfway between those of both visits, carried along with
    the metacarpal, and the axis, carried along with the phalanx.

    Args:
        ways: motions (lower, upper) there and back.
        fixed, moving: the bones.
        angle: degrees by which the axis leans to the right at the first visit.
    """
    (lower, upper), back = ways
    seconds = lower.inverse.of(moving[LOWER].about, moving[LOWER], fixed[LOWER])
    head = (np.array(fixed[LOWER].about) + seconds) / 2
    there = lower.of(head, fixed[LOWER], moving[LOWER])
    forward = _apart((lower, upper), head, fixed, moving, axis_of(angle + upper.turn))
    backward = _apart(back, there, moving, fixed, axis_of(angle))
    return (forward[0] - backward[0]) / 2, forward[0] + backward[0], (forward[1] + backward[1]) / 2


def _halves_apart(motions: Sequence[Motion], fixed: Sequence[Bone], moving: Sequence[Bone], axis: np.ndarray) -> float:
    """Return the root mean square of how far halves of both bones lie from the whole ones, px along the axis."""
    lower, upper = motions
    head, like = np.array(fixed[LOWER].about), _at_head(upper, fixed, moving)
    each = halves_apart(fixed[LOWER], moving[LOWER], lower, at=head, axis=axis, like=like)
    each += halves_apart(fixed[UPPER], moving[UPPER], upper, at=head, axis=axis)
    return float(np.sqrt(np.mean(np.square(each)))) if each else 0.0


def _at_head(upper: Motion, fixed: Sequence[Bone], moving: Sequence[Bone]) -> Motion:
    """Return the phalanx' motion as one of the metacarpal head's centre."""
    head, there = (each[LOWER].about for each in (fixed, moving))
    return replace(upper, shift=upper.of(head, fixed[UPPER], moving[UPPER]) - there)


def _apart(
    motions: Sequence[Motion], point: np.ndarray, fixed: Sequence[Bone], moving: Sequence[Bone], axis: np.ndarray
) -> tuple[float, float]:
    """Return how far both bones move apart at a point, along an axis, and its standard error."""
    lower, upper = (motions[bone].of(point, fixed[bone], moving[bone]) for bone in (LOWER, UPPER))
    variance = sum(axis @ motion.covariance @ axis for motion in motions)
    return float((upper - lower) @ axis), math.sqrt(variance)
