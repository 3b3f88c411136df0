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

from pathlib import Path

import pytest
import torch

from scripts.datasets.finger_joints import signed_distance
from scripts.datasets.test_sets import RealJoints
from scripts.evaluation.varied_joints import VariedJoints, foreign_acquisition
from scripts.training.acquisition import Acquisition


@pytest.fixture(scope="module")
def joints(release: Path) -> RealJoints:
    return RealJoints(release, split="test")


def test_a_joint_is_varied_in_the_same_way_in_any_order(joints: RealJoints) -> None:
    one, two = VariedJoints(joints, seed=3), VariedJoints(joints, seed=3)
    forth = [one[at] for at in range(len(one))]
    back = [two[at] for at in reversed(range(len(two)))][::-1]
    for first, second in zip(forth, back, strict=True):
        assert torch.equal(first["image"], second["image"])
        assert torch.equal(first["masks"], second["masks"])
    assert not torch.equal(VariedJoints(joints, seed=4)[0]["image"], forth[0]["image"])


def test_every_joint_is_varied_and_its_masks_with_it(joints: RealJoints) -> None:
    varied = VariedJoints(joints)
    assert len(varied) == len(joints) > 2
    assert varied.cases == joints.cases
    for at in range(len(varied)):
        joint, before = varied[at], joints[at]
        assert joint["image"].shape == before["image"].shape
        assert not torch.equal(joint["image"], before["image"])
        assert not torch.equal(joint["masks"], before["masks"])
        assert set(joint["masks"].unique().tolist()) == {0.0, 1.0}
        assert torch.equal(joint["masks"], joint["label"])
        assert joint["varied"].item() == 1.0


def test_masks_are_placed_where_the_bones_are(joints: RealJoints) -> None:
    varied = VariedJoints(joints, acquisition=Acquisition(untouched=1.0))
    for at in range(len(varied)):
        image, masks = varied[at]["image"][0], varied[at]["masks"]
        away = signed_distance(masks).amax(dim=0)
        assert image[away > 2].mean() > 1.2 * image[(away < -8)].mean()


def test_the_random_numbers_of_others_are_left_alone(joints: RealJoints) -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    VariedJoints(joints)[0]
    assert torch.equal(torch.rand(3), expected)


def test_every_image_is_coarse_and_none_stays_as_it_is() -> None:
    torch.manual_seed(0)
    fine = torch.rand(16, 1, 64, 64)
    made = foreign_acquisition()(fine)
    assert not (made == fine).flatten(1).all(dim=1).any()
