"""Tests of masks that look like two bones facing each other."""

import pytest
import torch

from scripts.inference.facing_bones import are_facing_bones
from scripts.physics import LOWER, UPPER


@pytest.fixture
def joint():
    """Return an image of two bright shafts, one above the other, and their masks."""
    masks = torch.zeros(2, 100, 100, dtype=torch.bool)
    masks[LOWER, 52:, 30:70] = True
    masks[UPPER, :50, 30:70] = True
    return 0.3 + 0.3 * masks.any(dim=0).float(), masks


def test_two_shafts_that_meet_are_facing_bones(joint):
    image, masks = joint
    assert are_facing_bones(image, masks, 0.0)


def test_so_are_shafts_that_lie_on_their_side_if_the_joint_does(joint):
    turned = joint[1].flip(1).transpose(1, 2)
    image = 0.3 + 0.3 * turned.any(dim=0)
    assert are_facing_bones(image, turned, 90.0)
    assert not are_facing_bones(image, turned, -90.0)


def test_masks_of_the_same_gray_as_their_surroundings_are_not(joint):
    image, masks = joint
    assert not are_facing_bones(torch.full_like(image, 0.3), masks, 0.0)


def test_a_letter_in_the_middle_is_not(joint):
    image, masks = joint
    masks[:, :40], masks[:, 60:] = False, False
    assert not are_facing_bones(image, masks, 0.0)


def test_bones_on_the_wrong_sides_are_not(joint):
    image, masks = joint
    assert not are_facing_bones(image, masks.flip(0), 0.0)


def test_a_speck_for_one_of_the_bones_is_not(joint):
    image, masks = joint
    masks[UPPER, :45], masks[UPPER, :, :60] = False, False
    assert not are_facing_bones(image, masks, 0.0)
