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
from torch import Tensor, nn

from scripts.inference.inferer import LEAN, SeparationInferer, doubt, lean, tidy
from scripts.networks.view import turned_view
from scripts.physics import LOWER, UPPER


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


def test_of_two_pieces_the_one_in_the_middle_stays_even_if_a_neighbour_at_the_side_is_larger() -> None:
    inside = torch.zeros(1, 2, 100, 100)
    inside[0, UPPER, 5:52, 38:62] = 1.0
    inside[0, LOWER, 50:, 35:65] = 1.0
    own = inside > 0.5
    inside[0, UPPER, 0:80, 80:100] = 1.0
    assert torch.equal(tidy(inside), own)


def test_a_crumb_in_the_middle_is_no_bone() -> None:
    inside = torch.zeros(1, 2, 100, 100)
    inside[0, UPPER, 0:45, 30:70] = 1.0
    own = inside > 0.5
    inside[0, UPPER, 49:51, 49:51] = 1.0
    assert torch.equal(tidy(inside), own)


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


class Looks:
    """Network that answers by the angle at which it looks: those of a table, else what it sees upright."""

    def __init__(self, upright: Tensor, by_angle: dict[float, Tensor] | None = None) -> None:
        self.upright = upright
        self.by_angle = by_angle or {}
        self.angles: list[float] = []

    def propose(self, image: Tensor, angle: Tensor | None = None) -> Tensor:
        self.angles.append(0.0 if angle is None else round(angle.item(), 1))
        return self.by_angle.get(self.angles[-1], self.upright)

    def __call__(self, image: Tensor, masks: Tensor, angle: Tensor | None = None) -> Tensor:
        return torch.cat([masks.float(), torch.full_like(image, 0.0 if angle is None else angle.item())], dim=1)


def leaning(angle: float, sure: float = 1.0) -> Tensor:
    """Probabilities (1, 2, 101, 101) of two bones whose axis leans by ``angle``."""
    upright = torch.zeros(1, 2, 101, 101)
    upright[0, LOWER, 50:, 35:66] = upright[0, UPPER, :53, 38:63] = 1.0
    turned = turned_view(upright, torch.tensor([-angle]), 101) > 0.5
    return torch.where(turned, sure, 1.0 - sure)


IMAGE = torch.zeros(1, 1, 101, 101)


@pytest.mark.parametrize("angle", [0.0, LEAN - 1, -LEAN + 1])
def test_a_joint_that_leans_by_less_than_7_degrees_is_looked_at_once(angle: float) -> None:
    network = Looks(leaning(angle))
    masks, found = SeparationInferer().outline(IMAGE, network)
    assert network.angles == [0.0]
    assert found.tolist() == [0.0]
    assert torch.equal(masks, leaning(angle) > 0.5)


@pytest.mark.parametrize("angle", [LEAN + 1, -25.0, 45.0])
def test_a_joint_that_leans_by_more_is_looked_at_again_along_its_axis(angle: float) -> None:
    first = leaning(angle)
    at = lean(first > 0.5).item()
    better = leaning(angle + 2)
    network = Looks(first, {round(at, 1): better})
    masks, found = SeparationInferer().outline(IMAGE, network)
    assert network.angles == [0.0, pytest.approx(at, abs=0.05)]
    assert torch.equal(masks, better > 0.5)
    assert found.item() == pytest.approx(angle + 2, abs=1)
    assert at == pytest.approx(angle, abs=1)


def test_where_the_second_look_disagrees_the_surer_of_two_further_ones_tells_the_axis() -> None:
    wrong, right = leaning(-20.0), leaning(58.0)
    at, true = round(lean(wrong > 0.5).item(), 1), round(lean(right > 0.5).item(), 1)
    table = {at: leaning(60.0, 0.7), -45.0: leaning(-80.0, 0.7), 45.0: right, true: right}
    network = Looks(wrong, table)
    masks, found = SeparationInferer().outline(IMAGE, network)
    assert network.angles == [0.0, at, -45.0, 45.0, true]
    assert torch.equal(masks, right > 0.5)
    assert found.item() == pytest.approx(true, abs=0.05)


def test_a_joint_that_is_upside_down_from_all_sides_stays_as_it_was_seen() -> None:
    network = Looks(leaning(180.0))
    masks, found = SeparationInferer().outline(IMAGE, network)
    assert found.item() == 0
    assert torch.equal(masks, leaning(180.0) > 0.5)


def test_a_given_angle_is_used_as_it_is_and_looked_at_once() -> None:
    network = Looks(leaning(0.0), {3.3: leaning(20.0)})
    masks, found = SeparationInferer().outline(IMAGE, network, angle=torch.tensor([3.3]))
    assert network.angles == [3.3]
    assert torch.equal(masks, leaning(20.0) > 0.5)
    assert found.item() == pytest.approx(3.3)


def test_given_masks_tell_the_angle_and_come_back_value_for_value() -> None:
    given = leaning(-30.0) * 0.9
    network = Looks(leaning(0.0))
    masks, found = SeparationInferer().outline(IMAGE, network, masks=given)
    assert network.angles == []
    assert torch.equal(masks, given)
    assert found.item() == pytest.approx(-30, abs=1)
    answer = SeparationInferer()(IMAGE, network, masks=given)
    assert answer[0, 2, 0, 0] == found


def test_predicted_masks_that_are_given_back_have_the_same_angle() -> None:
    network = Looks(leaning(33.0))
    masks, angle = SeparationInferer().outline(IMAGE, network)
    assert torch.equal(SeparationInferer().outline(IMAGE, network, masks=masks)[1], angle)


def test_the_networks_see_a_leaning_joint_of_a_batch_turned_and_an_upright_one_not() -> None:
    class Sees(Looks):
        def propose(self, image: Tensor, angle: Tensor | None = None) -> Tensor:
            self.angles.append(0.0 if angle is None else round(angle.item(), 1))
            return leaning(30.0) if image.mean() > 0.5 else leaning(0.0)

    network = Sees(leaning(0.0))
    masks, angle = SeparationInferer().outline(torch.cat([IMAGE, IMAGE + 1]), network)
    assert masks.shape == (2, 2, 101, 101)
    assert angle[0] == 0
    assert angle[1].item() == pytest.approx(30, abs=1)
    assert network.angles == [0.0, 0.0, pytest.approx(30, abs=1)]


def test_doubt_is_the_expected_share_of_wrong_pixels() -> None:
    inside = torch.tensor([[[[0.9, 0.2]], [[0.0, 1.0]]], [[[0.0, 0.0]], [[0.0, 0.0]]]])
    assert doubt(inside).tolist() == pytest.approx([(0.1 + 0.2) / 2.1, 1.0])
    assert doubt(inside[:1, ..., :1]).item() == pytest.approx(0.1 / 0.9)
