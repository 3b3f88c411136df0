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

"""Random draws for a batch, one an image, with torch's random numbers on the batch's device."""

import torch
from torch import Tensor
from torch.nn.functional import interpolate

Range = tuple[float, float]


def uniform(like: Tensor, bounds: Range) -> Tensor:
    """Draw one number an image, (B, 1, 1, 1), uniform in ``bounds``."""
    return torch.empty(like.shape[0], 1, 1, 1, device=like.device).uniform_(*bounds)


def happens(like: Tensor, probability: float) -> Tensor:
    """Toss one coin an image, (B, 1, 1, 1) bool, true with ``probability``."""
    return torch.rand(like.shape[0], 1, 1, 1, device=like.device) < probability


def wobble(like: Tensor, cells: int = 8) -> Tensor:
    """Draw a smooth random field, (B, 1, H, W), standard normal at ``cells`` x ``cells`` points."""
    points = torch.randn(like.shape[0], 1, cells, cells, device=like.device)
    return interpolate(points, like.shape[-2:], mode="bilinear", align_corners=True)
