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

from scripts.phantoms.joint_anatomy import (
    TILE,
    Bone,
    draw_bones,
    draw_textures,
    metacarpal,
    phalanx,
    smooth_step,
    soft_tissue,
)
from scripts.physics import LOWER, UPPER


@pytest.fixture(scope="module")
def bones() -> list[Bone]:
    return draw_bones(np.random.default_rng(0), np.random.default_rng(1), 6.0)


def test_a_smooth_step_goes_from_0_to_1_and_stays_there() -> None:
    assert smooth_step(np.array([-5.0, 2.0, 3.0, 4.0, 9.0]), 2.0, 4.0).tolist() == [0.0, 0.0, 0.5, 1.0, 1.0]


@pytest.mark.parametrize("overlap", [-10.0, 0.0, 15.0])
def test_the_bones_run_into_each_other_as_deep_as_asked(overlap: float) -> None:
    lower, upper = draw_bones(np.random.default_rng(0), np.random.default_rng(1), overlap)
    across = np.linspace(-70, 70, 281)
    assert (upper.face(across) - lower.face(across)).max() == pytest.approx(overlap)


def test_local_coordinates_undo_the_tilt_and_place_of_an_outline(bones: list[Bone]) -> None:
    for bone in bones:
        across, away = bone.local(*bone.outline().T)
        assert np.allclose(np.stack([across, away], axis=1), bone.curve)


def test_a_bone_is_widest_near_the_joint_and_narrows_towards_its_shaft(bones: list[Bone]) -> None:
    for bone in bones:
        _, width = bone.profile(np.array([0.0, 50.0, 140.0]))
        assert width[0] >= width[1] > 1.1 * width[2]


def test_textures_have_mean_0_and_deviation_1_and_close_on_themselves() -> None:
    for texture in draw_textures(np.random.default_rng(0)):
        assert texture.shape == (TILE, TILE)
        assert texture.mean() == pytest.approx(0, abs=1e-4)
        assert texture.std() == pytest.approx(1, abs=1e-3)
        for axis in (0, 1):
            seam = np.abs(np.take(texture, 0, axis) - np.take(texture, -1, axis)).mean()
            assert seam < 2 * np.abs(np.diff(texture, axis=axis)).mean()


def test_a_shaft_has_bright_walls_around_a_darker_cavity_and_begins_softly(bones: list[Bone]) -> None:
    bone, away = replace(bones[UPPER], tilt=0.0), np.full(200, 125.0)
    middle, width = bone.profile(away)
    depth = np.linspace(0.5, width[0], 200)
    texture = draw_textures(np.random.default_rng(0))
    drawn = phalanx(bone, depth, middle - width + depth, bone.offset - away, np.random.default_rng(0), texture)
    assert drawn[depth < 1].max() < 0.5 * drawn.max()
    assert 2 < depth[drawn.argmax()] < 10
    assert np.median(drawn[depth > 20]) < 0.6 * drawn.max()


def test_a_metacarpal_head_thins_to_its_face(bones: list[Bone]) -> None:
    bone, depth = replace(bones[LOWER], tilt=0.0), np.linspace(0.0, 60.0, 200)
    texture = draw_textures(np.random.default_rng(0))
    drawn = metacarpal(bone, depth, np.zeros(200), bone.offset + depth, np.random.default_rng(0), texture)
    assert (drawn >= 0).all()
    assert drawn[0] < 0.2 * np.median(drawn[depth > 20])


def test_soft_tissue_is_thick_in_the_finger_and_nearly_nothing_in_the_air_beside_it() -> None:
    texture = draw_textures(np.random.default_rng(0))
    attenuation = soft_tissue(np.array([-200.0, 60.0]), np.array([0.0, 60.0]), np.random.default_rng(0), texture)
    assert attenuation[0] < 0.1
    assert attenuation[1] > 0.25
