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
from torch.nn.functional import interpolate

from scripts.phantoms.hand import Hand, draw_hand
from scripts.phantoms.joint import Phantom, draw_joint
from tests.support.pasting import FEATHER, paste


@pytest.fixture(scope="module")
def hand() -> Hand:
    return draw_hand(1, spacing=0.175, size=(410, 735))


@pytest.fixture(scope="module")
def joint() -> Phantom:
    return draw_joint(7, overlap=12.0)


def test_inside_the_feather_the_hand_shows_the_resampled_joint_itself(hand: Hand, joint: Phantom) -> None:
    pasted = paste(hand, "MCP3", joint.image, masks=joint.masks)
    top, left, bottom, right = pasted.joints["MCP3"].box
    side = bottom - top
    resampled = interpolate(joint.image[None], (side, side), mode="bicubic", antialias=True)[0].clamp(0, 1)
    rim = round(FEATHER * side + 0.5)
    inner = (0, slice(rim, side - rim), slice(rim, side - rim))
    assert torch.equal(pasted.image[:, top:bottom, left:right][inner], resampled[inner])


def test_outside_its_field_the_hand_stays_as_it_is_and_so_do_the_neighbours(hand: Hand, joint: Phantom) -> None:
    pasted = paste(hand, "MCP3", joint.image, masks=joint.masks)
    top, left, bottom, right = hand.joints["MCP3"].box
    changed = pasted.image != hand.image
    assert changed.any()
    changed[:, top:bottom, left:right] = False
    assert not changed.any()
    assert pasted.joints["MCP2"] is hand.joints["MCP2"]
    assert (pasted.spacing, pasted.side) == (hand.spacing, hand.side)


def test_joints_that_are_pasted_side_by_side_touch_each_other_in_their_feathers_only(
    hand: Hand, joint: Phantom
) -> None:
    one = paste(hand, "MCP2", joint.image, masks=joint.masks)
    all_of_them = one
    for name in ("MCP3", "MCP1", "MCP4", "MCP5"):
        all_of_them = paste(all_of_them, name, joint.image, masks=joint.masks)
    for name, where in hand.joints.items():
        top, left, bottom, right = where.box
        rim = round(FEATHER * (bottom - top) + 0.5)
        alone = paste(hand, name, joint.image, masks=joint.masks)
        inner = (0, slice(top + rim, bottom - rim), slice(left + rim, right - rim))
        assert torch.equal(all_of_them.image[inner], alone.image[inner])


def test_at_the_fields_edge_nothing_jumps(hand: Hand, joint: Phantom) -> None:
    pasted = paste(hand, "MCP2", torch.full_like(joint.image, 0.6), masks=joint.masks)
    top, left, bottom, _ = pasted.joints["MCP2"].box
    edge = pasted.image[0, top:bottom, left] - hand.image[0, top:bottom, left]
    assert edge.abs().max() < 0.03


@pytest.mark.parametrize("spacing", [0.1, 0.15, 0.175])
def test_the_masks_are_resampled_as_the_joint_is(joint: Phantom, spacing: float) -> None:
    rows, columns = round(72 / spacing), round(129 / spacing)
    pasted = paste(draw_hand(1, spacing=spacing, size=(rows, columns)), "MCP4", joint.image, masks=joint.masks)
    where = pasted.joints["MCP4"]
    side = round(23 / spacing)
    assert where.masks.shape == (2, side, side)
    areas = where.masks.sum((1, 2)) / side**2
    assert torch.allclose(areas, joint.masks.sum((1, 2)) / 256**2, atol=0.005)
    overlap = where.masks.all(dim=0).sum() / side**2
    assert overlap == pytest.approx(float(joint.masks.all(dim=0).sum() / 256**2), rel=0.1)
    assert where.layers is None
    assert where.soft_tissue is None


def test_the_hand_that_is_pasted_into_stays_as_it_is(hand: Hand, joint: Phantom) -> None:
    before = hand.image.clone()
    paste(hand, "MCP2", joint.image, masks=joint.masks)
    assert torch.equal(hand.image, before)
    assert hand.joints["MCP2"].layers is not None


def test_a_joint_that_the_hand_has_not_and_shapes_that_do_not_fit_are_refused(hand: Hand, joint: Phantom) -> None:
    with pytest.raises(ValueError, match="joint is 'PIP2', one of MCP1, MCP2"):
        paste(hand, "PIP2", joint.image, masks=joint.masks)
    with pytest.raises(ValueError, match=r"masks \(1, 256, 256\)"):
        paste(hand, "MCP2", joint.image, masks=joint.masks[:1])
    with pytest.raises(ValueError, match=r"region is \(2, 256, 256\)"):
        paste(hand, "MCP2", joint.layers, masks=joint.masks)
