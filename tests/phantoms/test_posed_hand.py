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

import numpy as np
import pytest

from scripts.phantoms.hand_pose import PoseRanges
from scripts.phantoms.posed_hand import SIZE, PosedHand, draw_posed_hand

WHOLE = PoseRanges(amputated=0.0, subluxed=0.0, flexed=0.0)


@pytest.fixture(scope="module")
def hand() -> PosedHand:
    return draw_posed_hand(0, WHOLE, size=(1.0, 1.0))


def test_the_same_seed_draws_the_same_hand(hand: PosedHand) -> None:
    again = draw_posed_hand(0, WHOLE, size=(1.0, 1.0))
    assert np.array_equal(hand.attenuation, again.attenuation)
    assert hand.joints == again.joints


def test_bones_absorb_more_than_the_tissue_around_and_air_nothing(hand: PosedHand) -> None:
    assert hand.attenuation.shape == SIZE
    assert hand.attenuation.min() >= 0
    assert hand.attenuation[0, 0] < 1e-3
    column, row = hand.joints["MCP3"].centre
    bone = hand.attenuation[round(row) + 20 : round(row) + 60, round(column)].mean()
    beside = hand.attenuation[round(row) + 20 : round(row) + 60, round(column) + 24].mean()
    assert bone > 1.3 * beside


def test_joints_lie_where_two_bones_meet(hand: PosedHand) -> None:
    """Along the axis, the gap of a joint is darker than the bones beyond it."""
    for name in ("MCP2", "MCP3", "MCP4"):
        joint = hand.joints[name]
        lean = np.radians(joint.angle)
        steps = np.arange(-16, 17)
        columns = np.rint(joint.centre[0] + steps * np.sin(lean)).astype(int)
        rows = np.rint(joint.centre[1] - steps * np.cos(lean)).astype(int)
        assert hand.attenuation[rows, columns].max() > hand.attenuation[rows, columns][12:21].min()


def test_other_joints_are_none_of_the_five(hand: PosedHand) -> None:
    for joint in hand.joints.values():
        assert np.hypot(*(hand.others - np.array(joint.centre)).T).min() > 20


def test_a_hand_without_a_finger_has_no_joint_there() -> None:
    hands = [draw_posed_hand(seed, PoseRanges(amputated=0.5)) for seed in range(3)]
    assert any(len(hand.joints) < 5 for hand in hands)


def test_a_childs_hand_is_small() -> None:
    small, large = (draw_posed_hand(4, WHOLE, size=(size, size)) for size in (0.7, 1.1))
    apart = [np.hypot(*np.subtract(hand.joints["MCP2"].centre, hand.joints["MCP5"].centre)) for hand in (small, large)]
    assert apart[0] / apart[1] == pytest.approx(0.7 / 1.1, rel=1e-6)
