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
from torch import Tensor, nn

from scripts.inference.inferer import SeparationInferer, tidy


class Network(nn.Module):
    """Proposes fixed masks and answers what it was given."""

    def __init__(self, proposal: Tensor) -> None:
        super().__init__()
        self.proposal = proposal

    def propose(self, image: Tensor) -> Tensor:
        return self.proposal

    def forward(self, image: Tensor, masks: Tensor, soft_tissue: float = 0.0) -> Tensor:
        return torch.cat([image, masks.float(), torch.full_like(image, soft_tissue)], dim=1)


def spotted() -> Tensor:
    """Two bones as probabilities: the lower one with a hole and a crumb beside it, the upper one faint outside."""
    inside = torch.full((1, 2, 20, 20), 0.2)
    inside[0, 0, 10:, 2:18] = 0.9
    inside[0, 0, 14, 8:10] = 0.3
    inside[0, 0, 2:4, 2:4] = 0.9
    inside[0, 1, :12, 2:18] = 0.51
    inside[0, 1, :12, 18:] = 0.5
    return inside


def whole() -> Tensor:
    masks = torch.zeros(1, 2, 20, 20, dtype=torch.bool)
    masks[0, 0, 10:, 2:18] = True
    masks[0, 1, :12, 2:18] = True
    return masks


def test_a_tidy_mask_is_one_piece_without_holes() -> None:
    masks = tidy(spotted())
    assert masks.dtype == torch.bool
    assert torch.equal(masks, whole())


def test_tidy_masks_stay_as_they_are() -> None:
    assert torch.equal(tidy(whole().float()), whole())


def test_each_image_of_a_batch_is_tidied_by_itself() -> None:
    assert torch.equal(tidy(torch.cat([spotted(), torch.zeros(1, 2, 20, 20)])), torch.cat([whole(), whole() & False]))


def test_a_bay_open_to_the_outside_is_no_hole() -> None:
    masks = whole()
    masks[0, 0, 15:, 9] = False
    assert torch.equal(tidy(masks.float()), masks)


def test_given_masks_are_used_as_they_are() -> None:
    image, given = torch.rand(1, 1, 20, 20), spotted() > 0.5
    answer = SeparationInferer()(image, Network(whole().float()), masks=given)
    assert torch.equal(answer[:, 1:3], given.float())


def test_without_masks_the_proposal_is_tidied_and_used() -> None:
    image = torch.rand(1, 1, 20, 20)
    answer = SeparationInferer()(image, Network(spotted()))
    assert torch.equal(answer[:, 1:3], whole().float())


def test_further_arguments_reach_the_network() -> None:
    answer = SeparationInferer()(torch.rand(1, 1, 20, 20), Network(spotted()), soft_tissue=0.3)
    assert answer[0, 3, 0, 0].item() == torch.tensor(0.3).item()


def test_masks_are_looked_for_in_the_territory_only():
    class Everywhere:
        def propose(self, image):
            return torch.ones(1, 2, 8, 8)

        def __call__(self, image, masks):
            return masks

    territory = torch.zeros(1, 1, 8, 8, dtype=torch.bool)
    territory[..., :4] = True
    masks = SeparationInferer()(torch.zeros(1, 1, 8, 8), Everywhere(), territory=territory)
    assert (masks == territory.expand_as(masks)).all()
