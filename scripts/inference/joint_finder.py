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

"""Finding of the metacarpophalangeal joints of a whole radiograph: a proposal, each joint with its confidence."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from monai.networks.utils import eval_mode
from torch import Tensor
from torch.nn.functional import affine_grid, avg_pool2d, grid_sample, interpolate, max_pool2d, pad

from scripts.dicom.attributes import values
from scripts.dicom.reader import Radiograph
from scripts.inference.constellation import Candidate, Constellation, HandShape
from scripts.networks.finder import CLOSEUP_MM, CLOSEUP_PX, JOINT_CHANNELS, OVERVIEW_MM, Finder

CONFIDENT = 0.8
"""Confidence from which on a joint is separated without anybody having looked at it."""
SEEN = 0.3
"""Confidence that one joint of a hand must have at least: else there is no hand."""
PEAK = 0.04
"""Probability from which on a maximum of the overview is a candidate."""
MOST_CANDIDATES = 3
"""Candidates for each of MCP1 to MCP5."""
BIAS = 2.0
"""Evidence of a maximum by itself: most of those that are as high as :data:`PEAK` are joints."""
REACH_MM = 9.0
"""How far the closer look may move a candidate, mm."""
APART_MM = 8.0
"""Distance below which two finds are one joint, mm."""
SMALLEST_MM = 40.0
"""Side of a film below which it shows no hand, mm."""
LARGEST_MM = 640.0
"""Side of a film that is looked at, mm: larger ones have a wrong spacing."""


@dataclass(frozen=True)
class FoundJoint:
    """Joint that was found.

    Attributes:
        name: ``MCP1`` to ``MCP5``; with two hands on the film ``right-MCP1`` and so on.
        centre: column and row, px of the radiograph.
        angle: degrees by which its axis leans to the right.
        confidence: 0..1, how often such a find lies within 3 mm of the joint of this name.
        side: ``"right"`` or ``"left"`` hand, seen from its back.
        features: what the confidence is computed from: logits of overview and closer look, how well the joint fits the
            others, how many joints the hand has, and how likely they are on average.
    """

    name: str
    centre: tuple[float, float]
    angle: float
    confidence: float
    side: str
    features: tuple[float, ...] = ()


class JointFinder:
    """Finder of joints in radiographs.

    Args:
        network: its weights hold what it has learned of hands.
    """

    def __init__(self, network: Finder) -> None:
        self.network = network

    def find(self, radiograph: Radiograph) -> list[FoundJoint]:
        """Find the joints of a radiograph, of two hands at most; none where it shows no hand.

        Args:
            radiograph: fingers up, or down if its header says so.
        """
        rows, columns = radiograph.levels.shape
        gray = torch.from_numpy(radiograph.gray((0, 0, rows, columns)))
        found = self.find_in(gray, radiograph.spacing)
        if fingers_down(radiograph):
            # Headers are wrong often enough to look at both.
            turned = [
                replace(joint, centre=(columns - 1 - joint.centre[0], rows - 1 - joint.centre[1]))
                for joint in self.find_in(gray.flip(0, 1), radiograph.spacing)
            ]
            found = max(found, turned, key=lambda joints: sum(joint.confidence for joint in joints))
        if values(radiograph.dataset, "ViewPosition") == ["AP"]:
            # Seen from the palm.
            found = [_of_other_side(joint) for joint in found]
        return found

    def find_in(self, gray: Tensor, spacing: tuple[float, float]) -> list[FoundJoint]:
        """Find the joints of an image whose fingers point up.

        Args:
            gray: (rows, columns), gray levels 0..1, bright = more attenuation.
            spacing: mm a px, down and across.
        """
        rows, columns = gray.shape
        sides = (rows * spacing[0], columns * spacing[1])
        if max(sides) > LARGEST_MM or min(sides) < SMALLEST_MM:
            return []
        device = self.network.pair_mean.device
        height, width = (2 * round(side / CLOSEUP_MM / 2) for side in sides)
        with eval_mode(self.network), torch.inference_mode():
            film = gray[None, None].to(device)
            hands = self._hands(interpolate(film, (height, width), mode="bilinear", antialias=height < rows))
        rated = [(hand, features := confidence_features(hand), self._confidences(features)) for hand in hands]
        rated = [each for each in rated if max(each[2]) >= SEEN]
        found = []
        prefixes = _prefixes([hand.side for hand, _, _ in rated])
        for prefix, (hand, features, confidences) in zip(prefixes, rated, strict=True):
            for candidate, seen, confidence in zip(hand.candidates, features, confidences, strict=True):
                x = candidate.x / CLOSEUP_MM * columns / width - 0.5
                y = candidate.y / CLOSEUP_MM * rows / height - 0.5
                angle = math.degrees(math.atan2(math.sin(candidate.lean), math.cos(candidate.lean)))
                name = f"{prefix}MCP{candidate.number}"
                found.append(FoundJoint(name, (x, y), angle, confidence, hand.side, seen))
        return [joint for joint in found if not _is_doubled(joint, found, spacing) and _is_inside(joint, gray.shape)]

    def _hands(self, near: Tensor) -> list[Constellation]:
        """Return the hands of a film of 0.4 mm a px, in its mm."""
        film = avg_pool2d(near, 2)
        height, width = film.shape[2:]
        answer = self.network(pad(film, [0, -width % 32, 0, -height % 32], mode="replicate"))
        peaks = _peaks(answer[0, :, : (height + 1) // 2, : (width + 1) // 2])
        if not peaks:
            return []
        crops = _crops(near, peaks)
        answers = self.network.look_closer(crops)
        looked = [_moved(peak, answer) for peak, answer in zip(peaks, answers, strict=True)]
        mean, covariance = self.network.pair_mean, self.network.pair_covariance
        return HandShape(mean.double().cpu().numpy(), covariance.double().cpu().numpy()).hands(looked)

    def _confidences(self, features: Sequence[tuple[float, ...]]) -> list[float]:
        """Return the confidence of each joint, by the calibration that the weights hold."""
        weights = self.network.calibration.double().cpu()
        values: list[float] = torch.sigmoid(torch.tensor(features).double() @ weights[:-1] + weights[-1]).tolist()
        return values


def _of_other_side(joint: FoundJoint) -> FoundJoint:
    """Return a joint of a hand that is seen from the other side."""
    side = "left" if joint.side == "right" else "right"
    return replace(joint, side=side, name=joint.name.replace(f"{joint.side}-", f"{side}-"))


def _prefixes(sides: Sequence[str]) -> list[str]:
    """Return what tells the joints of one hand of a film from those of the other, in their names."""
    if len(sides) < 2:
        return [""] * len(sides)
    return [f"{side}-" for side in sides] if len(set(sides)) == len(sides) else ["hand1-", "hand2-"]


def _is_doubled(joint: FoundJoint, found: Sequence[FoundJoint], spacing: tuple[float, float]) -> bool:
    """Return whether another joint, a surer one, was found on the same place."""
    for other in found:
        across, down = (one - two for one, two in zip(joint.centre, other.centre, strict=True))
        near = math.hypot(across * spacing[1], down * spacing[0]) < APART_MM
        if other is not joint and near and other.confidence >= joint.confidence:
            return True
    return False


def _is_inside(joint: FoundJoint, shape: Sequence[int]) -> bool:
    """Return whether a joint lies on the film."""
    return 0 <= joint.centre[0] <= shape[1] - 1 and 0 <= joint.centre[1] <= shape[0] - 1


def confidence_features(hand: Constellation) -> list[tuple[float, ...]]:
    """Return :attr:`FoundJoint.features` of each joint of a hand."""
    size = len(hand.candidates)
    return [
        (each.overview, each.closer, math.sqrt(fit), float(size), hand.score / size)
        for each, fit in zip(hand.candidates, hand.fit, strict=True)
    ]


def fingers_down(radiograph: Radiograph) -> bool:
    """Return whether the header says that the fingers point down: rows that run towards the feet, or distally.

    Source:
        DICOM PS3.3, C.7.6.1.1.1 (Patient Orientation): a hand's fingers are its end towards the feet.
    """
    orientation = [str(direction) for direction in values(radiograph.dataset, "PatientOrientation")]
    return len(orientation) == 2 and orientation[1].upper().startswith(("F", "DI"))


def _peaks(answer: Tensor) -> list[Candidate]:
    """Return the maxima of the overview's answer (7, H, W), in mm of the film."""
    chance = torch.sigmoid(answer[:JOINT_CHANNELS])
    highest = max_pool2d(chance[None], 5, 1, 2)[0]
    peaks = []
    for channel, map_ in enumerate(chance):
        rows, columns = ((map_ == highest[channel]) & (map_ > PEAK)).nonzero(as_tuple=True)
        order = map_[rows, columns].argsort(descending=True)[:MOST_CANDIDATES]
        for row, column in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
            down, across = _centroid(map_, row, column, 2)
            lean = float(torch.atan2(answer[-2, row, column], answer[-1, row, column]))
            logit = float(answer[channel, row, column])
            place = ((across + 0.5) * 2 * OVERVIEW_MM, (down + 0.5) * 2 * OVERVIEW_MM)
            peaks.append(Candidate(channel + 1, *place, lean, _clipped(logit) + BIAS, overview=logit))
    return peaks


