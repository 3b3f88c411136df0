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

import numpy as np
import pytest
import torch

from scripts.training.finder_hands import DrawHand, StoredHand, StoredHands, joint_tiles


@pytest.fixture(scope="module")
def draw(release: Path) -> DrawHand:
    return DrawHand(joint_tiles(str(release), split="train"), shares=(1.0,))


def test_tiles_are_right_hands_with_the_joints_middle(release: Path) -> None:
    tiles = joint_tiles(str(release), split="train")
    assert len(tiles) >= 4
    assert sum(tile.thumb for tile in tiles) < len(tiles)
    for tile in tiles:
        assert tile.attenuation.min() >= 0
        height, width = tile.attenuation.shape
        assert width * tile.spacing == pytest.approx(23, abs=0.1)
        assert 0.3 * width < tile.centre[0] < 0.7 * width
        assert 0.3 * height < tile.centre[1] < 0.7 * height
        assert abs(tile.angle) < 30


def test_the_same_seed_draws_the_same_hand_with_real_joints_in_it(draw: DrawHand) -> None:
    first, second, drawn = draw({"seed": 5}), draw({"seed": 5}), DrawHand([])({"seed": 5})
    assert torch.equal(first["attenuation"], second["attenuation"])
    assert not torch.equal(first["attenuation"], drawn["attenuation"])
    np.testing.assert_array_equal(first["joints"], drawn["joints"])


def test_half_of_the_resolution_has_the_joints_on_the_same_places(draw: DrawHand) -> None:
    drawn = draw({"seed": 6})
    [hand], [half] = StoredHands([drawn]), StoredHands([drawn], halved=True)  # type: ignore[arg-type]
    assert isinstance(hand, StoredHand)
    assert half.attenuation.shape == tuple(side // 2 for side in hand.attenuation.shape)
    np.testing.assert_allclose(2 * half.joints[:, :2] + 0.5, hand.joints[:, :2])
    np.testing.assert_array_equal(half.joints[:, 2], hand.joints[:, 2])
