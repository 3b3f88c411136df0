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


from dataclasses import replace

import numpy as np
import pytest
import torch

from scripts.errors import InputError
from scripts.measurement.joint_image import JointImage, resample
from scripts.measurement.joint_space_width import joint_space_width
from scripts.phantoms.joint import draw_joint
from scripts.physics import UPPER, attenuation

ORIGIN = (40, 30)


def drawn(factor: float) -> JointImage:
    """A drawn joint of 256 px, on a grid of ``factor`` times as many."""
    joint = draw_joint(5, overlap=4.0)
    tissue = torch.where(joint.masks, joint.layers, torch.tensor(joint.soft_tissue))
    layers, masks = attenuation(tissue).numpy(), joint.masks.numpy().astype(np.float32)
    masks = resample(masks, factor, order=1) > 0.5
    return JointImage(
        layers=resample(layers, factor, order=3),
        masks=masks,
        usable=np.ones(masks.shape[1:], bool),
        factor=factor,
        origin=ORIGIN,
    )


@pytest.mark.parametrize("factor", [0.9, 1.2])
def test_widths_and_lines_are_in_px_of_the_source_whatever_the_grid_is(factor: float) -> None:
    own, other = joint_space_width(drawn(1.0)), joint_space_width(drawn(factor))
    assert other.mean == pytest.approx(own.mean, abs=0.5)
    assert other.minimum == pytest.approx(own.minimum, abs=0.7)
    assert np.ptp([place for place, _ in other.curve]) == pytest.approx(
        np.ptp([place for place, _ in own.curve]), abs=4
    )
    for line, expected in ((other.upper_line, own.upper_line), (other.lower_line, own.lower_line)):
        assert np.mean(line, axis=0) == pytest.approx(np.mean(expected, axis=0), abs=1.5)


def test_lines_are_in_the_source_image_and_not_in_the_region() -> None:
    there = joint_space_width(drawn(1.0))
    here = joint_space_width(replace(drawn(1.0), origin=(0, 0)))
    assert np.array(there.upper_line) - np.array(here.upper_line) == pytest.approx(np.array([ORIGIN] * len(here.curve)))


def test_bones_that_were_taken_for_each_other_have_no_width() -> None:
    joint = drawn(1.0)
    sunk = np.roll(joint.layers[UPPER], 40, axis=0), np.roll(joint.masks[UPPER], 40, axis=0)
    layers, masks = joint.layers.copy(), joint.masks.copy()
    layers[UPPER], masks[UPPER] = sunk
    with pytest.raises(InputError, match="expected a phalanx above the head, got one that lies before it"):
        joint_space_width(replace(joint, layers=layers, masks=masks))


def test_a_line_that_goes_over_to_another_edge_gives_no_width() -> None:
    joint = drawn(1.0)
    layers = joint.layers.copy()
    half = layers.shape[2] // 2
    layers[UPPER, :, half:] = np.roll(layers[UPPER, :, half:], -12, axis=0)
    with pytest.raises(InputError, match=r"expected lines that are smooth, got one that jumps by \d+ px within 6"):
        joint_space_width(replace(joint, layers=layers))
