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

import torch

from scripts.datasets.finger_joints import signed_distance
from scripts.training.tissue_level import LevelTissued


def levelled(background: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    made: torch.Tensor = LevelTissued()({"background": background, "distance": signed_distance(masks)})["background"]
    return made


def test_black_under_the_bones_and_beside_them_becomes_the_tissue_around_them() -> None:
    masks = torch.zeros(2, 128, 128)
    masks[0, 64:, 40:90] = 1.0
    masks[1, :50, 50:80] = 1.0
    background = torch.full((1, 128, 128), 0.3)
    background[:, 64:, 36:94] = 0.05
    made = levelled(background, masks)
    assert made[0, 64:, 36:94].min() > 0.29
    assert torch.equal(made[0, :, :20], background[0, :, :20])


def test_bright_tissue_and_air_far_from_the_bones_stay_as_they_are() -> None:
    masks = torch.zeros(2, 128, 128)
    masks[0, 64:, 40:90] = 1.0
    masks[1, :50, 50:80] = 1.0
    background = torch.full((1, 128, 128), 0.3)
    background[:, :, :20] = 0.0
    background[:, 90:, 60:70] = 0.5
    assert torch.allclose(levelled(background, masks), background)


def test_a_joint_that_fills_the_picture_is_levelled_by_all_of_it() -> None:
    made = levelled(torch.full((1, 32, 32), 0.4), torch.ones(2, 32, 32))
    assert torch.allclose(made, torch.full_like(made, 0.4))
