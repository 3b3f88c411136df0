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
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, pad

from scripts.physics import gray_level
from scripts.training.random_draws import Range, happens, uniform


def soften(x: Tensor) -> Tensor:
    """Blur (B, 1, H, W) by a Gaussian of 3x3 px."""
    x = pad(x, [1, 1, 1, 1], mode="replicate")
    x = 0.25 * (x[:, :, :-2] + x[:, :, 2:]) + 0.5 * x[:, :, 1:-1]
    return 0.25 * (x[..., :-2] + x[..., 2:]) + 0.5 * x[..., 1:-1]


def resample(x: Tensor, side: Tensor) -> Tensor:
    """Sample each image (B, C, H, W) on coarser pixels, ``side`` (B,) times as wide, and bring it back."""
    rows, columns = x.shape[-2:]
    sampled = []
    for image, factor in zip(x.split(1), side.tolist(), strict=True):
        size = (max(1, round(rows / factor)), max(1, round(columns / factor)))
        coarse = interpolate(image, size, mode="bilinear", antialias=True) if factor > 1.0 else image
        sampled.append(interpolate(coarse, (rows, columns), mode="bilinear") if factor > 1.0 else image)
    return torch.cat(sampled)


def blur(x: Tensor, radius: int) -> Tensor:
    """Return the mean of (B, C, H, W) over a square of 2 ``radius`` + 1 px."""
    side = 2 * radius + 1
    # Rows, then columns: a square costs a CPU seven times as much.
    rows = avg_pool2d(pad(x, [0, 0, radius, radius], mode="replicate"), (side, 1), stride=1)
    return avg_pool2d(pad(rows, [radius, radius, 0, 0], mode="replicate"), (1, side), stride=1)


class Degraded(NamedTuple):
    """Composites as a detector and a file give them."""

    image: Tensor
    """(B, 1, H, W), gray levels 0..1."""
    layers: Tensor
    """(B, 2, H, W), attenuation of the true layers, as they would look in such an image."""
    soft_tissue: Tensor
    """(B, 1, H, W), attenuation."""


@dataclass(frozen=True, kw_only=True)
class Degradation:
    """Gray levels of an attenuation, as a detector and a file give them; the true layers change along.

    Pixels and sharpening are linear in attenuation, so that layers which added up still do. What changes the gray scale
    (exposure, gamma, saturation) leaves each bone its share of what both add to the soft tissue.

    Args:
        exposure: factor on the whole image's attenuation.
        coarse: share of images from coarser pixels.
        pixel: width of those, in px of the image.
        sharpened: share of images with unsharp masking.
        gamma: exponent on the attenuation.
        curved: share of images whose gray scale has a gamma.
        saturated: share of images whose brightest pixels are cut off.
        blurred_rim: share of images with a blurred rim of the overlap (the paper).
        noise: standard deviation of the image's noise, gray levels 0..1, at most.
        levels: the image is rounded to 1 / levels, as 8-bit files are; 0 leaves it as it is.
    """

    exposure: Range = (0.8, 1.25)
    coarse: float = 0.4
    pixel: Range = (1.05, 2.2)
    sharpened: float = 0.2
    gamma: Range = (0.75, 1.35)
    curved: float = 0.2
    saturated: float = 0.05
    blurred_rim: float = 0.15
    noise: float = 0.008
    levels: int = 255

    def __call__(self, total: Tensor, layers: Tensor, soft_tissue: Tensor, within: Tensor) -> Degraded:
        """Degrade a batch.

        Args:
            total: attenuation of the image, (B, 1, H, W).
            layers: attenuation of the true layers, (B, 2, H, W).
            soft_tissue: attenuation, (B, 1, H, W).
            within: signed distances to the outlines of both bones, (B, 2, H, W), px.
        """
        seen = torch.cat([total, soft_tissue, layers], dim=1)
        if self.coarse:
            side = torch.where(
                happens(total, self.coarse), uniform(total, self.pixel), torch.ones_like(total[:1, :1, :1, :1])
            )
            seen = resample(seen, side.flatten())
        if self.sharpened:
            amount = uniform(total, (0.2, 1.2)) * happens(total, self.sharpened)
            chosen = amount.flatten() > 0
            sharp = seen[chosen]
            seen = seen.index_put(
                (chosen,), sharp + amount[chosen] * (sharp - blur(sharp, int(torch.randint(1, 8, ()))))
            )
        total, soft, layers = seen.clamp(min=0.0).split((1, 1, 2), dim=1)
        exposed, soft_exposed = self.gray_scale(torch.cat([total, soft], dim=1)).chunk(2, dim=1)
        bone = total - soft
        some = bone.abs() > 1e-4
        gain = torch.where(some, (exposed - soft_exposed) / torch.where(some, bone, 1.0), 1.0)
        layers = soft_exposed + (layers - soft) * gain
        image = gray_level(exposed)
        rim = within.amin(dim=1, keepdim=True).abs() < 2.5
        image = torch.where(happens(image, self.blurred_rim) & rim, soften(image), image)
        image = (image + self.grain(image)).clamp(0.0, 1.0)
        image = (image * self.levels).round() / self.levels if self.levels else image
        return Degraded(image, layers, soft_exposed)

    def gray_scale(self, attenuation: Tensor) -> Tensor:
        """Expose (B, C, H, W), bend its gray scale, cut off its brightest pixels."""
        exposed = attenuation * uniform(attenuation, self.exposure)
        power = torch.where(
            happens(exposed, self.curved), uniform(exposed, self.gamma), torch.ones_like(exposed[:1, :1, :1, :1])
        )
        exposed = exposed.clamp(min=1e-6) ** power
        brightest = exposed.amax(dim=(1, 2, 3), keepdim=True)
        cut = torch.where(happens(exposed, self.saturated), uniform(exposed, (0.75, 1.0)), torch.ones_like(brightest))
        return torch.minimum(exposed, brightest * cut)

    def grain(self, image: Tensor) -> Tensor:
        """Draw noise (B, 1, H, W): in half of the images, of single pixels or, as a detector blurs it, of several."""
        white = torch.randn_like(image)
        # Softened noise has 3/8 of the spread.
        noise = torch.where(happens(image, 0.4), soften(white) / 0.375, white)
        return noise * uniform(image, (0.0, self.noise)) * happens(image, 0.5)
