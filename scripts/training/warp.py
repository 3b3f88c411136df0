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

"""Warps of whole batches on the training device: turned, enlarged, moved; and the distance between two bones."""

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from scripts.physics import LOWER, UPPER


def warp_matrix(angle: Tensor, zoom: Tensor, right: Tensor, down: Tensor, height: int, width: int) -> Tensor:
    """Return matrices for :func:`torch.nn.functional.affine_grid` that turn and enlarge an image, then move it.

    Args:
        angle: degrees clockwise, (B, 1, 1, 1), as are the others.
        zoom: above 1 enlarges.
        right: px of the output.
        down: px of the output.
        height: of the output, px.
        width: of the output, px.

    Returns:
        (B, 2, 3).
    """
    angle, zoom, right, down = (x.flatten() for x in (angle, zoom, right, down))
    cos, sin = torch.cos(torch.deg2rad(angle)) / zoom, torch.sin(torch.deg2rad(angle)) / zoom
    aspect = height / width
    x_from, y_from = -2.0 * right / width, -2.0 * down / height
    across = torch.stack([cos, sin * aspect, cos * x_from + sin * aspect * y_from], dim=1)
    along = torch.stack([-sin / aspect, cos, -sin / aspect * x_from + cos * y_from], dim=1)
    return torch.stack([across, along], dim=1)


def warp(x: Tensor, matrix: Tensor, height: int, width: int) -> Tensor:
    """Resample ``x`` (B, C, H, W) to ``height`` x ``width`` by ``matrix``, see :func:`warp_matrix`."""
    grid = affine_grid(matrix, [x.shape[0], x.shape[1], height, width], align_corners=False)
    return grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=False)


def rows_apart(within: Tensor) -> Tensor:
    """Count the rows from the upper bone down to the lower one in the column where they are closest, (B, 1, 1, 1).

    The result is 1 where they touch; below 1 they overlap, by 1 less that many rows.

    Args:
        within: (B, 2, H, W), above 0 inside the lower and the upper bone.
    """
    rows = torch.arange(within.shape[2], device=within.device, dtype=within.dtype)[None, :, None]
    far = float(within.shape[2])
    top = torch.where(within[:, LOWER] > 0, rows, far).amin(dim=1)
    bottom = torch.where(within[:, UPPER] > 0, rows, -far).amax(dim=1)
    return (top - bottom).amin(dim=1).reshape(-1, 1, 1, 1)
