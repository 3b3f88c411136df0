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

"""Axis of a joint, measured on the masks of its bones."""

import torch
from torch import Tensor

from scripts.physics import LOWER, UPPER


def axis_angle(masks: Tensor) -> Tensor:
    """Measure the angle of the axis, from the middle of the lower bone to that of the upper one.

    Only the largest circle around the region's centre counts: a square cuts bones off by how they lie in it.

    Args:
        masks: (B, 2, H, W), lower and upper bone; a pixel is inside above 0.5.

    Returns:
        (B,), degrees as :mod:`scripts.networks.view` counts them, -180..180; 0 where a bone is missing.
    """
    rows, columns = masks.shape[2:]
    down = torch.arange(rows, device=masks.device, dtype=torch.float64)[:, None] - (rows - 1) / 2
    across = torch.arange(columns, device=masks.device, dtype=torch.float64) - (columns - 1) / 2
    circle = down.square() + across.square() <= (min(rows, columns) / 2) ** 2
    inside = ((masks > 0.5) & circle).double()
    size = inside.sum(dim=(2, 3))
    # Rounded, so that bones right above each other make an angle of 0 and not of what summing them leaves over.
    x = ((inside * across).sum(dim=(2, 3)) / size).round(decimals=6)
    y = ((inside * down).sum(dim=(2, 3)) / size).round(decimals=6)
    angle = torch.rad2deg(torch.atan2(x[:, UPPER] - x[:, LOWER], y[:, LOWER] - y[:, UPPER]))
    return torch.where((size > 0).all(dim=1), angle, 0.0)
