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

"""Synthetic overlaps of the paper, faults included, to train its networks and ours on the same pictures."""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.functional import conv2d, interpolate, max_pool2d, pad

from scripts.physics import LOWER, UPPER, overlap_of

SOBEL = ((-1.0, 0.0, 1.0), (-2.0, 0.0, 2.0), (-1.0, 0.0, 1.0))
TANGENT = 13573 / 2**15
"""Tangent of 22.5 degrees, as OpenCV rounds it."""


def dilated(mask: Tensor, side: int) -> Tensor:
    """Grow (B, C, H, W) by a square of ``side`` px; an even one reaches one px further down and to the right."""
    before, after = side // 2, (side - 1) // 2
    return max_pool2d(pad(mask, [before, after, before, after]), side, stride=1)


def moved(x: Tensor, down: Tensor) -> Tensor:
    """Move each picture of ``x`` (B, C, H, W) ``down`` (B,) whole px; zeros come in."""
    rows = torch.arange(x.shape[2], device=x.device)[None] - down[:, None]
    there = ((rows >= 0) & (rows < x.shape[2])).to(x.dtype)[:, None, :, None]
    source = rows.clamp(0, x.shape[2] - 1)[:, None, :, None].expand_as(x)
    return x.gather(2, source) * there


def edge_of(mask: Tensor) -> Tensor:
    """Find the edge of a mask as OpenCV's Canny does in a mask of 0 and 255 with thresholds of 100 and 200.

    A slope of such a mask is 0, or 255 and more, so Canny comes down to Sobel's slopes and the choice of the steepest
    pixel across an edge.

    Args:
        mask: (B, 1, H, W), 0 or 1.

    Returns:
        (B, 1, H, W) bool.

    Source:
        OpenCV's documentation of Canny; J. Canny, A computational approach to edge detection, 1986.
    """
    sobel = torch.tensor(SOBEL, dtype=mask.dtype, device=mask.device)
    slopes = conv2d(pad(mask, [1, 1, 1, 1], mode="replicate"), torch.stack([sobel, sobel.T])[:, None])
    across, down = slopes[:, :1], slopes[:, 1:]
    steepness = across.abs() + down.abs()
    around = pad(steepness, [1, 1, 1, 1])
    rows, columns = mask.shape[2:]

    def beside(below: int, right: int) -> Tensor:
        return around[:, :, 1 + below : 1 + below + rows, 1 + right : 1 + right + columns]

    flat = down.abs() < TANGENT * across.abs()
    steep = down.abs() > (TANGENT + 2.0) * across.abs()
    falls = across * down < 0
    straight = torch.where(
        flat,
        (steepness > beside(0, -1)) & (steepness >= beside(0, 1)),
        (steepness > beside(-1, 0)) & (steepness >= beside(1, 0)),
    )
    slanted = torch.where(
        falls,
        (steepness > beside(-1, 1)) & (steepness > beside(1, -1)),
        (steepness > beside(-1, -1)) & (steepness > beside(1, 1)),
    )
    return (steepness > 0) & torch.where(flat | steep, straight, slanted)


