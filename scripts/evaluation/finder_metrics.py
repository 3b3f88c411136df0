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

"""Figures of a finder of joints on films whose joints are known, and on films without a hand."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from monai.metrics import CalibrationErrorMetric

from scripts.inference.joint_finder import CONFIDENT, FoundJoint

NEAR_MM = 3.0
"""Distance within which a joint is found."""
WRONG_MM = 5.0
"""Distance beyond which a confident find is a silent miss."""
ANGLE_DEGREES = 8.0
BINS = 10


@dataclass(frozen=True)
class TrueJoint:
    """Joint of a film: its number 1 to 5, the side of its hand, column, row in px, lean in degrees."""

    number: int
    side: str
    x: float
    y: float
    angle: float


@dataclass(frozen=True)
class Find:
    """A joint that was found, against the truth.

    Attributes:
        confidence: of the find.
        distance: mm to the joint of its name and side; infinite if the film has none.
        angle_error: degrees; NaN if the film has no such joint.
    """

    confidence: float
    distance: float
    angle_error: float

    @property
    def is_right(self) -> bool:
        """Return whether name and side are right and the joint is near."""
        return self.distance <= NEAR_MM


def compare(found: Iterable[FoundJoint], truth: Sequence[TrueJoint], spacing: float) -> list[Find]:
    """Compare what was found on a film with what is there.

    Args:
        found: on the film.
        truth: all joints of the film.
        spacing: mm a px.
    """
    finds = []
    for joint in found:
        same = [each for each in truth if each.number == int(joint.name[-1]) and each.side == joint.side]
        distances = [spacing * float(np.hypot(joint.centre[0] - each.x, joint.centre[1] - each.y)) for each in same]
        nearest = int(np.argmin(distances)) if distances else -1
        turned = abs((joint.angle - same[nearest].angle + 180) % 360 - 180) if same else float("nan")
        finds.append(Find(joint.confidence, distances[nearest] if distances else float("inf"), turned))
    return finds


@dataclass(frozen=True)
class FinderFigures:
    """Figures of a finder.

    Attributes:
        joints: on the films.
        found: share of them that were found confidently, under their name and side, within 3 mm.
        right: share of confident finds that are right.
        within_3_mm: share of the finds of a joint that is there whose distance is 3 mm and less.
        angle_within_8: share of right finds whose angle is off by 8 degrees and less.
        silent_misses: share of confident finds that lie more than 5 mm off, or are of no joint.
        calibration_error: expected calibration error of all finds.
        median_mm, percentile_95_mm: distance of right and wrong finds of joints that are there.
    """

    joints: int
    found: float
    right: float
    within_3_mm: float
    angle_within_8: float
    silent_misses: float
    calibration_error: float
    median_mm: float
    percentile_95_mm: float

    def as_row(self) -> dict[str, Any]:
        """Return the figures by their names, rounded."""
        return {name: round(value, 4) for name, value in asdict(self).items()}


def figures(finds: Sequence[Find], joints: int) -> FinderFigures:
    """Return the figures of all finds of films with so many joints."""
    sure = [find for find in finds if find.confidence >= CONFIDENT]
    there = [find for find in finds if np.isfinite(find.distance)]
    right = [find for find in finds if find.is_right]
    distances = np.array([find.distance for find in there])
    return FinderFigures(
        joints=joints,
        found=sum(find.is_right for find in sure) / max(joints, 1),
        right=_mean([find.is_right for find in sure]),
        within_3_mm=_mean([find.is_right for find in there]),
        angle_within_8=_mean([find.angle_error <= ANGLE_DEGREES for find in right]),
        silent_misses=_mean([find.distance > WRONG_MM for find in sure]),
        calibration_error=calibration_error(finds),
        median_mm=float(np.median(distances)) if len(distances) else float("nan"),
        percentile_95_mm=float(np.percentile(distances, 95)) if len(distances) else float("nan"),
    )


def calibration_error(finds: Sequence[Find]) -> float:
    """Return the expected calibration error of the confidences.

    Source:
        Naeini et al., Obtaining well calibrated probabilities using Bayesian binning, AAAI 2015; MONAI's metric.
    """
    metric = CalibrationErrorMetric(num_bins=BINS, calibration_reduction="expected", include_background=True)
    confidence = torch.tensor([find.confidence for find in finds]).reshape(1, 1, 1, -1)
    right = torch.tensor([float(find.is_right) for find in finds]).reshape(1, 1, 1, -1)
    metric(y_pred=confidence, y=right)
    return float(torch.as_tensor(metric.aggregate()))


def confident_on(films: Mapping[str, Sequence[FoundJoint]]) -> dict[str, int]:
    """Return the films without a hand on which joints were found confidently, with how many."""
    counts = {name: sum(joint.confidence >= CONFIDENT for joint in found) for name, found in films.items()}
    return {name: count for name, count in counts.items() if count}


def _mean(values: Sequence[bool]) -> float:
    return float(np.mean(values)) if values else float("nan")
