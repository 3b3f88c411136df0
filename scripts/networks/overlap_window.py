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

"""Windows around the overlap, for networks that need not look further; each image of a batch has its own."""

import torch
from torch import Tensor


def span(where: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Return the first and last index along ``dim`` (2 rows, 3 columns) of ``where`` (B, 1, H, W, bool), (B,) each.

    Where it is empty, the last comes before the first.
    """
    there = where[:, 0].any(dim=4 - dim)
    at = torch.arange(there.shape[1], device=where.device)
    first = torch.where(there, at, there.shape[1]).amin(dim=1)
    return first, torch.where(there, at, -1).amax(dim=1)


def origin(where: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Return top row and left column, (B,) each, of windows of ``height`` x ``width`` px centred on ``where``.

    A window stays inside the picture; it is as large as the picture at most.

    Args:
        where: (B, 1, H, W) bool.
        height: of the windows, px.
        width: of the windows, px.
    """
    (top, bottom), (left, right) = span(where, 2), span(where, 3)
    # Computed from twice the middle, so that nothing is rounded before the division.
    row = torch.div(top + bottom + 1 - height, 2, rounding_mode="floor")
    column = torch.div(left + right + 1 - width, 2, rounding_mode="floor")
    return row.clamp(0, where.shape[2] - height), column.clamp(0, where.shape[3] - width)


def indices(top: Tensor, left: Tensor, height: int, width: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return indices of image, row and column of every pixel of the windows, to be broadcast to (B, height, width)."""
    images = torch.arange(top.shape[0], device=top.device)[:, None, None]
    rows = (top[:, None] + torch.arange(height, device=top.device))[:, :, None]
    columns = (left[:, None] + torch.arange(width, device=top.device))[:, None, :]
    return images, rows, columns


def crop(x: Tensor, top: Tensor, left: Tensor, height: int, width: int) -> Tensor:
    """Crop the windows (B, C, height, width) from ``x`` (B, C, H, W), see :func:`origin`."""
    images, rows, columns = indices(top, left, height, width)
    return x.permute(0, 2, 3, 1)[images, rows, columns].permute(0, 3, 1, 2)


def paste(window: Tensor, top: Tensor, left: Tensor, onto: Tensor) -> Tensor:
    """Paste windows (B, C, height, width) onto ``onto`` (B, C, H, W), where :func:`crop` took them."""
    images, rows, columns = indices(top, left, window.shape[2], window.shape[3])
    pasted = onto.permute(0, 2, 3, 1).contiguous()
    pasted[images, rows, columns] = window.permute(0, 2, 3, 1)
    return pasted.permute(0, 3, 1, 2)
