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


from typing import Any

import pytest
import torch
from torch import Tensor

from scripts.evaluation.perturbations import (
    BlurredRim,
    EightBits,
    MasksOff,
    Noise,
    Perturbation,
    Resampled,
    SoftTissueOff,
)
from scripts.physics import LOWER, UPPER, attenuation, gray_level


@pytest.fixture
def joint() -> dict[str, Any]:
    masks = torch.zeros(2, 64, 64)
    masks[0, 30:, 10:50] = masks[1, :40, 10:50] = 1.0
    image = torch.rand(1, 64, 64, generator=torch.Generator().manual_seed(0))
    return {"image": image, "masks": masks, "label": masks.clone(), "soft_tissue": torch.tensor(0.25)}


@pytest.mark.parametrize(
    "change",
    [MasksOff(pixels=1), MasksOff(pixels=-2), SoftTissueOff(factor=0.8), BlurredRim(), EightBits(), Noise(sigma=2.0)],
)
def test_nothing_but_what_is_named_is_changed_and_always_alike(change: Perturbation, joint: dict[str, Tensor]) -> None:
    before = {key: value.clone() for key, value in joint.items()}
    once, again = change(joint), change(joint)
    assert change.keys == (change.changes,)
    for key in joint:
        assert torch.equal(joint[key], before[key])
        assert torch.equal(once[key], again[key])
        assert torch.equal(once[key], joint[key]) == (key != change.changes)


@pytest.mark.parametrize(("pixels", "rows"), [(1, 12), (2, 14), (-1, 8), (-2, 6)])
def test_masks_grow_and_shrink_by_whole_pixels_on_each_side(pixels: int, rows: int, joint: dict[str, Tensor]) -> None:
    masks = MasksOff(pixels=pixels)(joint)["masks"]
    assert masks.prod(dim=0)[:, 30].sum() == rows
    assert set(masks.unique().tolist()) == {0.0, 1.0}


def test_soft_tissue_is_off_by_a_factor(joint: dict[str, Tensor]) -> None:
    assert SoftTissueOff(factor=1.2)(joint)["soft_tissue"].item() == pytest.approx(0.3)
    assert SoftTissueOff(factor=9.0)(joint)["soft_tissue"].item() == 1.0


def test_only_the_rim_of_the_overlap_is_blurred(joint: dict[str, Tensor]) -> None:
    changed = (BlurredRim()(joint)["image"] != joint["image"])[0]
    # Rows 30..39 overlap: the outline is rows 30 and 39, and a 4x4 square reaches two pixels one way, one the other.
    assert torch.nonzero(changed[:, 30]).flatten().tolist() == [29, 30, 31, 32, 38, 39, 40, 41]
    assert not changed[:20].any()


def test_a_joint_without_an_overlap_has_no_rim(joint: dict[str, Tensor]) -> None:
    joint["masks"] = torch.zeros_like(joint["masks"])
    assert torch.equal(BlurredRim()(joint)["image"], joint["image"])


def test_8_bits_are_whole_levels(joint: dict[str, Tensor]) -> None:
    levels = EightBits()(joint)["image"] * 255
    assert torch.allclose(levels, levels.round(), atol=1e-4)


def test_noise_has_its_standard_deviation_and_each_image_its_own(joint: dict[str, Tensor]) -> None:
    joint["image"] = torch.full((1, 64, 64), 0.5)
    noise = Noise(sigma=2.0)(joint)["image"] - 0.5
    assert 255 * noise.std().item() == pytest.approx(2.0, rel=0.05)
    other = Noise(sigma=2.0)({**joint, "image": torch.full((1, 64, 64), 0.6)})["image"] - 0.6
    assert not torch.allclose(noise, other, atol=1e-3)


def known_joint() -> dict[str, Tensor]:
    """Two bones in soft tissue with their true layers, 256 px a side, which share 20 rows."""
    masks = torch.zeros(2, 256, 256)
    masks[UPPER, :138, 60:200], masks[LOWER, 118:, 70:190] = 1.0, 1.0
    layers = gray_level(0.3 + 0.6 * masks)
    return {
        "image": gray_level(0.3 + 0.6 * masks.sum(dim=0, keepdim=True)),
        "masks": masks,
        "label": torch.cat([layers, masks]),
    }


def test_a_resampled_joint_still_adds_up_and_is_as_wide_in_px_as_its_pixels_say() -> None:
    for pixel_mm, angle, side in ((0.175, 0.0, 131), (0.115, 20.0, 200), (23 / 256, 30.0, 256)):
        made = Resampled(pixel_mm=pixel_mm, angle=angle)(known_joint())
        assert made["image"].shape == (1, side, side)
        assert made["label"].shape == (4, side, side)
        total = attenuation(made["label"][:2]).sum(dim=0) - 0.3
        assert (total - attenuation(made["image"])[0]).abs().max() < 1e-4
        assert torch.equal(made["masks"], made["label"][2:])


def test_a_joint_that_is_turned_leans_to_the_right_by_as_many_degrees() -> None:
    made = Resampled(angle=30.0)(known_joint())
    middle = [mask.nonzero().float().mean(dim=0) for mask in made["masks"]]
    up, right = (middle[LOWER] - middle[UPPER])[0], (middle[UPPER] - middle[LOWER])[1]
    assert torch.rad2deg(torch.atan2(right, up)).item() == pytest.approx(30.0, abs=5.0)
