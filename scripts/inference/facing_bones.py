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

"""Check whether proposed masks look like two bones that face each other: a click may have hit something else."""

import math

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

from scripts.physics import LOWER, UPPER

SMALLEST = 0.08
"""Area of a bone as a share of the circle around the region's centre; real bones have 0.15 and more."""

REACH = 0.9
"""How far along the axis a bone goes, as a share of the circle's radius: the shaft of a real one leaves the circle."""

CONTRAST = 0.04
"""Gray levels 0..1 by which a bone is brighter than the tissue along it; real bones by 0.09 and more."""


def are_facing_bones(image: Tensor, masks: Tensor, angle: float) -> bool:
    """Return whether masks are large and bright enough, and go from the middle of the region to opposite sides.

    Thresholds are set between 30 joints of the release's validation split, 60 of drawn hands and 15 of a real one, up
    to 5 mm off their centre, and places beside the joints of these hands.

    Args:
        image: (H, W), gray levels 0..1.
        masks: (2, H, W) bool, lower and upper bone.
        angle: degrees by which the joint leans, see :mod:`scripts.networks.view`.
    """
    rows, columns = image.shape
    radius = min(rows, columns) / 2
    down = torch.arange(rows, device=image.device)[:, None] - (rows - 1) / 2
    across = torch.arange(columns, device=image.device) - (columns - 1) / 2
    circle = down.square() + across.square() <= radius**2
    turn = math.radians(angle)
    up = math.sin(turn) * across - math.cos(turn) * down
    wide = 2 * max(3, min(rows, columns) // 20) + 1
    for bone, along in ((LOWER, -up), (UPPER, up)):
        inside = masks[bone] & circle
        # A square is a column and a row: ten times less work.
        tall = max_pool2d(masks[bone][None].float(), (wide, 1), stride=1, padding=(wide // 2, 0))
        near = max_pool2d(tall, (1, wide), stride=1, padding=(0, wide // 2))[0] > 0
        tissue = near & ~masks.any(dim=0)
        if not (inside.sum() >= SMALLEST * circle.sum() and along[inside].max() >= REACH * radius and tissue.any()):
            return False
        if image[masks[bone]].mean() - image[tissue].mean() < CONTRAST:
            return False
    return True
