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
from torch import Tensor

from scripts.networks.soft_tissue_field import soft_tissue_field, spread
from scripts.physics import LOWER, UPPER, attenuation, gray_level, grow, overlap_of


def bones(rows: int = 128) -> Tensor:
    """Masks of two bones, 40 columns wide, that share 8 rows; soft tissue is on both sides."""
    masks = torch.zeros(1, 2, rows, 128)
    masks[0, UPPER, :68, 44:84] = 1.0
    masks[0, LOWER, 60:, 44:84] = 1.0
    return masks


def slope() -> Tensor:
    """Attenuation of soft tissue that is twice as strong at the right edge as at the left one."""
    return torch.linspace(0.2, 0.4, 128).expand(1, 1, 128, 128)


def test_what_is_known_stays_and_what_lies_between_is_filled_in_without_a_jump() -> None:
    known = torch.zeros(1, 1, 128, 128, dtype=torch.bool)
    known[..., :30] = known[..., 98:] = True
    field = spread(slope(), known, torch.zeros(1, 1, 1, 1))
    assert torch.equal(field[known], slope()[known])
    assert (field - slope()).abs().max() < 0.012
    assert field.diff(dim=3).abs().max() < 0.006


def test_nothing_flows_through_the_pictures_edge() -> None:
    known = torch.zeros(1, 1, 64, 64, dtype=torch.bool)
    known[..., :8] = True
    assert torch.allclose(spread(torch.full((1, 1, 64, 64), 0.3), known, torch.ones(1, 1, 1, 1)), torch.tensor(0.3))


def test_a_field_of_which_nothing_is_known_is_what_is_said_otherwise() -> None:
    nothing = torch.zeros(2, 1, 64, 64, dtype=torch.bool)
    otherwise = torch.tensor([0.2, 0.5]).reshape(2, 1, 1, 1)
    assert torch.allclose(spread(torch.rand(2, 1, 64, 64), nothing, otherwise), otherwise.expand(2, 1, 64, 64))


def test_tissue_behind_the_bones_goes_on_from_what_is_around_them() -> None:
    masks = bones()
    bone = 0.8 * masks.sum(dim=1, keepdim=True)
    field = soft_tissue_field(gray_level(slope() + bone), masks, gray_level(torch.tensor(0.3)).reshape(1, 1, 1, 1))
    assert (attenuation(field) - slope()).abs().max() < 0.03


def test_its_mean_in_the_overlap_is_k_and_far_from_the_overlap_it_is_what_is_around() -> None:
    masks = bones()
    image = gray_level(slope() + 0.8 * masks.sum(dim=1, keepdim=True))
    k = gray_level(torch.tensor(0.36)).reshape(1, 1, 1, 1)
    field = attenuation(soft_tissue_field(image, masks, k))
    assert torch.allclose(field[overlap_of(masks)].mean(), torch.tensor(0.36), atol=1e-5)
    assert (field - slope())[:, :, :8].abs().max() < 0.03


def test_around_both_bones_it_is_the_image() -> None:
    masks, image = bones(), torch.rand(1, 1, 128, 128, generator=torch.Generator().manual_seed(0))
    field = soft_tissue_field(image, masks, torch.full((1, 1, 1, 1), 0.3))
    around = ~grow(masks, 6).any(dim=1, keepdim=True)
    assert torch.equal(field[around], image[around])


def test_a_neighbours_bone_beside_the_joint_is_not_taken_for_soft_tissue() -> None:
    masks = bones()
    image = gray_level(torch.full((1, 1, 128, 128), 0.3) + 0.8 * masks.sum(dim=1, keepdim=True))
    with_neighbour = image.clone()
    with_neighbour[..., 100:] = 0.7
    k = gray_level(torch.tensor(0.3)).reshape(1, 1, 1, 1)
    behind = grow(masks, 6).any(dim=1, keepdim=True)
    fields = [soft_tissue_field(x, masks, k)[behind] for x in (image, with_neighbour)]
    assert (fields[0] - fields[1]).abs().max() < 0.01


def test_bones_that_do_not_meet_have_the_tissue_around_them() -> None:
    masks = bones()
    masks[0, LOWER, :100] = 0.0
    image = gray_level(slope() + 0.8 * masks.sum(dim=1, keepdim=True))
    field = soft_tissue_field(image, masks, torch.full((1, 1, 1, 1), 0.9))
    assert (attenuation(field) - slope()).abs().max() < 0.03
