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


from pathlib import Path

import numpy as np
import pytest

from scripts.datasets.finger_joints import release_datalist
from scripts.evaluation.pushed_joints import OpenJoint, open_joint
from scripts.physics import LOWER, UPPER


def blocks(gap: int = 6) -> OpenJoint:
    """Two blocks of one attenuation each, one above the other, in tissue of another."""
    masks = np.zeros((2, 60, 40), bool)
    masks[UPPER, :25, 10:30] = True
    masks[LOWER, 25 + gap :, 10:30] = True
    bones = masks * np.array([0.7, 0.5]).reshape(2, 1, 1)
    tissue = np.full((60, 40), 0.3)
    image = np.rint(255 * -np.expm1(-(tissue + bones.sum(axis=0)))).astype(np.uint8)
    return OpenJoint(image=image, bones=bones, tissue=tissue, masks=masks)


@pytest.fixture(scope="module")
def drawn(release: Path) -> OpenJoint:
    """A joint of the release whose bones lie 8 units of 1/256 apart, in 128 px."""
    return open_joint(release_datalist(release, split="test", overlap="nonoverlap")[0])


@pytest.mark.parametrize("gap", [6, 1, 0, -4])
def test_the_gap_is_the_rows_between_both_bones(gap: int) -> None:
    assert blocks(gap).gap == gap


def test_bones_that_do_not_face_each_other_have_no_gap() -> None:
    joint = blocks()
    masks = joint.masks.copy()
    masks[UPPER] = False
    assert OpenJoint(image=joint.image, bones=joint.bones, tissue=joint.tissue, masks=masks).gap == 0


@pytest.mark.parametrize("rows", [0, 5, 9])
def test_both_bones_are_pushed_together_by_as_much_as_is_said(rows: int) -> None:
    joint = blocks()
    image, masks = joint.pushed(rows)
    assert OpenJoint(image=image, bones=joint.bones, tissue=joint.tissue, masks=masks).gap == joint.gap - rows
    down, up = masks[UPPER].sum() - joint.masks[UPPER].sum(), masks[LOWER].sum() - joint.masks[LOWER].sum()
    assert (down + up) / 20 == rows
    assert abs(down - up) / 20 <= 1
    assert image.dtype == np.uint8


def test_where_pushed_bones_overlap_their_attenuations_add() -> None:
    image, masks = blocks().pushed(10)
    both = masks.all(axis=0)
    assert both.sum() == 4 * 20
    assert set(image[both].tolist()) == {round(255 * (1 - np.exp(-(0.3 + 0.5 + 0.7))))}
    assert set(image[~masks.any(axis=0)].tolist()) == {round(255 * (1 - np.exp(-0.3)))}
    assert np.array_equal(blocks().pushed(0)[0], blocks().image)


def test_an_image_of_the_release_is_taken_apart_and_put_back_together(drawn: OpenJoint) -> None:
    assert drawn.gap == pytest.approx(4, abs=1)
    assert (drawn.bones >= 0).all()
    again, masks = drawn.pushed(0)
    assert np.array_equal(masks, drawn.masks)
    # But for what is darker than the levelled tissue.
    inside = masks.any(axis=0)
    assert np.abs(again.astype(int) - drawn.image)[inside].mean() < 1
