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

from scripts.networks.view import out_of_view, turned_back, turned_view
from scripts.phantoms.joint import draw_joint


def dots(rows: int, columns: int, *where: tuple[float, float]) -> Tensor:
    """Soft dots at (row, column), each in a channel of its own, (1, C, rows, columns)."""
    y, x = torch.arange(rows)[:, None], torch.arange(columns)
    return torch.stack([torch.exp(-((y - row).square() + (x - column).square()) / 8.0) for row, column in where])[None]


def middles(picture: Tensor) -> list[tuple[float, float]]:
    """Row and column of the centre of mass of each channel of (1, C, H, W)."""
    y, x = torch.arange(picture.shape[2])[:, None], torch.arange(picture.shape[3])
    return [((each * y).sum().item(), (each * x).sum().item()) for each in (p / p.sum() for p in picture[0])]


@pytest.mark.parametrize("angle", [30.0, -50.0, 90.0])
@pytest.mark.parametrize(("rows", "columns"), [(128, 128), (100, 128), (256, 256), (60, 64)])
def test_an_axis_that_leans_to_the_right_by_the_angle_is_upright_in_the_view(
    angle: float, rows: int, columns: int
) -> None:
    turn, far = torch.deg2rad(torch.tensor(angle)), 0.3 * min(rows, columns)
    row, column = (rows - 1) / 2, (columns - 1) / 2
    above = (row - far * torch.cos(turn).item(), column + far * torch.sin(turn).item())
    view = turned_view(dots(rows, columns, (row, column), above), torch.tensor([angle]), 128)
    [centre, top] = middles(view)
    assert centre == pytest.approx((63.5, 63.5), abs=0.1)
    assert top == pytest.approx((63.5 - far * 128 / max(rows, columns), 63.5), abs=0.3)


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize(("rows", "columns"), [(128, 128), (128, 90), (300, 260)])
def test_what_is_seen_comes_back_to_its_place(rows: int, columns: int, whole: bool) -> None:
    y, x = torch.linspace(0, 1, rows)[:, None], torch.linspace(0, 1, columns)
    picture = (0.2 + 0.3 * y.square() + 0.4 * x)[None, None].expand(2, -1, -1, -1)
    angle = torch.tensor([33.0, -12.0])
    back = turned_back(turned_view(picture, angle, 128, whole=whole), angle, rows, columns, whole=whole)
    seen = ~out_of_view(angle, rows, columns) if not whole else torch.ones(2, 1, rows, columns, dtype=torch.bool)
    assert (back - picture)[seen].abs().max() < 0.015


def test_corners_alone_are_out_of_view() -> None:
    left_out = out_of_view(torch.tensor([0.0, 20.0, 45.0]), 100, 100)
    assert not left_out[0].any()
    assert left_out[1:, 0, 0, 0].all()
    assert not left_out[:, :, 20:80, 20:80].any()
    share = left_out.float().mean(dim=(1, 2, 3))
    assert 0.05 < share[1] < share[2] < 0.2


def test_nothing_of_a_narrow_region_is_left_out_that_fits_into_the_square() -> None:
    assert not out_of_view(torch.tensor([90.0]), 64, 128).any()


def test_a_view_ends_in_the_borders_of_the_region() -> None:
    bright = torch.full((1, 1, 96, 96), 0.7)
    assert turned_view(bright, torch.tensor([45.0]), 64).allclose(torch.tensor(0.7))


def test_masks_that_were_turned_there_and_back_are_off_by_less_than_a_pixel_at_their_outline() -> None:
    masks = draw_joint(3, size=256, overlap=12.0).masks[None].float()
    angle = torch.tensor([25.0])
    back = turned_back(turned_view(masks, angle, 256), angle, 256, 256)
    same = (back > 0.5) == (masks > 0.5)
    seen = ~out_of_view(angle, 256, 256)
    assert (same | ~seen).float().mean() > 0.997
