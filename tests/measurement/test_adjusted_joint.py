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

from scripts.errors import InputError
from scripts.measurement.adjusted_joint import JointLayers, adjust, gap_px, joint_layers, overlap_px
from scripts.phantoms.joint import draw_joint
from scripts.physics import LOWER, UPPER


def blocks(gap: int = 4, angle: float = 0.0) -> JointLayers:
    """Two blocks of one attenuation each, one above the other, in tissue of another."""
    masks = torch.zeros(2, 100, 80, dtype=torch.bool)
    masks[UPPER, :40, 20:60] = True
    masks[LOWER, 40 + gap :, 20:60] = True
    tissue, bones = torch.full((100, 80), 0.3).double(), masks.double() * torch.tensor([0.5, 0.7])[:, None, None]
    return JointLayers(tissue=tissue, bones=bones, masks=masks, angle=angle)


def test_without_a_change_the_image_is_what_the_layers_recompose() -> None:
    drawn = draw_joint(3, size=128, overlap=8.0)
    inside = drawn.masks.any(dim=0)
    tissue = torch.where(inside, torch.tensor(drawn.soft_tissue), drawn.image[0])
    layers = torch.where(drawn.masks, drawn.layers, tissue)
    joint = adjust(joint_layers(layers, tissue, drawn.masks), 0.0)
    assert (joint.image - drawn.image[0])[inside].abs().max() < 1e-4
    assert torch.equal(joint.masks, drawn.masks)


@pytest.mark.parametrize("bone", [LOWER, UPPER])
@pytest.mark.parametrize("change", [-6.0, 3.0])
def test_the_gap_changes_by_as_much_as_the_bone_is_moved(bone: int, change: float) -> None:
    joint = blocks()
    moved = adjust(joint, change, bone=bone)
    assert gap_px(joint) == 4.0
    assert gap_px(moved) == 4.0 + change
    still = UPPER if bone == LOWER else LOWER
    assert torch.equal(moved.bones[still], joint.bones[still])
    assert torch.equal(moved.tissue, joint.tissue)


def test_where_bones_come_to_overlap_their_attenuations_add() -> None:
    moved = adjust(blocks(), -6.0)
    assert overlap_px(moved) == 2 * 40
    expected = 1 - torch.exp(torch.tensor(-(0.3 + 0.5 + 0.7)))
    assert moved.image[44:46, 20:60].mean() == pytest.approx(expected.item(), abs=0.02)
    assert moved.image[20, 5] == pytest.approx(1 - torch.exp(torch.tensor(-0.3)).item(), abs=1e-6)


def test_a_bone_is_moved_by_parts_of_a_pixel() -> None:
    ramp = torch.arange(100.0).double()[:, None].expand(100, 80) / 200
    joint = blocks()
    joint = JointLayers(tissue=joint.tissue, bones=torch.stack([ramp, ramp]), masks=joint.masks)
    moved = adjust(joint, 0.25)
    assert (moved.bones[UPPER][20:80] - (ramp[20:80] + 0.25 / 200)).abs().max() < 1e-6


def test_a_leaning_joint_is_moved_along_its_axis() -> None:
    joint = blocks(angle=90.0)
    # The axis points to the right: there is nothing above or below to move to.
    moved = adjust(joint, 5.0)
    assert torch.equal(moved.masks[UPPER][:, 5:], joint.masks[UPPER][:, :-5])


def test_a_gap_along_a_leaning_axis_is_measured_along_it() -> None:
    masks = torch.zeros(2, 100, 100, dtype=torch.bool)
    masks[LOWER, 20:60, :45], masks[UPPER, 20:60, 50:] = True, True
    joint = JointLayers(tissue=torch.zeros(100, 100), bones=torch.zeros(2, 100, 100), masks=masks, angle=90.0)
    assert gap_px(joint) == pytest.approx(5.0)


def test_the_gap_of_a_drawn_joint_is_as_it_was_drawn() -> None:
    for overlap in (-8.0, 5.0, 14.0):
        drawn = draw_joint(5, overlap=overlap)
        joint = joint_layers(drawn.layers, torch.zeros(256, 256), drawn.masks)
        assert gap_px(joint) == pytest.approx(-overlap, abs=1.5)


def test_more_than_a_tenth_of_the_picture_is_refused() -> None:
    for change in (8.1, -8.1, float("nan")):
        with pytest.raises(InputError, match="change: expected at most 8 px for 100 x 80 px, got"):
            adjust(blocks(), change)


def test_bones_that_do_not_face_each_other_have_no_gap() -> None:
    joint = blocks()
    masks = joint.masks.clone()
    masks[LOWER] = False
    with pytest.raises(InputError, match="expected two bones that face each other, got none"):
        gap_px(JointLayers(tissue=joint.tissue, bones=joint.bones, masks=masks))
