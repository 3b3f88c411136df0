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

"""View of a region for the networks, turned so that the joint's axis is upright.

A joint's axis runs from its lower bone (metacarpal side) to its upper one (phalanx side). Its **angle**, here and
everywhere else, is given in degrees by which the axis leans to the right as the image is displayed, that is clockwise
from upright: 0 points up, 90 to the right, -90 to the left. Pixels count as square.
"""

import torch
from torch import Tensor
from torch.nn.functional import grid_sample, interpolate


def turned_view(x: Tensor, angle: Tensor, side: int, whole: bool = False) -> Tensor:
    """Resample regions to a square in which their axes are upright.

    The long side of a region is that of the square, so that corners of the region are left out; what lies outside a
    region repeats its border.

    Args:
        x: (B, C, H, W).
        angle: (B,), degrees, see :mod:`scripts.networks.view`.
        side: of the square, px.
        whole: shrink the regions so that all of their corners are in the square.

    Returns:
        (B, C, side, side).
    """
    rows, columns = x.shape[2], x.shape[3]
    longest = max(rows, columns)
    if longest > side:
        # Pixels are averaged where there are too many of them, then turned.
        height = max(1, (2 * rows * side + longest) // (2 * longest))
        width = max(1, (2 * columns * side + longest) // (2 * longest))
        x = interpolate(x, (height, width), mode="bilinear", antialias=True)
    right, below = _turned(angle.to(x.dtype), side, side)
    if whole:
        right, below = right * _reach(angle.to(x.dtype)), below * _reach(angle.to(x.dtype))
    grid = torch.stack([right * longest / columns, below * longest / rows], dim=3)
    return grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=False)


def turned_back(view: Tensor, angle: Tensor, rows: int, columns: int, whole: bool = False) -> Tensor:
    """Undo :func:`turned_view` for an answer (B, C, side, side); its border is repeated where it does not reach.

    Returns:
        (B, C, rows, columns), on the region's own grid.
    """
    right, below = _turned(-angle.to(view.dtype), rows, columns)
    if whole:
        right, below = right / _reach(angle.to(view.dtype)), below / _reach(angle.to(view.dtype))
    grid = torch.stack([right, below], dim=3)
    return grid_sample(view, grid, mode="bilinear", padding_mode="border", align_corners=False)


def out_of_view(angle: Tensor, rows: int, columns: int) -> Tensor:
    """Return the pixels of a region that :func:`turned_view` leaves out, (B, 1, rows, columns) bool."""
    right, below = _turned(-angle, rows, columns)
    return (torch.maximum(right.abs(), below.abs()) > 1.0).unsqueeze(1)


def _reach(angle: Tensor) -> Tensor:
    """Return the side of the square around a turned square of side 1, (B, 1, 1)."""
    turn = torch.deg2rad(angle).reshape(-1, 1, 1)
    return torch.cos(turn).abs() + torch.sin(turn).abs()


def _turned(angle: Tensor, rows: int, columns: int) -> tuple[Tensor, Tensor]:
    """Return how far right of the centre and below it the pixels of a grid lie once it is turned, (B, rows, columns).

    Lengths count in halves of the grid's long side.
    """
    longest = max(rows, columns)
    turn = torch.deg2rad(angle).reshape(-1, 1, 1)
    cos, sin = torch.cos(turn), torch.sin(turn)
    right = (2.0 * torch.arange(columns, dtype=turn.dtype, device=turn.device) + 1.0 - columns) / longest
    below = (2.0 * torch.arange(rows, dtype=turn.dtype, device=turn.device) + 1.0 - rows) / longest
    right, below = right.reshape(1, 1, -1), below.reshape(1, -1, 1)
    return cos * right - sin * below, sin * right + cos * below
