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


from dataclasses import replace

import numpy as np
import pytest

from scripts.measurement.adjusted_joint import JointLayers
from scripts.measurement.joint_image import JointImage
from scripts.measurement.narrowing import Narrowing, bones_of, narrowing
from scripts.physics import LOWER, UPPER
from tests.support.visits import quiet_joint, turned_plane, visit


@pytest.fixture(scope="module")
def joint() -> JointLayers:
    return quiet_joint()


@pytest.fixture(scope="module")
def first(joint: JointLayers) -> JointImage:
    return visit(joint, 1)


@pytest.fixture(scope="module")
def found() -> Narrowing:
    return Narrowing(
        px=-1.0,
        standard_error=0.1,
        spread=0.05,
        apart=0.1,
        detail_apart=-0.1,
        halves_apart=0.2,
        reliability=0.9,
        turn=1.0,
        turn_apart=0.5,
        angle=0.0,
    )


@pytest.mark.parametrize("change", [-4.0, -1.3, 0.4, 2.5])
def test_a_change_is_measured_within_its_error_and_narrower_is_negative(
    joint: JointLayers, first: JointImage, change: float
) -> None:
    found = narrowing(first, visit(joint, 2, change=change))
    assert found.refused == ""
    assert found.px == pytest.approx(change, abs=min(0.1, 2 * found.standard_error))
    assert found.reliability > 0.9


def test_joints_that_have_not_changed_measure_none(joint: JointLayers, first: JointImage) -> None:
    found = narrowing(first, visit(joint, 3))
    assert abs(found.px) < 2 * found.standard_error
    assert abs(found.px) < 0.1
    assert abs(found.turn) < 0.1


def test_another_exposure_changes_nothing(joint: JointLayers, first: JointImage) -> None:
    plain, bright = (narrowing(first, visit(joint, 4, change=-1.0, gain=gain)) for gain in (1.0, 1.4))
    assert bright.px == pytest.approx(plain.px, abs=0.01)


def test_the_way_back_measures_the_opposite(joint: JointLayers, first: JointImage) -> None:
    second = visit(joint, 5, change=-2.0, turn=3.0)
    there, back = narrowing(first, second), narrowing(second, first)
    assert back.px == pytest.approx(-there.px, abs=0.05)
    assert abs(there.apart) < 0.05
    assert there.turn == pytest.approx(3.0, abs=0.1)
    assert there.px == pytest.approx(-2.0, abs=0.1)


@pytest.mark.parametrize("bend", [-8.0, 5.0])
def test_a_joint_that_bends_about_its_head_is_not_taken_for_a_wider_one(
    joint: JointLayers, first: JointImage, bend: float
) -> None:
    second = visit(joint, 8, change=-1.0)
    bent = narrowing(first, with_turned_metacarpal(second, bend))
    assert bent.turn_apart == pytest.approx(bend, abs=0.3)
    assert bent.px == pytest.approx(-1.0, abs=0.1)
    assert abs(bent.apart) < 0.1
    assert abs(bent.detail_apart) < 0.1
    assert bent.refused == ""


def with_turned_metacarpal(joint: JointImage, degrees: float) -> JointImage:
    """The same joint, its metacarpal turned to the right about the centre of its head."""
    row, column = joint.head
    size = joint.masks.shape[1:]
    angle = np.radians(degrees)
    # Turned about the picture's middle, then shifted so that the head's centre stays where it is.
    down, across = row - (size[0] - 1) / 2, column - (size[1] - 1) / 2
    turned_by = (np.cos(angle) * down + np.sin(angle) * across, np.cos(angle) * across - np.sin(angle) * down)
    shift = (down - turned_by[0], across - turned_by[1])
    layers, masks = joint.layers.copy(), joint.masks.copy()
    layers[LOWER] = turned_plane(layers[LOWER], degrees, shift)
    masks[LOWER] = turned_plane(masks[LOWER].astype(np.float32), degrees, shift, order=1) > 0.5
    return replace(joint, layers=layers, masks=masks)


def test_a_hand_that_was_turned_too_far_is_refused_in_words(joint: JointLayers, first: JointImage) -> None:
    found = narrowing(first, visit(joint, 6, turn=20.0))
    assert found.refused == "the finger is turned by 20 degrees, expected at most 15"


def test_another_persons_joint_is_refused_or_unsure(first: JointImage) -> None:
    for seed in (6, 7):
        found = narrowing(first, visit(quiet_joint(seed), 7))
        assert found.refused or found.standard_error > 0.3, found


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        ({"turn": -16.4}, "the finger is turned by 16 degrees, expected at most 15"),
        ({"reliability": 0.3}, "a bone looks different at the two visits (correlation 0.30, expected 0.4)"),
        ({"apart": -1.3}, "forward and backward differ by 1.3 px, expected at most 0.6"),
        ({"detail_apart": 0.7}, "coarse and fine detail differ by 0.7 px, expected at most 0.5"),
        ({"halves_apart": 1.3}, "halves of the bones differ by 1.3 px, expected at most 1.1"),
    ],
)
def test_what_is_no_measurement_says_why(found: Narrowing, other: dict[str, float], sentence: str) -> None:
    assert found.refused == ""
    assert replace(found, **other).refused.startswith(sentence)


def test_bones_that_lean_against_each_other_are_told(found: Narrowing) -> None:
    assert found.warnings == ()
    said = "the bones are turned against each other by 9 degrees"
    assert replace(found, turn_apart=-9.0).warnings == (said,)


def test_pixels_that_are_left_out_or_not_usable_do_not_count(first: JointImage) -> None:
    half = np.zeros(first.usable.shape, bool)
    half[:, :128] = True
    left_out = bones_of(first, half)
    unusable = bones_of(replace(first, usable=~half))
    for bone in (LOWER, UPPER):
        assert left_out[bone].region.any()
        assert not left_out[bone].region[:, :128].any()
        assert np.array_equal(left_out[bone].region, unusable[bone].region)
