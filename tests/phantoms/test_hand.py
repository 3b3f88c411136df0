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


from typing import Literal

import numpy as np
import pytest
import torch

from scripts.phantoms.hand import JOINTS, Hand, draw_hand
from scripts.phantoms.joint import draw_joint
from scripts.physics import LOWER, UPPER, recompose

SMALL: dict = {"spacing": 0.2, "size": (360, 640)}
"""The middle of a hand, with all its joints."""


def field(hand: Hand, name: str) -> torch.Tensor:
    top, left, bottom, right = hand.joints[name].box
    return hand.image[:, top:bottom, left:right]


@pytest.fixture(scope="module")
def hand() -> Hand:
    return draw_hand(1, **SMALL, overlaps={"MCP3": 10.0, "MCP4": -8.0})


def test_the_same_seed_draws_the_same_bytes_and_another_seed_another_hand(hand: Hand) -> None:
    again, other = (draw_hand(seed, **SMALL, overlaps={"MCP3": 10.0, "MCP4": -8.0}) for seed in (1, 2))
    assert torch.equal(again.image, hand.image)
    assert not torch.equal(other.image, hand.image)
    for name, joint in hand.joints.items():
        same = again.joints[name]
        assert torch.equal(same.masks, joint.masks)
        assert torch.equal(same.layers, joint.layers)
        assert (same.box, same.centre, same.soft_tissue) == (joint.box, joint.centre, joint.soft_tissue)
        assert not torch.equal(other.joints[name].masks, joint.masks)


def test_drawing_leaves_the_global_random_state_alone() -> None:
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    draw_hand(5, **SMALL)
    assert torch.equal(torch.rand(3), expected)


def test_a_whole_hand_is_250_by_200_mm_and_dark_around_it() -> None:
    whole = draw_hand(0, spacing=0.2)
    assert whole.image.shape == (1, 1250, 1000)
    assert whole.image.dtype == torch.float32
    assert whole.image.min() >= 0
    assert whole.image.max() < 1
    assert whole.image[0, :60].median() < 0.1
    assert whole.image[0, :, :60].median() < 0.1
    assert tuple(whole.joints) == JOINTS


@pytest.mark.parametrize("side", ["right", "left"])
def test_the_layers_of_every_joint_recompose_the_image_within_float_rounding(side: Literal["right", "left"]) -> None:
    hand = draw_hand(3, **SMALL, hand=side)
    for name, joint in hand.joints.items():
        assert joint.layers is not None
        k = torch.full((1, 1, 1, 1), joint.soft_tissue)
        inside = joint.masks.any(dim=0, keepdim=True)
        recomposed = recompose(joint.layers[None], k, joint.masks[None])[0]
        assert (recomposed - field(hand, name))[inside].abs().max() < 1e-6


def test_outside_the_overlap_a_layer_is_the_image_bit_for_bit_and_zero_outside_its_mask(hand: Hand) -> None:
    for name, joint in hand.joints.items():
        assert joint.layers is not None
        alone = joint.masks & ~joint.masks.all(dim=0)
        assert torch.equal(joint.layers[alone], field(hand, name).expand(2, -1, -1)[alone])
        assert not joint.layers[~joint.masks].any()


def test_overlaps_are_as_asked_and_a_negative_one_leaves_a_gap(hand: Hand) -> None:
    unit = 256 * 0.2 / 23
    thickest = hand.joints["MCP3"].masks.all(dim=0).sum(dim=0).max() * unit
    assert thickest == pytest.approx(10.0, abs=2 * unit)
    assert not hand.joints["MCP4"].masks.all(dim=0).any()


def test_in_each_field_the_metacarpal_comes_from_below_and_the_phalanx_from_above(hand: Hand) -> None:
    for joint in hand.joints.values():
        rows = torch.arange(joint.masks.shape[1])
        down = [(mask.sum(dim=1) * rows).sum() / mask.sum() for mask in joint.masks]
        assert down[LOWER] > joint.masks.shape[1] / 2 > down[UPPER]
        assert joint.masks[UPPER, 0].any()
        assert joint.masks[LOWER, -1].any()
        # The joint's line crosses the middle.
        middle = joint.masks.shape[1] // 2
        near = joint.masks[:, middle - 12 : middle + 12, middle - 12 : middle + 12]
        assert near.flatten(1).any(dim=1).all()