def _moved(peak: Candidate, answer: Tensor) -> Candidate:
    """Move a candidate to the joint that its closer look (3, 96, 96) sees, and weigh it by both looks."""
    middle = (CLOSEUP_PX - 1) / 2
    line = torch.arange(CLOSEUP_PX, device=answer.device) - middle
    reach = line[:, None].square() + line.square() <= (REACH_MM / CLOSEUP_MM) ** 2
    chance = torch.sigmoid(answer[0])
    row, column = divmod(int((chance * reach).argmax()), CLOSEUP_PX)
    down, across = (side - middle for side in _centroid(chance, row, column, 3))
    logit, cos, sin = float(answer[0, row, column]), math.cos(peak.lean), math.sin(peak.lean)
    return replace(
        peak,
        x=peak.x + CLOSEUP_MM * (across * cos - down * sin),
        y=peak.y + CLOSEUP_MM * (across * sin + down * cos),
        lean=peak.lean + float(torch.atan2(answer[1, row, column], answer[2, row, column])),
        evidence=peak.evidence + _clipped(logit),
        closer=logit,
    )


def _centroid(chance: Tensor, row: int, column: int, reach: int) -> tuple[float, float]:
    """Return the centre of mass around a maximum, row and column."""
    top, left = max(row - reach, 0), max(column - reach, 0)
    window = chance[top : row + reach + 1, left : column + reach + 1].double()
    weight = window / window.sum()
    rows, columns = (torch.arange(size, device=chance.device) for size in window.shape)
    return top + float(weight.sum(dim=1) @ rows.double()), left + float(weight.sum(dim=0) @ columns.double())


def _clipped(logit: float) -> float:
    return max(-6.0, min(6.0, logit))


def _crops(near: Tensor, places: Sequence[Candidate]) -> Tensor:
    """Cut squares out of a film of 0.4 mm a px, each turned upright around its place, (N, 1, 96, 96)."""
    height, width = near.shape[2:]
    thetas = []
    for place in places:
        cos, sin = np.cos(place.lean), np.sin(place.lean)
        x, y = 2 * place.x / CLOSEUP_MM / width - 1, 2 * place.y / CLOSEUP_MM / height - 1
        wide, high = CLOSEUP_PX / width, CLOSEUP_PX / height
        thetas.append([[cos * wide, -sin * wide, x], [sin * high, cos * high, y]])
    grid = affine_grid(
        torch.tensor(thetas, dtype=torch.float32, device=near.device),
        [len(places), 1, CLOSEUP_PX, CLOSEUP_PX],
        align_corners=False,
    )
    return grid_sample(near.expand(len(places), -1, -1, -1), grid, padding_mode="border", align_corners=False)
