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


import numpy as np
import pytest

from scripts.measurement.joint_image import JointImage
from scripts.measurement.narrowing import bones_of
from scripts.measurement.registration import Bone, Motion, register
from scripts.physics import LOWER, UPPER
from tests.support.visits import quiet_joint, turned_plane, visit

SHIFT = (1.37, -2.64)
TURN = 2.0


@pytest.fixture(scope="module")
def first() -> JointImage:
    return visit(quiet_joint(), 1)


def moved(gain: float = 1.0) -> JointImage:
    """The same joint at another visit, turned and shifted as one."""
    there = visit(quiet_joint(), 2, gain=gain)
    return JointImage(
        layers=np.stack([turned_plane(plane, TURN, SHIFT) for plane in there.layers]),
        masks=np.stack([turned_plane(plane, TURN, SHIFT, order=1) for plane in there.masks.astype(np.float32)]) > 0.5,
        usable=there.usable,
        angle=TURN,
    )


def known(point: np.ndarray) -> np.ndarray:
    """Where a point has gone."""
    middle = np.full(2, 127.5)
    turn = np.radians(TURN)
    cosine, sine = np.cos(turn), np.sin(turn)
    down, across = point - middle
    return middle + SHIFT + np.array([cosine * down + sine * across, cosine * across - sine * down])


def error(motion: Motion, fixed: Bone, moving: Bone) -> np.ndarray:
    """By how much a motion misses where the joint's middle has gone, px."""
    return np.asarray(motion.of(fixed.about, fixed, moving) - known(np.array(fixed.about)))


@pytest.mark.parametrize("gain", [1.0, 1.4])
@pytest.mark.parametrize("bone", [LOWER, UPPER])
def test_a_bone_that_was_moved_and_turned_is_found_at_any_exposure(first: JointImage, bone: int, gain: float) -> None:
    fixed, moving = bones_of(first)[bone], bones_of(moved(gain))[bone]
    found = register(fixed, moving)
    assert np.abs(error(found, fixed, moving)).max() < 0.05
    assert found.turn == pytest.approx(TURN, abs=0.1)
    assert found.correlation > 0.9
    assert np.sqrt(np.diag(found.covariance)).max() < 0.1


def test_the_way_back_is_the_inverse_of_the_way_there(first: JointImage) -> None:
    fixed, moving = bones_of(first)[UPPER], bones_of(moved())[UPPER]
    there = register(fixed, moving)
    back = register(moving, fixed, near=there.inverse)
    assert back.turn == pytest.approx(-there.turn, abs=0.02)
    point = np.add(fixed.about, (10.0, -20.0))
    assert back.of(there.of(point, fixed, moving), moving, fixed) == pytest.approx(point, abs=0.02)
    exact = there.inverse.of(there.of(point, fixed, moving), moving, fixed)
    assert exact == pytest.approx(point, abs=1e-9)


def test_pixels_that_do_not_count_do_not_bear_on_it(first: JointImage) -> None:
    fixed, second = bones_of(first)[UPPER], moved()
    layers = second.layers.copy()
    layers[UPPER, 30:60, 90:130] += 2.0
    marked = JointImage(layers=layers, masks=second.masks, usable=second.usable, angle=TURN)
    moving = bones_of(marked)[UPPER]
    assert np.abs(error(register(fixed, moving), fixed, moving)).max() < 0.1


def test_a_motion_like_the_other_bones_is_held_near_to_it(first: JointImage) -> None:
    fixed, moving = bones_of(first), bones_of(moved())
    upper = register(fixed[UPPER], moving[UPPER])
    lower = register(fixed[LOWER], moving[LOWER], like=upper)
    assert lower.turn == pytest.approx(TURN, abs=0.1)
    assert np.abs(error(lower, fixed[LOWER], moving[LOWER])).max() < 0.05
