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
from pathlib import Path

import numpy as np
import pytest
import torch

from scripts.dicom.reader import read_radiograph
from scripts.inference.joint_list import LocatedJoint
from scripts.inference.regions import RadiographRegion
from scripts.inference.split import split_region
from scripts.measurement.joint_image import GRID, HEAD, JointImage, axis_of, facing_point, joint_image, resample
from scripts.phantoms.joint import draw_joint
from scripts.physics import FIELD_MM, LOWER, UPPER, attenuation
from tests.support.dicom_sources import source, write
from tests.support.visits import separated


def blocks(rows: int = 100, columns: int = 80) -> np.ndarray:
    """Two blocks, one above the other, 10 px apart."""
    masks = np.zeros((2, rows, columns), bool)
    masks[UPPER, : rows // 2 - 5, 20:60] = True
    masks[LOWER, rows // 2 + 5 :, 20:60] = True
    return masks


def test_the_middle_lies_between_the_ends_of_both_bones() -> None:
    assert facing_point(blocks(), axis_of(0.0)) == pytest.approx((49.5, 39.5), abs=0.5)
    assert facing_point(np.rot90(blocks(), -1, axes=(1, 2)), axis_of(90.0)) == pytest.approx((39.5, 49.5), abs=0.5)


def test_the_heads_centre_lies_behind_the_middle_between_the_heads_sides() -> None:
    masks = blocks(256, 80)
    masks[LOWER] = np.roll(masks[LOWER], 10, axis=1)
    layers = np.zeros(masks.shape, np.float32)
    joint = JointImage(layers=layers, masks=masks, usable=masks.any(axis=0))
    assert joint.centre == pytest.approx((127.5, 44.5), abs=0.5)
    assert joint.head == pytest.approx((127.5 + HEAD, 49.5), abs=0.5)
    masks[LOWER, 150:] = False
    short = JointImage(layers=layers, masks=masks, usable=masks.any(axis=0))
    assert short.head == pytest.approx((short.centre[0] + HEAD, short.centre[1]), abs=1e-6)


def test_the_axis_leans_to_the_right() -> None:
    assert axis_of(0.0) == pytest.approx([-1.0, 0.0])
    assert axis_of(90.0) == pytest.approx([0.0, 1.0], abs=1e-12)


def test_layers_are_attenuations_of_each_bone_in_its_tissue() -> None:
    drawn = draw_joint(3, overlap=-8.0)
    joint = joint_image(separated(drawn.image[0], drawn.masks))
    assert (joint.factor, joint.spacing, joint.saturated) == (1.0, None, 0.0)
    expected = attenuation(drawn.image[0].double()).numpy()
    for bone in (LOWER, UPPER):
        assert np.abs(joint.layers[bone] - expected)[joint.masks[bone]].max() < 1e-3
        assert np.array_equal(joint.masks[bone], drawn.masks[bone].numpy())
    assert joint.usable.all()


def test_a_picture_with_a_spacing_is_brought_to_the_grid_and_points_come_back() -> None:
    drawn = draw_joint(3, size=128, overlap=-8.0)
    joint = joint_image(separated(drawn.image[0], drawn.masks), spacing=0.175)
    factor = 0.175 * GRID / FIELD_MM
    assert (joint.factor, joint.spacing) == (factor, 0.175)
    assert joint.layers.shape == (2, round(128 * factor), round(128 * factor))
    own = facing_point(drawn.masks.numpy(), axis_of(0.0))
    assert joint.source(joint.centre) == pytest.approx(own, abs=1.0)
    # The outer corner of the first pixel stays where it is.
    assert joint.source((factor / 2 - 0.5, factor / 2 - 0.5)) == (0.0, 0.0)


def test_a_picture_without_a_spacing_is_brought_to_the_same_number_of_px() -> None:
    drawn = draw_joint(3, size=(128, 160), overlap=-8.0)
    joint = joint_image(separated(drawn.image[0], drawn.masks))
    assert joint.spacing is None
    assert joint.layers.shape == (2, round(GRID * 128 / 160), GRID)


def test_pixels_as_bright_as_the_file_can_say_are_counted_and_not_used() -> None:
    drawn = draw_joint(3, overlap=-8.0)
    image = drawn.image[0].clone()
    image[40:60, 100:140] = 1.0
    joint = joint_image(separated(image, drawn.masks))
    assert not joint.usable[40:60, 100:140].any()
    assert joint.usable[:30].all()
    share = (image >= 1)[drawn.masks.any(dim=0)].float().mean().item()
    assert share > 0.01
    assert joint.saturated == pytest.approx(share)
    assert np.isfinite(joint.layers).all()


def test_what_is_brighter_than_a_window_but_not_than_the_file_counts() -> None:
    drawn = draw_joint(3, overlap=-8.0)
    whole = separated(drawn.image[0], drawn.masks)
    white = int(whole.region.levels.max()) // 2
    windowed = replace(whole, region=replace(whole.region, white=white))
    assert joint_image(windowed).usable.all()
    assert joint_image(windowed).saturated == 0.0


def test_a_region_of_a_radiograph_has_its_spacing_its_place_and_its_territory(tmp_path: Path) -> None:
    radiograph = read_radiograph(write(source(), tmp_path / "hand.dcm"))
    box = (10, 20, 138, 148)
    drawn = draw_joint(3, size=128, overlap=-8.0)
    territory = torch.ones(128, 128, dtype=torch.bool)
    territory[:, :30] = False
    picture = separated(drawn.image[0], drawn.masks)
    region = RadiographRegion(
        **{**picture.region.__dict__, "masks": drawn.masks},
        radiograph=radiograph,
        joint=LocatedJoint(name="MCP2", box=box, centre=(74.0, 84.0)),
        territory=territory,
    )
    pred = torch.zeros(6, 128, 128)
    pred[2:4] = drawn.masks
    joint = joint_image(split_region(region, pred, angle=5.0))
    assert joint.spacing == pytest.approx(np.mean(radiograph.pixel_spacing.sides))
    assert joint.angle == 5.0
    assert joint.source((joint.factor / 2 - 0.5, joint.factor / 2 - 0.5)) == (10.0, 20.0)
    edge = round(30 * joint.factor)
    assert not joint.usable[:, : edge - 1].any()
    assert joint.usable[:, edge + 1 :].all()


def test_resampling_keeps_places_and_values() -> None:
    ramp = np.arange(64.0)[None, :, None].repeat(64, axis=2)
    double = resample(ramp, 2.0, order=1)
    assert double.shape == (1, 128, 128)
    assert double[0, 20:100, 5] == pytest.approx((np.arange(20, 100) + 0.5) / 2 - 0.5)
    assert resample(ramp, 1.001, order=1) is ramp