class ReferenceOverlapSynthesis:
    """Overlaps of joints whose bones do not overlap, composed as the paper's code does.

    Faults that change the numbers can be switched off by name; by default they are on, as in the paper.

    Args:
        shift: the upper bone moves down and the lower one up by so many whole px each, uniform, both ends included.
        dilation: side of the square by which the drawn masks grow, px: 3 adds a px all around, 1 none.
        blurred_rim: blur the rim of the overlap, about 3 px wide, which leaves the true layers behind.
        crop: px cut off at each side before the rest is enlarged to the old size: it makes synthetic bones larger than
            real ones, and the enlarged layers do not recompose the enlarged image any more; 0 leaves both as they are.

    Source:
        Wang et al., BLS-GAN, AAAI 2025, section "Synthetic pre-training", as the public code runs it.
    """

    def __init__(
        self,
        *,
        shift: tuple[int, int] = (2, 8),
        dilation: int = 3,
        blurred_rim: bool = True,
        crop: int = 8,
    ) -> None:
        self.shift, self.dilation, self.blurred_rim = shift, dilation, blurred_rim
        self.crop = crop

    @torch.no_grad()
    def __call__(self, joints: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Compose one overlap for each joint, on the joints' device, with torch's random numbers.

        Args:
            joints: ``image`` (B, 1, H, W) and ``background`` (B, 1, H, W), its soft tissue without the bones, gray
                levels 0..1; ``masks`` (B, 2, H, W), or ``distance``, signed, to their outlines (positive inside).

        Returns:
            As :meth:`compose`.
        """
        image = joints["image"]
        low, high = self.shift
        down, up = torch.randint(low, high + 1, (2, image.shape[0]), device=image.device)
        masks = joints["masks"] > 0.5 if "masks" in joints else joints["distance"] > 0
        return self.compose(image, joints["background"], masks, down=down, up=up)

    def compose(
        self, image: Tensor, background: Tensor, masks: Tensor, *, down: Tensor, up: Tensor
    ) -> dict[str, Tensor]:
        """Compose the overlaps of given shifts.

        Args:
            image: (B, 1, H, W), gray levels 0..1 of an 8-bit file.
            background: (B, 1, H, W), gray levels 0..1.
            masks: (B, 2, H, W), bool or 0..1.
            down: px by which the upper bone moves, (B,) integers.
            up: px by which the lower bone moves, (B,) integers.

        Returns:
            ``image`` (B, 1, H, W), zero outside both bones; ``masks`` (B, 2, H, W), 0 or 1, and the same as
            ``true_masks``; ``layers`` (B, 2, H, W), zero outside their bones, except where the enlargement smears over
            the outlines; ``soft_tissue`` k (B, 1, 1, 1), 0 where nothing overlaps.
        """
        # Cutting to levels is a matter of the last bit: float64 and the file's integers, as in the paper's code.
        gray = (image.double() * 255.0).round() / 255.0
        bones = dilated((masks > 0.5).to(gray.dtype), self.dilation)
        by = {LOWER: -up, UPPER: down}
        shifted, inside = (
            torch.cat([moved(x[:, bone, None], by[bone]) for bone in (LOWER, UPPER)], dim=1)
            for x in (gray * bones, bones)
        )
        overlap = overlap_of(inside).to(gray.dtype)
        area = overlap.sum(dim=(2, 3), keepdim=True).clamp(min=1.0)
        # The background is not moved with the bones.
        k = (background.double() * overlap).sum(dim=(2, 3), keepdim=True) / area
        composed = 1.0 - (1.0 - shifted).prod(dim=1, keepdim=True) / (1.0 - k * overlap)
        # Where both layers are darker than k the sum is below black.
        levels = self.blur((composed.clamp(min=0.0) * 255.0).floor(), overlap)
        composed, layers = self.enlarge((levels / 255.0).float()), self.enlarge(shifted.float())
        seen = self.enlarge_mask(inside.float())
        return {"image": composed, "masks": seen, "true_masks": seen, "layers": layers, "soft_tissue": k.float()}

    def blur(self, levels: Tensor, overlap: Tensor) -> Tensor:
        """Blur ``levels`` (B, 1, H, W), whole gray levels, by a Gaussian of 3x3 px along the rim of the overlap."""
        if not self.blurred_rim:
            return levels
        rim = dilated(edge_of(overlap).to(levels.dtype), 4)
        line = torch.tensor([1.0, 2.0, 1.0], dtype=levels.dtype, device=levels.device)
        smooth = conv2d(pad(levels, [1, 1, 1, 1], mode="reflect"), torch.outer(line, line)[None, None])
        return torch.where(rim > 0, ((smooth + 8.0) / 16.0).floor(), levels)

    def enlarge(self, x: Tensor) -> Tensor:
        """Cut the sides of ``x`` (B, C, H, W) off and bring the rest to the old size, linear between pixels."""
        rows, columns = x.shape[2:]
        inner = x[:, :, self.crop : rows - self.crop, self.crop : columns - self.crop]
        return interpolate(inner, (rows, columns), mode="bilinear") if self.crop else x

    def enlarge_mask(self, mask: Tensor) -> Tensor:
        """Enlarge bytes of 0 and 1 as OpenCV rounds them: quarters of each row are cut, their sum is rounded."""
        if not self.crop:
            return mask
        rows, columns = mask.shape[2:]
        inner = mask[:, :, self.crop : rows - self.crop, self.crop : columns - self.crop]
        wide = interpolate(inner, (inner.shape[2], columns), mode="bilinear")
        at = (torch.arange(rows, device=mask.device) + 0.5) * (inner.shape[2] / rows) - 0.5
        share = at - at.floor()
        above, below = (
            (4.0 * weight[:, None] * wide[:, :, row.clamp(0, inner.shape[2] - 1)]).floor()
            for weight, row in ((1.0 - share, at.floor().long()), (share, at.floor().long() + 1))
        )
        return (above + below >= 2.0).to(mask.dtype)