@pytest.mark.parametrize("side", ["right", "left"])
def test_joints_lie_from_the_thumb_to_the_little_finger_as_in_that_hand_and_bones_are_bright_there(
    side: Literal["right", "left"],
) -> None:
    hand = draw_hand(4, **SMALL, hand=side)
    columns = [joint.centre[0] for joint in hand.joints.values()]
    assert columns == sorted(columns, reverse=side == "left")
    for name, joint in hand.joints.items():
        top, left, bottom, right = joint.box
        assert (left + right) // 2 == pytest.approx(joint.centre[0], abs=1)
        assert (top + bottom) // 2 == pytest.approx(joint.centre[1], abs=1)
        bone, soft = (field(hand, name)[0][mask].median() for mask in (joint.masks.any(0), ~joint.masks.any(0)))
        assert bone > soft + 0.15


def test_the_two_hands_of_a_seed_are_mirror_images_but_for_small_differences() -> None:
    left, right = (draw_hand(9, **SMALL, hand=side) for side in ("left", "right"))
    for name in JOINTS:
        mirrored, other = left.joints[name].masks.flip(-1), right.joints[name].masks
        assert (mirrored & other).sum() > 0.9 * (mirrored | other).sum()
        assert not torch.equal(mirrored, other)


def test_lengths_in_mm_are_those_of_a_hand_whatever_the_spacing() -> None:
    fine, coarse = draw_hand(6, spacing=0.12, size=(600, 1070)), draw_hand(6, **SMALL)
    for name in JOINTS:
        assert fine.joints[name].masks.shape[-1] == round(23 / 0.12)
        wide = [
            hand.joints[name].masks.sum(dim=2).amax(dim=1) * hand.spacing for hand in (fine, coarse)
        ]  # lower, upper bone
        assert torch.allclose(*wide, atol=0.5)
        assert ((wide[0] > 11) & (wide[0] < 18)).all()
    knuckles = [hand.joints[name].centre for name in ("MCP2", "MCP5") for hand in (fine, coarse)]
    across = (knuckles[2][0] - knuckles[0][0]) * 0.12, (knuckles[3][0] - knuckles[1][0]) * 0.2
    assert across[0] == pytest.approx(across[1], abs=0.5)
    assert 60 < across[0] < 72


def test_fields_look_like_joints_that_are_drawn_by_themselves() -> None:
    fields, joints = [], []
    for seed in range(3):
        hand, alone = draw_hand(seed, **SMALL), draw_joint(seed, size=115)
        for name, joint in hand.joints.items():
            gray = field(hand, name)[0]
            fields.append([gray[joint.masks.any(0)].median(), gray[~joint.masks.any(0)].median(), joint.soft_tissue])
        gray = alone.image[0]
        joints.append([gray[alone.masks.any(0)].median(), gray[~alone.masks.any(0)].median(), alone.soft_tissue])
    assert np.mean(fields, axis=0) == pytest.approx(np.mean(joints, axis=0), abs=0.06)


def test_a_lead_letter_marks_a_whole_hand_and_stands_where_the_hand_is_not() -> None:
    right, left = (draw_hand(0, spacing=0.2, hand=side, noise=0.0).image[0] for side in ("right", "left"))
    corner = np.s_[60:220, 800:]
    assert right[corner].max() > 0.8
    assert left[corner].max() < 0.2
    assert left.flip(-1)[corner].max() > 0.8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"spacing": 0.05}, "spacing: expected 0.08 to 0.2 mm, got 0.05"),
        ({"hand": "both"}, "hand: expected 'left' or 'right', got 'both'"),
        ({"noise": -0.1}, "noise: expected 0 to 0.2, got -0.1"),
        ({"overlaps": {"MCP2": 60.0}}, "overlaps: expected -40 to 40 of MCP1, .*, got 60.0 of MCP2"),
        ({"overlaps": {"PIP2": 6.0}}, "overlaps: expected -40 to 40 of MCP1, .*, got 6.0 of PIP2"),
        ({"spacing": 0.2, "size": (300, 300)}, "size: MCP1 is outside 300x300 px of 0.2 mm"),
    ],
)
def test_an_argument_outside_its_range_is_refused_by_name(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        draw_hand(0, **arguments)
