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

from scripts.physics import LOWER, UPPER, attenuation, overlap_of
from scripts.training.overlap_synthesis import OverlapSynthesis
from scripts.training.pairing import Pairing
from tests.support.boxes import boxes, plain


@pytest.mark.parametrize("depth", [2.0, 5.0, 12.0, 26.0])
def test_bones_reach_into_each_other_as_deep_as_asked(joints: dict[str, Tensor], depth: float) -> None:
    torch.manual_seed(0)
    synthesis = OverlapSynthesis(pairing=Pairing(depth=(depth, depth)))
    for _ in range(8):
        thickest = overlap_of(synthesis(joints)["true_masks"]).sum(dim=2).amax(dim=(1, 2))
        assert (thickest - depth).abs().max() <= 2
        assert thickest.min() > 0


def test_both_bones_move_each_a_part_of_the_way() -> None:
    torch.manual_seed(0)
    masks = plain(depth=(10.0, 10.0))(boxes((0.7,) * 64))["true_masks"]
    # Four rows lie between the bones, and they shall share ten.
    down = masks[:, UPPER].amax(dim=2).argmax(dim=1) - 8
    up = 34 - masks[:, LOWER].amax(dim=2).argmax(dim=1)
    for moved in (down, up):
        assert moved.min() in (4, 5)
        assert moved.max() in (9, 10)


def test_small_depths_are_drawn_more_often_than_large_ones(joints: dict[str, Tensor]) -> None:
    torch.manual_seed(0)
    synthesis = OverlapSynthesis(pairing=Pairing(depth=(2.0, 26.0)))
    made = [overlap_of(synthesis(joints)["true_masks"]).sum(dim=2).amax(dim=(1, 2)) for _ in range(40)]
    deep = torch.cat(made).float()
    assert deep.min() < 5
    assert deep.max() > 22
    assert deep.median() < 13


def test_in_shift_mode_the_upper_bone_moves_down_and_the_lower_one_up_by_whole_pixels() -> None:
    joint = boxes((0.7,))
    made = plain(shift=(3, 3))(joint)
    masks = (joint["distance"] > 0).float()
    assert torch.equal(made["true_masks"][:, UPPER], masks[:, UPPER].roll(3, dims=1))
    assert torch.equal(made["true_masks"][:, LOWER], masks[:, LOWER].roll(-3, dims=1))
    # Four rows between them, six rows nearer.
    assert overlap_of(made["true_masks"]).sum(dim=2).amax().item() == 2


def test_shifts_are_drawn_for_both_bones_from_the_whole_range() -> None:
    torch.manual_seed(0)
    joint = boxes((0.7,) * 64)
    masks = plain(shift=(2, 8))(joint)["true_masks"]
    down = masks[:, UPPER].amax(dim=2).argmax(dim=1) - 8
    up = 34 - masks[:, LOWER].amax(dim=2).argmax(dim=1)
    assert set(down.tolist()) == set(up.tolist()) == set(range(2, 9))
    assert not torch.equal(down, up)


def test_a_crossed_composite_takes_the_upper_bone_of_another_joint() -> None:
    made = {crossed: plain(shift=(3, 3), crossed=crossed)(boxes()) for crossed in (0.0, 1.0)}
    upper = {crossed: one["layers"][:, UPPER, 20, 32].tolist() for crossed, one in made.items()}
    assert upper[0.0] == pytest.approx([0.7, 0.5])
    assert upper[1.0] == pytest.approx([0.5, 0.7])
    assert made[1.0]["layers"][:, LOWER, 45, 32].tolist() == pytest.approx([0.6, 0.6])


def test_a_crossed_bone_leaves_its_own_soft_tissue_behind() -> None:
    joint = boxes()
    # The second joint lies in denser soft tissue: the same bones, each with more of it.
    denser = attenuation(torch.tensor(0.25)) - attenuation(torch.tensor(0.4))
    for key in ("image", "background"):
        joint[key][1] = 1 - (1 - joint[key][1]) * torch.exp(denser)
    made = plain(shift=(3, 3), crossed=1.0)(joint)
    assert made["soft_tissue"].flatten().tolist() == pytest.approx([0.25, 0.4])
    assert made["layers"][0, UPPER, 20, 32].item() == pytest.approx(0.5)
    assert made["image"][0, 0, 20, 32].item() == pytest.approx(0.5)


def test_masks_grow_by_the_dilation_before_the_bones_are_cut_out() -> None:
    area = [plain(shift=(0, 0), dilation=(px, px))(boxes((0.7,)))["true_masks"][0, UPPER].sum() for px in (0.0, 1.0)]
    # 22 x 32 px, one more on each side; the corners, 0.9 px away from the outline, too.
    assert area == [22 * 32, 24 * 34]
