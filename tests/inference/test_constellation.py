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

import math
from dataclasses import replace

import numpy as np
import pytest

from scripts.inference.constellation import Candidate, HandShape

PLACES = {1: (-50.0, 35.0), 2: (-23.0, 2.0), 3: (0.0, 0.0), 4: (21.0, 5.0), 5: (43.0, 17.0)}
"""Joints of a right hand, mm."""


@pytest.fixture(scope="module")
def shape() -> HandShape:
    mean = np.zeros((5, 5, 2))
    for i, a in PLACES.items():
        for j, b in PLACES.items():
            mean[i - 1, j - 1] = np.subtract(b, a)
    return HandShape(mean, np.tile(36.0 * np.eye(2), (5, 5, 1, 1)))


def hand(*, lean: float = 0.0, mirrored: bool = False, at: tuple[float, float] = (100.0, 100.0)) -> list[Candidate]:
    cos, sin = math.cos(lean), math.sin(lean)
    found = []
    for number, (x, y) in PLACES.items():
        x = -x if mirrored else x
        found.append(Candidate(number, at[0] + x * cos - y * sin, at[1] + x * sin + y * cos, lean, 4.0))
    return found


@pytest.mark.parametrize("lean", [-0.7, 0.0, 0.6])
@pytest.mark.parametrize("mirrored", [False, True])
def test_five_joints_make_a_hand_whose_side_their_order_tells(shape: HandShape, lean: float, mirrored: bool) -> None:
    [found] = shape.hands(hand(lean=lean, mirrored=mirrored))
    assert found.side == ("left" if mirrored else "right")
    assert [each.number for each in found.candidates] == [1, 2, 3, 4, 5]
    assert max(found.fit) < 0.01


def test_a_higher_peak_on_another_fingers_joint_does_not_pass(shape: HandShape) -> None:
    right = hand()
    stray = replace(right[1], y=right[1].y - 45, evidence=7.0)
    [found] = shape.hands([*right, stray])
    assert found.candidates[1] == right[1]


def test_a_joint_that_is_not_there_is_not_made_up(shape: HandShape) -> None:
    [found] = shape.hands([each for each in hand() if each.number != 4])
    assert [each.number for each in found.candidates] == [1, 2, 3, 5]


def test_both_hands_of_a_film_are_found(shape: HandShape) -> None:
    both = [*hand(at=(80.0, 100.0), mirrored=True), *hand(at=(260.0, 110.0))]
    found = shape.hands(both)
    assert sorted(each.side for each in found) == ["left", "right"]
    assert all(len(each.candidates) == 5 for each in found)


def test_unlikely_places_far_from_each_other_make_no_hand(shape: HandShape) -> None:
    scattered = [Candidate(number, 60.0 * number, 40.0 * (-1) ** number, 0.0, -3.0) for number in range(1, 6)]
    assert shape.hands(scattered) == []
    assert shape.hands([]) == []
