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

import pytest
import torch
from torch import Tensor

from scripts.datasets.finger_joints import signed_distance
from scripts.training.placement import Placement, Pose, Surroundings

STILL = Placement(angle=0.0, zoom=(1.0, 1.0), shift=0.0, far=0.0, mirrored=0.0)
"""Leaves every joint where it is."""
ALONE = Surroundings(neighbour=0.0, skin=0.0)


def block(side: int = 96) -> tuple[Tensor, Tensor]:
    """A bright block of 24 x 16 px with its signed distance, twice over, in a batch of one."""
    masks = torch.zeros(2, side, side)
    masks[:, 36:60, 40:56] = 1.0
    return 0.2 + 0.5 * masks[None, :1], signed_distance(masks)[None]


def middle(inside: Tensor) -> tuple[float, float]:
    """Column and row of the middle of a mask (H, W), counted from the picture's."""
    rows, columns = inside.nonzero().double().mean(dim=0).tolist()
    return columns - (inside.shape[1] - 1) / 2, rows - (inside.shape[0] - 1) / 2


def pose(angle: float = 0.0, zoom: float = 1.0, right: float = 0.0, down: float = 0.0) -> Pose:
    return Pose(*(torch.full((1, 1, 1, 1), value) for value in (angle, zoom, right, down)))


def test_a_joint_that_nothing_moves_is_what_it_was() -> None:
    image, distance = block()
    placed, away = STILL(image, distance)
    assert torch.allclose(placed, image, atol=1e-5)
    assert torch.allclose(away, distance, atol=1e-4)


@pytest.mark.parametrize("seed", range(5))
def test_image_and_distances_are_placed_together(seed: int) -> None:
    torch.manual_seed(seed)
    image, distance = block()
    placed, away = Placement(zoom=(0.8, 1.2), far_shift=20.0)(image, distance)
    inside = placed[0, 0] > 0.45
    assert (inside != (away[0, 0] > 0)).float().mean() < 0.01
    # Distances are px of the placed image: those of its own outline.
    near = away[0].abs() < 5.0
    assert (signed_distance(inside[None].float())[0] - away[0, 0])[near[0]].abs().mean() < 0.6


def test_a_joint_lies_as_far_off_the_middle_as_drawn() -> None:
    torch.manual_seed(0)
    image, distance = (x.expand(200, -1, -1, -1) for x in block())
    _, away = Placement(angle=0.0, zoom=(1.0, 1.0), shift=5.0, far_shift=15.0, far=0.2)(image, distance)
    off = torch.tensor([max(map(abs, middle(one[0] > 0))) for one in away])
    assert off.max() <= 16.0
    assert 0.05 < (off > 6.0).float().mean() < 0.25


def test_mirrored_joints_are_mirrored_in_image_and_distances() -> None:
    image, distance = block()
    image[..., :40] = 0.7
    mirrored = Placement(angle=0.0, zoom=(1.0, 1.0), shift=0.0, far=0.0, mirrored=1.0)
    placed, away = mirrored(image, distance)
    assert torch.allclose(placed, image.flip(-1), atol=1e-5)
    assert torch.allclose(away, distance.flip(-1), atol=1e-4)


@pytest.mark.parametrize("angle", [0.0, 30.0, -45.0])
def test_what_lies_beside_a_turned_joint_lies_across_its_axis(angle: float) -> None:
    _, distance = block()
    beside = pose(angle=angle, zoom=0.5, right=3.0, down=-2.0).beside(torch.full((1, 1, 1, 1), 40.0))
    turn = torch.deg2rad(torch.tensor(angle))
    column, row = middle(beside.apply(distance)[0, 0] > 0)
    assert column == pytest.approx(3.0 + 20.0 * turn.cos().item(), abs=0.6)
    assert row == pytest.approx(-2.0 + 20.0 * turn.sin().item(), abs=0.6)


def beside(surroundings: Surroundings) -> tuple[Tensor, Tensor, Tensor]:
    """Image before and after, and distance to the nearer bone, of two blocks."""
    image, distance = block()
    joints = torch.cat([image, torch.full_like(image, 0.2), distance[:, :1]], dim=1).expand(2, -1, -1, -1)
    placed, away = (x.expand(2, -1, -1, -1) for x in (image, distance))
    still = Pose(*(x.expand(2, -1, -1, -1) for x in pose()))
    torch.manual_seed(1)
    return placed, surroundings(placed, away, still, joints), away[:, :1]


def test_an_image_without_surroundings_is_what_it_was() -> None:
    before, after, _ = beside(ALONE)
    assert torch.allclose(after, before, atol=1e-5)


def test_a_neighbours_bone_is_added_at_the_side_and_never_inside_the_own_bones() -> None:
    before, after, own = beside(Surroundings(neighbour=1.0, apart=(28.0, 32.0), skin=0.0))
    assert torch.allclose(after[own > -4], before[own > -4], atol=1e-5)
    for image in after:
        column, row = middle((image[0] > 0.45) & (own[0, 0] < -4))
        assert 27.0 <= abs(column) <= 33.0
        assert abs(row) < 1.0


def test_beyond_the_skin_is_air_and_the_own_bones_keep_their_flesh() -> None:
    before, after, own = beside(Surroundings(neighbour=0.0, skin=1.0, flesh=(4.0, 8.0), gap=(200.0, 200.0)))
    assert torch.allclose(after[own > 0], before[own > 0], atol=1e-5)
    assert (after.flatten(1) < 0.01).float().mean(dim=1).min() > 0.05
    assert (after <= before + 1e-6).all()
