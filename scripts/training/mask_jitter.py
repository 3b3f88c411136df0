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

"""Errors of drawn and of predicted masks, as a network meets them."""

from dataclasses import dataclass

import torch
from torch import Tensor

from scripts.physics import LOWER, UPPER
from scripts.training.random_draws import Range, happens, uniform, wobble


@dataclass(frozen=True, kw_only=True)
class MaskJitter:
    """Masks that are too small or too large, by a distance that varies along the outline.

    Args:
        share: share of images whose masks are wrong.
        pixels: smallest and largest error, px; masks are too small below 0.
    """

    share: float = 0.7
    pixels: Range = (-3.5, 4.0)

    def __call__(self, within: Tensor) -> Tensor:
        """Move outlines, given and returned as signed distances to them, (B, 2, H, W), px, positive inside."""
        low, high = self.pixels
        error = [
            (uniform(within, self.pixels) + 0.25 * (high - low) * wobble(within)).clamp(low, high)
            for _ in (LOWER, UPPER)
        ]
        return within + happens(within, self.share) * torch.cat(error, dim=1)
