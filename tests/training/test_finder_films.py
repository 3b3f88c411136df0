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
import torch

from scripts.training.finder_closeups import Closeups
from scripts.training.finder_films import FilmRanges, Films, place, targets
from scripts.training.finder_hands import StoredHand

ALONE = FilmRanges(lean=0.0, zoom=(1.0, 1.0), shift=0.0, nothing=0.0, other=0.0, two=0.0)


@pytest.fixture(scope="module")
def hand() -> StoredHand:
    """A hand whose joints are bright dots."""
    joints = np.array([(60, 190, -30), (95, 140, -5), (125, 135, 0), (155, 142, 5), (185, 165, 15)], float)
    attenuation = np.zeros((320, 260), np.float16)
    for x, y, _ in joints.astype(int):
        attenuation[y - 1 : y + 2, x - 1 : x + 2] = 1
    return StoredHand(attenuation, joints, np.array([(95.0, 90.0), (125.0, 80.0)]))


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("turn", [0.0, 40.0])
def test_joints_stay_on_their_places_when_a_hand_is_laid(hand: StoredHand, mirrored: bool, turn: float) -> None:
    image, joints = place(hand, (320, 320), np.random.default_rng(2), ALONE, zoom=1.1, mirrored=mirrored, turn=turn)
    assert [int(number) for number in joints[:, 0]] == [1, 2, 3, 4, 5]
    for _, x, y, _, _ in joints:
        assert image[round(y), round(x)] > 0.5
    assert bool(joints[0, 4]) is mirrored
    assert (joints[0, 1] < joints[4, 1]) is not mirrored


def test_a_mirrored_hand_leans_the_other_way(hand: StoredHand) -> None:
    leans = [
        place(hand, (320, 320), np.random.default_rng(2), ALONE, zoom=1.0, mirrored=mirrored, turn=0.0)[1][:, 3]
        for mirrored in (False, True)
    ]
    np.testing.assert_allclose(leans[0] + leans[1], (leans[0] + leans[1])[0] * np.ones(5), atol=1e-6)


def test_films_have_joints_of_one_hand_of_two_or_of_none(hand: StoredHand) -> None:
    for ranges, counts in (
        (ALONE, {5}),
        (FilmRanges(nothing=1.0), {0}),
        (FilmRanges(nothing=0.0, other=1.0), {0}),
        (FilmRanges(nothing=0.0, other=0.0, two=1.0, lean=0.0, shift=0.0), {10}),
    ):
        films = Films([hand], ranges)
        torch.manual_seed(0)
        film = films[0]
        assert film["image"].shape == (1, 320, 320)
        assert int((film["joints"][:, 0] > 0).sum()) in counts


def test_targets_are_1_at_each_joint_and_tell_its_lean() -> None:
    joints = torch.tensor([[[2.0, 40.5, 80.5, 30.0, 0.0], [0.0] * 5]])
    heat, lean = targets(joints, 60, step=2, reach=1.6)
    assert heat[0, 1, 40, 20] == 1
    assert heat[0, [0, 2, 3, 4]].max() == 0
    torch.testing.assert_close(lean[0, :, 40, 20], torch.tensor([0.5, 3**0.5 / 2]))
    assert lean[0, :, 0, 0].abs().max() == 0


def test_closer_looks_show_a_joint_nearly_upright_or_something_else(hand: StoredHand) -> None:
    torch.manual_seed(1)
    looks = Closeups([hand], count=40)[0]
    assert looks["image"].shape == (40, 1, 96, 96)
    there = looks["joints"][:, :, 0] > 0
    assert 10 < int(there.any(dim=1).sum()) < 40
    near = looks["joints"][there]
    assert float(near[:, 1:3].min()) > 2
    assert float(near[:, 1:3].max()) < 93
