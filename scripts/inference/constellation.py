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

"""Constellation of a hand's joints: which candidates together make a right or a left hand."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]

FILM_MM2 = 40000.0
"""Area over which a joint that belongs to no hand may lie, mm2."""
FURTHEST = 40.0
"""Squared distance, in standard deviations, from which on a pair is as wrong as can be."""
PAIR_WEIGHT = 0.5
"""Weight of a pair beside that of a joint: the pairs of a hand tell partly the same."""
FEWEST = 2
"""Joints of a hand that is told from nothing."""
FEWEST_OF_SECOND = 3
SECOND_SHARE = 0.5
"""Joints of a second hand on a film, and its score as a share of the first one's: below, it is stray candidates."""
HANDS_APART_MM = 60.0
"""Distance between the middles of two hands."""


@dataclass(frozen=True)
class Candidate:
    """A place where one joint may be.

    Attributes:
        number: 1 to 5, of the joint that it may be.
        x, y: mm from the film's upper left corner.
        lean: rad, of the axis to the right.
        evidence: logarithm of how much likelier a joint lies here than not, from what the networks see.
        overview: logit of the overview.
        closer: logit of the closer look.
    """

    number: int
    x: float
    y: float
    lean: float
    evidence: float
    overview: float = 0.0
    closer: float = 0.0


@dataclass(frozen=True)
class Constellation:
    """Candidates that make one hand.

    Attributes:
        candidates: one at most for each number.
        side: ``"right"`` or ``"left"``, of a hand seen from its back.
        score: sum of evidence.
        fit: for each candidate, the mean squared distance of its pairs from what hands have, in standard deviations.
    """

    candidates: tuple[Candidate, ...]
    side: str
    score: float
    fit: tuple[float, ...]


class HandShape:
    """Distances between the joints of hands, learned from pairs of joints in the frame of their leans.

    Args:
        mean: (5, 5, 2) from a joint to another one, to the right and down of a right hand, mm.
        covariance: (5, 5, 2, 2), mm2.
    """

    def __init__(self, mean: Array, covariance: Array) -> None:
        self.mean, self.covariance = mean, covariance
        self.precision = np.linalg.inv(covariance)
        self.constant = np.log(FILM_MM2) - 0.5 * np.log(np.linalg.det(2 * np.pi * covariance))

    @staticmethod
    def between(first: Candidate, second: Candidate, *, mirrored: bool) -> Array:
        """Return the way from one joint to another one in the frame of their leans, (2,) mm."""
        # The thumb leans as it likes.
        leans = [each.lean for each in (first, second) if each.number != 1]
        frame = float(np.arctan2(np.mean(np.sin(leans)), np.mean(np.cos(leans))))
        x, y = second.x - first.x, second.y - first.y
        x, y = x * np.cos(frame) + y * np.sin(frame), -x * np.sin(frame) + y * np.cos(frame)
        return np.array([-x if mirrored else x, y])

    def apart(self, first: Candidate, second: Candidate, *, mirrored: bool) -> float:
        """Return the squared distance of a pair from what hands have, in standard deviations."""
        i, j = first.number - 1, second.number - 1
        way = self.between(first, second, mirrored=mirrored) - self.mean[i, j]
        return float(way @ self.precision[i, j] @ way)

    def hands(self, candidates: list[Candidate], *, most: int = 2) -> list[Constellation]:
        """Choose the hands that the candidates make best, at most so many; a candidate is in one of them only."""
        found: list[Constellation] = []
        left = list(candidates)
        while len(found) < most:
            best = max((self._best(left, mirrored=mirrored) for mirrored in (False, True)), key=lambda each: each.score)
            if len(best.candidates) < FEWEST or best.score <= 0 or (found and not _is_second(best, found[0])):
                break
            found.append(best)
            left = [each for each in left if not any(_near(each, taken) for taken in best.candidates)]
        return found

    def _best(self, candidates: list[Candidate], *, mirrored: bool) -> Constellation:
        """Weigh every choice of one candidate or none for each number."""
        groups: list[list[Candidate | None]] = [
            [*(each for each in candidates if each.number == number), None] for number in range(1, 6)
        ]
        shape = tuple(map(len, groups))
        score = np.zeros(shape)
        for axis, group in enumerate(groups):
            score += _along([each.evidence if each else 0.0 for each in group], axis)
        for i, j in combinations(range(5), 2):
            table = np.zeros((shape[i], shape[j]))
            for a, first in enumerate(groups[i]):
                for b, second in enumerate(groups[j]):
                    if first is not None and second is not None:
                        apart = min(self.apart(first, second, mirrored=mirrored), FURTHEST)
                        table[a, b] = PAIR_WEIGHT * (self.constant[i, j] - 0.5 * apart)
            wide = [1] * 5
            wide[i], wide[j] = table.shape
            score += table.reshape(wide)
        chosen = np.unravel_index(int(score.argmax()), shape)
        members = tuple(each for group, at in zip(groups, chosen, strict=True) if (each := group[at]) is not None)
        fit = tuple(
            float(np.mean([min(self._apart_sorted(a, b, mirrored), FURTHEST) for b in members if b is not a] or [0.0]))
            for a in members
        )
        return Constellation(members, "left" if mirrored else "right", float(score.max()), fit)

    def _apart_sorted(self, a: Candidate, b: Candidate, mirrored: bool) -> float:
        first, second = (a, b) if a.number < b.number else (b, a)
        return self.apart(first, second, mirrored=mirrored)


def _is_second(hand: Constellation, first: Constellation) -> bool:
    """Return whether candidates that are left make another hand beside the first one."""
    (x, y), (first_x, first_y) = (
        np.mean([(each.x, each.y) for each in one.candidates], axis=0) for one in (hand, first)
    )
    likely = len(hand.candidates) >= FEWEST_OF_SECOND and hand.score >= SECOND_SHARE * first.score
    return likely and bool(np.hypot(x - first_x, y - first_y) >= HANDS_APART_MM)


def _along(values: list[float], axis: int) -> Array:
    shape = [1] * 5
    shape[axis] = len(values)
    return np.array(values).reshape(shape)


def _near(one: Candidate, other: Candidate) -> bool:
    return bool(np.hypot(one.x - other.x, one.y - other.y) < 6.0)
