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

import pytest

from scripts.evaluation.finder_metrics import Find, TrueJoint, calibration_error, compare, confident_on, figures
from scripts.inference.joint_finder import FoundJoint

TRUTH = [TrueJoint(2, "right", 100.0, 100.0, 5.0), TrueJoint(3, "right", 150.0, 100.0, 0.0)]


def found(name: str, x: float, confidence: float = 0.9, side: str = "right", angle: float = 0.0) -> FoundJoint:
    return FoundJoint(name, (x, 100.0), angle, confidence, side)


def test_a_find_is_measured_to_the_joint_of_its_name_and_side() -> None:
    near, named_wrong, other_side = compare(
        [found("MCP2", 104.0), found("MCP3", 100.0), found("MCP2", 100.0, side="left")], TRUTH, 0.5
    )
    assert near == Find(0.9, 2.0, 5.0)
    assert near.is_right
    assert named_wrong.distance == 25.0
    assert math.isinf(other_side.distance)
    assert not named_wrong.is_right
    assert not other_side.is_right


def test_names_with_the_hands_side_are_understood() -> None:
    assert compare([found("right-MCP3", 150.0)], TRUTH, 0.5)[0].is_right


def test_only_confident_finds_can_be_silent_misses() -> None:
    finds = [Find(0.9, 1.0, 2.0), Find(0.9, 20.0, 2.0), Find(0.3, 30.0, 2.0), Find(0.9, 4.0, 2.0)]
    row = figures(finds, joints=4)
    assert row.silent_misses == pytest.approx(1 / 3)
    assert row.found == 0.25
    assert row.right == pytest.approx(1 / 3)
    assert row.within_3_mm == 0.25


def test_a_confidence_that_means_what_it_says_has_no_calibration_error() -> None:
    honest = [Find(0.75, 1.0, 0.0)] * 75 + [Find(0.75, 9.0, 0.0)] * 25
    boasting = [Find(0.95, 1.0, 0.0)] * 50 + [Find(0.95, 9.0, 0.0)] * 50
    assert calibration_error(honest) == pytest.approx(0.0, abs=1e-6)
    assert calibration_error(boasting) == pytest.approx(0.45, abs=1e-6)


def test_films_without_a_hand_are_named_where_something_was_found_confidently() -> None:
    assert confident_on({"chest": [], "foot": [found("MCP2", 1.0), found("MCP3", 9.0, 0.2)]}) == {"foot": 1}
