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

from scripts.phantoms.joint_composition import JointTile, compose
from scripts.phantoms.posed_hand import PosedHand, PosedJoint

SPACING, TILE_MM = 0.4, 0.2


@pytest.fixture
def flat() -> PosedHand:
    attenuation = np.full((200, 160), 0.5, np.float32)
    attenuation += 0.1 * np.random.default_rng(0).standard_normal(attenuation.shape).astype(np.float32)
    return PosedHand(attenuation, {"MCP2": PosedJoint((80.0, 100.0), 20.0)}, np.zeros((0, 2)), SPACING, 1.0)


def tile(angle: float = 0.0) -> JointTile:
    """A bar upright through the middle of a square of 23 mm, leaning by ``angle``."""
    rows, columns = np.indices((115, 115)) - 57.0
    lean = np.radians(angle)
    across = columns * np.cos(lean) + rows * np.sin(lean)
    return JointTile(np.where(abs(across) < 6, 1.0, 0.2).astype(np.float32), (57.0, 57.0), angle, TILE_MM, False)


@pytest.mark.parametrize("angle", [0.0, -15.0, 30.0])
def test_a_joint_is_turned_to_the_drawn_axis(flat: PosedHand, angle: float) -> None:
    composed = compose(flat, "MCP2", tile(angle), scale=1.0, quanta=np.random.default_rng(1))
    lean = np.radians(20.0)
    steps = np.arange(-14, 15)
    columns = np.rint(80 + steps * np.sin(lean)).astype(int)
    rows = np.rint(100 - steps * np.cos(lean)).astype(int)
    on_the_bar = composed.attenuation[rows, columns].mean()
    # 5 mm to the side.
    away = composed.attenuation[rows + round(12 * np.sin(lean)), columns + round(12 * np.cos(lean))].mean()
    assert on_the_bar > away + 0.1


def test_the_hand_outside_of_the_joint_stays_as_it_is(flat: PosedHand) -> None:
    composed = compose(flat, "MCP2", tile(), scale=1.0, quanta=np.random.default_rng(1))
    changed = np.argwhere(composed.attenuation != flat.attenuation) - [100, 80]
    assert len(changed) > 1000
    assert np.hypot(*changed.T).max() <= 23 / 2 / SPACING + 1


def test_a_joint_at_the_edge_of_the_image_is_left_as_it_is(flat: PosedHand) -> None:
    edge = PosedHand(flat.attenuation, {"MCP2": PosedJoint((5.0, 100.0), 0.0)}, flat.others, SPACING, 1.0)
    assert compose(edge, "MCP2", tile(), scale=1.0, quanta=np.random.default_rng(1)) is edge
