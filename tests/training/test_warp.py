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

from scripts.physics import LOWER, UPPER
from scripts.training.warp import rows_apart, warp, warp_matrix
from tests.support.drawn import per_image


def dot(row: int, column: int, height: int = 41, width: int = 61) -> Tensor:
    rows, columns = torch.arange(height)[:, None] - row, torch.arange(width) - column
    return torch.exp(-(rows.square() + columns.square()) / 8.0)[None, None]


def centre(picture: Tensor) -> tuple[float, float]:
    """Row and column of the centre of mass of (1, 1, H, W)."""
    rows = torch.arange(picture.shape[2])[:, None]
    mass = picture[0, 0] / picture.sum()
    return (mass * rows).sum().item(), (mass * torch.arange(picture.shape[3])).sum().item()


def matrix_of(
    height: int, width: int, *, angle: float = 0.0, zoom: float = 1.0, right: float = 0.0, down: float = 0.0
) -> Tensor:
    return warp_matrix(per_image(angle), per_image(zoom), per_image(right), per_image(down), height, width)


def warped(picture: Tensor, **how: float) -> Tensor:
    height, width = picture.shape[2:]
    return warp(picture, matrix_of(height, width, **how), height, width)


def test_a_dot_moves_by_the_pixels_asked_for() -> None:
    row, column = centre(warped(dot(20, 30), right=7.0, down=-4.5))
    assert (row, column) == pytest.approx((15.5, 37.0), abs=0.02)


def test_a_dot_leaves_the_centre_by_the_zoom() -> None:
    row, column = centre(warped(dot(15, 36), zoom=1.5))
    assert (row, column) == pytest.approx((20 - 5 * 1.5, 30 + 6 * 1.5), abs=0.02)


@pytest.mark.parametrize("angle", [90.0, 30.0, -9.0])
def test_a_dot_turns_clockwise_about_the_centre_without_being_squeezed(angle: float) -> None:
    row, column = centre(warped(dot(20, 42), angle=angle))
    turned = torch.deg2rad(torch.tensor(angle))
    expected = (20 + 12 * torch.sin(turned).item(), 30 + 12 * torch.cos(turned).item())
    assert (row, column) == pytest.approx(expected, abs=0.05)


def test_a_picture_is_turned_and_enlarged_before_it_is_moved() -> None:
    row, column = centre(warped(dot(20, 36), angle=90.0, zoom=2.0, right=5.0, down=-3.0))
    assert (row, column) == pytest.approx((20 + 12 - 3.0, 30 + 5.0), abs=0.05)


def test_the_same_warp_holds_on_a_coarser_canvas() -> None:
    picture = dot(10, 20, height=40, width=60)
    matrix = matrix_of(40, 60, angle=9.0, zoom=1.1, right=6.0, down=4.0)
    fine, coarse = centre(warp(picture, matrix, 40, 60)), centre(warp(picture, matrix, 20, 30))
    assert [2 * x + 0.5 for x in coarse] == pytest.approx(fine, abs=0.05)


@pytest.mark.parametrize(("lowest_upper", "rows"), [(9, 11), (19, 1), (20, 0), (24, -4)])
def test_rows_apart_are_counted_in_the_column_where_the_bones_are_closest(lowest_upper: int, rows: int) -> None:
    within = -torch.ones(1, 2, 40, 30)
    within[0, LOWER, 20:, 5:25] = 1.0
    within[0, UPPER, :5, :] = 1.0
    within[0, UPPER, : lowest_upper + 1, 7] = 1.0
    assert rows_apart(within).item() == rows
