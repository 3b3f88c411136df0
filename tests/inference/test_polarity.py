import pytest
import torch

from scripts.inference.polarity import DARK_BONES, axis_brightness, bones_are_dark, warn_all
from scripts.phantoms.joint import draw_joint
from tests.support.drawn import joint
from tests.support.regions import split

PHANTOMS = [draw_joint(seed, size=128) for seed in range(4)]
MIDDLE = (63.5, 63.5)


def proposals(phantom):
    """Masks as networks may propose them, right and wrong ones."""
    bones, nothing = phantom.masks, torch.zeros_like(phantom.masks)
    around = ~bones.any(dim=0) & (torch.arange(128) < 64) & (torch.arange(128)[:, None] < 64)
    piece = bones & (torch.arange(128)[:, None] % 40 < 6)
    return {"bones": bones, "nothing": nothing, "soft tissue": torch.stack([around, nothing[0]]), "a piece": piece}


@pytest.mark.parametrize("phantom", PHANTOMS, ids=range(4))
def test_dark_bones_are_known_whatever_was_proposed_for_them(phantom):
    for name, masks in proposals(phantom).items():
        assert bones_are_dark(1 - phantom.image[0], masks, MIDDLE), name


@pytest.mark.parametrize("phantom", PHANTOMS, ids=range(4))
def test_bright_bones_are_not_dark_even_if_they_were_not_found(phantom):
    for name in ("bones", "nothing", "a piece"):
        assert not bones_are_dark(phantom.image[0], proposals(phantom)[name], MIDDLE), name


def test_the_axis_of_a_lying_joint_is_bright_where_its_angle_is_given():
    lying = PHANTOMS[0].image[0].rot90(-1)
    assert axis_brightness(lying, MIDDLE, 90.0) == pytest.approx(axis_brightness(PHANTOMS[0].image[0], MIDDLE))
    assert not bones_are_dark(lying, proposals(PHANTOMS[0])["nothing"], MIDDLE, 90.0)
    # Masks that follow the gray levels are bones, however they lie.
    assert not bones_are_dark(lying, PHANTOMS[0].masks.rot90(-1, dims=(1, 2)), MIDDLE)


def test_a_constant_image_is_not_dark():
    assert not bones_are_dark(torch.ones(64, 64), torch.zeros(2, 64, 64, dtype=torch.bool), (31.5, 31.5))


def test_an_inverted_joint_is_warned_of_without_any_mask():
    levels, masks = joint()
    assert any("inverted" in warning for warning in split(255 - levels, masks & False).record["warnings"])


def test_all_joints_of_a_radiograph_are_warned_of_if_most_are():
    def records(*warned):
        return [{"warnings": ["small", *([DARK_BONES] if dark else [])]} for dark in warned]

    most, few = records(True, False, True), records(True, False, False, True)
    warn_all(most)
    warn_all(few)
    assert most == records(True, True, True)
    assert few == records(True, False, False, True)
