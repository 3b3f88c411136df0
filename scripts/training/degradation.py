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

"""Degradation of a composed image: exposure, a blurred rim, noise, rounding."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from scripts.physics import gray_level
from scripts.training.random_draws import Range, happens, uniform


def soften(x: Tensor) -> Tensor:
    """Blur (B, 1, H, W) by a Gaussian of 3x3 px."""
    x = pad(x, [1, 1, 1, 1], mode="replicate")
    x = 0.25 * (x[:, :, :-2] + x[:, :, 2:]) + 0.5 * x[:, :, 1:-1]
    return 0.25 * (x[..., :-2] + x[..., 2:]) + 0.5 * x[..., 1:-1]


@dataclass(frozen=True, kw_only=True)
class Degradation:
    """Gray levels of an attenuation, as a detector and a file give them.

    Args:
        exposure: factor on the whole image's attenuation.
        blurred_rim: share of images with a blurred rim of the overlap (the paper).
        noise: standard deviation of the image's noise, gray levels 0..1, at most.
        levels: the image is rounded to 1 / levels, as 8-bit files are; 0 leaves it as it is.
    """

    exposure: Range = (0.8, 1.25)
    blurred_rim: float = 0.35
    noise: float = 0.006
    levels: int = 255

    def __call__(self, attenuation: Tensor, within: Tensor) -> tuple[Tensor, Tensor]:
        """Expose and degrade a batch.

        Args:
            attenuation: (B, 1, H, W).
            within: signed distances to the outlines of both bones, (B, 2, H, W), px.

        Returns:
            The image (B, 1, H, W), gray levels 0..1, and the exposure that was drawn, (B, 1, 1, 1).
        """
        exposure = uniform(attenuation, self.exposure)
        image = gray_level(attenuation * exposure)
        rim = within.amin(dim=1, keepdim=True).abs() < 2.5
        image = torch.where(happens(image, self.blurred_rim) & rim, soften(image), image)
        image = image + uniform(image, (0.0, self.noise)) * happens(image, 0.5) * torch.randn_like(image)
        image = image.clamp(0.0, 1.0)
        return (image * self.levels).round() / self.levels if self.levels else image, exposure
