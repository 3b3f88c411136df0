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


import pytest
import torch
from torch import Tensor

from scripts.networks.axis import axis_angle
from scripts.networks.view import turned_view
from scripts.phantoms.joint import draw_joint
from scripts.physics import LOWER, UPPER


def bones(rows: int = 101, columns: int = 101) -> Tensor:
    """Masks (1, 2, rows, columns): two bones right above each other."""
    masks = torch.zeros(1, 2, rows, columns, dtype=torch.bool)
    middle = columns // 2
    masks[0, LOWER, rows // 2 :, middle - 15 : middle + 16] = True
    masks[0, UPPER, : rows // 2 + 3, middle - 12 : middle + 13] = True
    return masks


def test_bones_right_above_each_other_have_no_angle() -> None:
    assert axis_angle(bones()).tolist() == [0.0]
    assert axis_angle(bones(80, 121).float()).tolist() == [0.0]


@pytest.mark.parametrize("angle", [-60.0, -25.0, 7.0, 45.0, 90.0])
def test_the_axis_of_turned_bones_leans_by_that_angle(angle: float) -> None:
    # A view that is upright for -angle is a picture that leans by angle.
    leaning = turned_view(bones().float(), torch.tensor([-angle]), 101) > 0.5
    assert axis_angle(leaning).item() == pytest.approx(angle, abs=1.0)


@pytest.mark.parametrize("seed", range(4))
def test_the_axis_of_a_drawn_joint_turns_with_it(seed: int) -> None:
    masks = draw_joint(seed, size=256, overlap=12.0).masks[None].float()
    upright = axis_angle(masks).item()
    for angle in (-50.0, 30.0):
        leaning = turned_view(masks, torch.tensor([-angle]), 256)
        assert axis_angle(leaning).item() == pytest.approx(upright + angle, abs=1.5)


def test_each_image_of_a_batch_has_an_angle_of_its_own_and_right_is_positive() -> None:
    right, left = bones(), bones()
    right[0, UPPER] = right[0, UPPER].roll(10, dims=-1)
    left[0, UPPER] = left[0, UPPER].roll(-10, dims=-1)
    found = axis_angle(torch.cat([right, bones(), left])).tolist()
    assert found[0] == pytest.approx(-found[2])
    assert found[0] > 5
    assert found[1] == 0


def test_bones_upside_down_point_down() -> None:
    assert abs(axis_angle(bones().flip(2)).item()) == 180.0


def test_a_missing_bone_makes_no_angle() -> None:
    masks = torch.cat([bones(), bones(), bones()])
    masks[0, LOWER] = masks[1, UPPER] = masks[2] = False
    assert axis_angle(masks).tolist() == [0.0, 0.0, 0.0]
