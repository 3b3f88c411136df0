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

"""Perturbations of a network's inputs: masks, soft tissue, rim, bit depth, noise."""

import zlib
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import torch
from monai.transforms import MapTransform
from torch import Tensor
from torch.nn.functional import interpolate, max_pool2d, pad

from scripts.physics import FIELD_MM, attenuation, gray_level, overlap_of
from scripts.training.degradation import soften
from scripts.training.warp import warp, warp_matrix


class Perturbation(MapTransform):
    """Change of the input ``changes`` of a joint; label and all else stay as they are.

    The same joint is always changed in the same way, in any order of the joints.
    """

    changes = "image"

    def __init__(self) -> None:
        super().__init__((self.changes,))

    @abstractmethod
    def change(self, value: Tensor, joint: Mapping[str, Any]) -> Tensor:
        """Return the changed value of the input."""

    def __call__(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Return the joint with its change."""
        joint = dict(data)
        for key in self.key_iterator(joint):  # type: ignore[arg-type]
            joint[key] = self.change(joint[key], data)
        return joint


class MasksOff(Perturbation):
    """Masks drawn too large or too small.

    Args:
        pixels: how often they grow by a 3x3 square; negative: shrink.
    """

    changes = "masks"

    def __init__(self, *, pixels: int) -> None:
        super().__init__()
        self.pixels = pixels

    def change(self, value: Tensor, joint: Mapping[str, Any]) -> Tensor:
        """Grow or shrink masks (2, H, W), 0..1."""
        masks = value if self.pixels > 0 else 1.0 - value
        for _ in range(abs(self.pixels)):
            masks = max_pool2d(masks[None], 3, stride=1, padding=1)[0]
        return masks if self.pixels > 0 else 1.0 - masks


class SoftTissueOff(Perturbation):
    """Wrong k.

    Args:
        factor: on k, a gray level 0..1.
    """

    changes = "soft_tissue"

    def __init__(self, *, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def change(self, value: Tensor, joint: Mapping[str, Any]) -> Tensor:
        """Multiply k, a number, by the factor."""
        return (value * self.factor).clamp(0.0, 1.0)


class BlurredRim(Perturbation):
    """Blur of the overlap's rim, as in the paper's synthesis.

    Note:
        The paper takes Canny edges of the 8-bit overlap, dilates them by a 4x4 square and blurs what lies in them with
        a 3x3 Gaussian. Canny's edges of a mask are its outline, one pixel thick.

    Source:
        Wang et al., BLS-GAN, AAAI 2025, section "Synthetic pre-training".
    """

    def change(self, value: Tensor, joint: Mapping[str, Any]) -> Tensor:
        """Blur the rim in an image (1, H, W), gray levels 0..1."""
        both = overlap_of(joint["masks"][None]).float()
        outline = both - (1.0 - max_pool2d(1.0 - both, 3, stride=1, padding=1))
        # A 4x4 square has its anchor right below its middle: it reaches two pixels up and left, one down and right.
        rim = max_pool2d(pad(outline, [2, 1, 2, 1]), 4, stride=1)[0]
        return torch.where(rim > 0.5, soften(value[None])[0], value)


class EightBits(Perturbation):
    """Rounding of the image to whole gray levels of 255."""

    def change(self, value: Tensor, joint: Mapping[str, Any]) -> Tensor:
        """Round an image (1, H, W), gray levels 0..1."""
        return (value * 255.0).round() / 255.0


class Noise(Perturbation):
    """Gaussian noise.

    Args:
        sigma: standard deviation, gray levels of 255.
        seed: of the noise; each image has noise of its own.
    """

    def __init__(self, *, sigma: float, seed: int = 0) -> None:
        super().__init__()
        self.sigma, self.seed = sigma, seed

    def change(self, value: Tensor, joint: Mapping[str, Any]) -> Tensor:
        """Add noise to an image (1, H, W), gray levels 0..1."""
        draw = torch.Generator().manual_seed(self.seed + zlib.crc32(value.contiguous().numpy().tobytes()))
        return (value + self.sigma / 255.0 * torch.randn(value.shape, generator=draw)).clamp(0.0, 1.0)


class Resampled(MapTransform):
    """The joint as a radiograph with wider pixels, and of a finger that leans, shows it: image, truth and masks.

    Attenuations are turned and sampled together, so that the true layers still add up to the image.

    Args:
        pixel_mm: width of a pixel; the region has :data:`scripts.physics.FIELD_MM`.
        angle: degrees by which the joint leans to the right.
    """

    def __init__(self, *, pixel_mm: float = FIELD_MM / 256, angle: float = 0.0) -> None:
        super().__init__(("image",))
        self.side, self.angle = round(FIELD_MM / pixel_mm), angle

    def __call__(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Resample ``image`` (1, H, W), ``masks`` (2, H, W) and ``label`` (4, H, W), the true layers and masks."""
        joint = dict(data)
        parts = [attenuation(joint["image"]), attenuation(joint["label"][:2]), joint["masks"], joint["label"][2:]]
        stack = torch.cat(parts)[None]
        if self.angle:
            still = torch.zeros(1)
            matrix = warp_matrix(still + self.angle, still + 1.0, still, still, *stack.shape[2:])
            stack = warp(stack, matrix, *stack.shape[2:])
        if self.side != stack.shape[2]:
            shrinks = self.side < stack.shape[2]
            stack = interpolate(stack, (self.side, self.side), mode="bilinear", antialias=shrinks)
        image, layers, masks, true_masks = stack[0].split((1, 2, 2, 2))
        label = torch.cat([gray_level(layers), (true_masks > 0.5).float()])
        return {**joint, "image": gray_level(image), "masks": (masks > 0.5).float(), "label": label}
