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

from scripts.measurement.bone_halves import halves_apart
from scripts.measurement.joint_image import JointImage
from scripts.measurement.narrowing import bones_of
from scripts.measurement.registration import register
from scripts.physics import LOWER, UPPER
from tests.support.visits import quiet_joint, visit


@pytest.fixture(scope="module")
def visits() -> tuple[JointImage, JointImage]:
    joint = quiet_joint()
    return visit(joint, 1), visit(joint, 2, turn=2.0)


@pytest.mark.parametrize("bone", [LOWER, UPPER])
def test_halves_of_the_same_bone_lie_where_the_whole_lies(visits: tuple[JointImage, JointImage], bone: int) -> None:
    fixed, moving = (bones_of(each)[bone] for each in visits)
    motion = register(fixed, moving)
    apart = halves_apart(fixed, moving, motion, at=np.array(fixed.about), axis=moving.axis)
    assert len(apart) == 4
    assert np.abs(apart).max() < 0.15


def test_a_half_that_has_moved_is_told(visits: tuple[JointImage, JointImage]) -> None:
    first, second = visits
    layers = second.layers.copy()
    middle = round(second.centre[1])
    layers[UPPER, :, middle:] = np.roll(layers[UPPER, :, middle:], -2, axis=0)
    fixed, moving = bones_of(first)[UPPER], bones_of(replace(second, layers=layers))[UPPER]
    motion = register(fixed, moving)
    apart = halves_apart(fixed, moving, motion, at=np.array(fixed.about), axis=moving.axis)
    assert np.abs(np.diff(apart[:2])) > 1.0


def test_what_is_too_small_a_half_is_left_out(visits: tuple[JointImage, JointImage]) -> None:
    fixed, moving = (bones_of(each)[UPPER] for each in visits)
    motion = register(fixed, moving)
    right = np.indices(fixed.region.shape)[1] > fixed.about[1] + 5
    apart = halves_apart(
        replace(fixed, region=fixed.region & right), moving, motion, at=np.array(fixed.about), axis=moving.axis
    )
    assert len(apart) == 3
