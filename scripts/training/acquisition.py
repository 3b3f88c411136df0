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

"""Acquisition of an image: what detectors, their processing and a window make of the same joint."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, pad

from scripts.training.random_draws import Range, happens, uniform, wobble


def box(x: Tensor, side: int) -> Tensor:
    """Return the mean over ``side`` x ``side`` px, an odd number, around each pixel of (B, C, H, W)."""
    x = pad(x, [side // 2] * 4, mode="replicate")
    return avg_pool2d(avg_pool2d(x, (side, 1), 1), (1, side), 1)


@dataclass(frozen=True, kw_only=True)
class Acquisition:
    """Images as other sites acquire them: coarse, sharpened or blurred, in another window, noisy, saturated.

    No bone moves: masks stay as they are. All parts take and return (B, 1, H, W), gray levels 0..1; each image has
    draws of its own.

    Args:
        coarse: share of images of coarse pixels.
        resolution: their pixels per pixel of the image, 1 is none: the release has about 0.09 mm.
        sharpened: share of images with an unsharp mask.
        sides: px over which unsharp masks take the mean.
        strength: of the unsharp masks.
        blurred: share of images that are blurred instead, over 3 px.
        gamma: exponents of the gray levels.
        sigmoid: share of images in a sigmoid window.
        contrast: factors on the gray levels.
        brightness: gray levels that are added.
        noise: standard deviations, gray levels; half of the images have white noise, half have noise that spans pixels.
        saturated: share of images whose brightest pixels, up to a third of all, are white.
        untouched: share of images that stay as they are.
    """

    coarse: float = 0.5
    resolution: Range = (0.45, 1.0)
    sharpened: float = 0.35
    sides: tuple[int, ...] = (3, 5, 9, 15, 31)
    strength: Range = (0.2, 1.2)
    blurred: float = 0.15
    gamma: Range = (0.55, 1.8)
    sigmoid: float = 0.25
    contrast: Range = (0.6, 1.3)
    brightness: Range = (-0.1, 0.15)
    noise: Range = (0.0, 0.04)
    saturated: float = 0.12
    untouched: float = 0.2

    @torch.no_grad()
    def __call__(self, image: Tensor) -> Tensor:
        """Acquire each image of a batch once."""
        made = torch.cat([self.filter(self.coarsen(x)) for x in image.split(1)])
        made = self.windowed(made.clamp(0.0, 1.0))
        made = self.saturate(self.add_noise(made).clamp(0.0, 1.0))
        return torch.where(happens(image, self.untouched), image, made)

    def coarsen(self, image: Tensor) -> Tensor:
        """Resample an image to coarse pixels and back; a batch of one."""
        chance, (height, width) = torch.rand(2).tolist(), image.shape[-2:]
        if chance[0] >= self.coarse:
            return image
        step = self.resolution[0] + (self.resolution[1] - self.resolution[0]) * chance[1]
        small = [max(1, round(side * step)) for side in (height, width)]
        image = interpolate(image, small, mode="bilinear", antialias=True)
        image = image + 0.5 * uniform(image, self.noise) * happens(image, 0.5) * torch.randn_like(image)
        return interpolate(image, (height, width), mode="bilinear")

    def filter(self, image: Tensor) -> Tensor:
        """Sharpen or blur an image; a batch of one."""
        chance = torch.rand(()).item()
        if chance < self.sharpened:
            side = self.sides[int(torch.randint(len(self.sides), ()).item())]
            return image + uniform(image, self.strength) * (image - box(image, side))
        return box(image, 3) if chance < self.sharpened + self.blurred else image

    def windowed(self, image: Tensor) -> Tensor:
        """Change gamma, contrast and brightness, or show the image in a sigmoid window, a batch at once."""
        image = image ** uniform(image, self.gamma)
        middle, width = uniform(image, (0.3, 0.6)), uniform(image, (0.1, 0.3))
        image = torch.where(happens(image, self.sigmoid), torch.sigmoid((image - middle) / width), image)
        return image * uniform(image, self.contrast) + uniform(image, self.brightness)

    def add_noise(self, image: Tensor) -> Tensor:
        """Add white noise, and noise that spans 2 to 5 px, a batch at once."""
        white = uniform(image, self.noise) * happens(image, 0.5) * torch.randn_like(image)
        cells = int(max(image.shape[-2:]) / (2.0 + 3.0 * torch.rand(()).item())) + 1
        spans = uniform(image, self.noise) * happens(image, 0.5) * wobble(image, cells)
        return image + white + spans

    def saturate(self, image: Tensor) -> Tensor:
        """Show the brightest pixels of some images as white, a batch at once."""
        kept = uniform(image, (0.67, 0.99)).flatten()
        ordered = image[..., ::4, ::4].flatten(1).sort(dim=1).values
        chosen = (kept * (ordered.shape[1] - 1)).long()[:, None]
        white = ordered.gather(1, chosen).reshape(-1, 1, 1, 1).clamp(min=0.2)
        return torch.where(happens(image, self.saturated), (image / white).clamp(max=1.0), image)
