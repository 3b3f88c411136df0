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

"""Edge profiles of synthetic overlaps: bones that thin towards their outline, and whole bones with soft edges."""

from dataclasses import dataclass

import torch
from torch import Tensor

from scripts.physics import LOWER, UPPER, overlap_of
from scripts.training.random_draws import Range, uniform


def smoothstep(x: Tensor) -> Tensor:
    """Return 0 below 0, 1 above 1, and ``x^2 (3 - 2 x)`` between them."""
    x = x.clamp(0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)


def taper(bone: Tensor, within: Tensor, other: Tensor, *, width: Tensor, power: Tensor, reach: Tensor) -> Tensor:
    """Thin a bone towards its outline, in and near the overlap, as real bones thin at their lips.

    In the overlap ``b`` becomes ``max(b, 0) * ramp`` with ``ramp = clip(within / width, 0, 1) ** power``; away from it
    the effect fades by a smoothstep, for a ramp that stops at the overlap's border would make a step of its own.

    Args:
        bone: (B, C, H, W), the bone's attenuation above the soft tissue.
        within: (B, C, H, W), distance to the bone's own outline, px, positive inside.
        other: (B, C, H, W), distance to the other bone's outline, px, positive inside it.
        width: of the ramp, px, (B, C, 1, 1), as are the others.
        power: exponent of the ramp.
        reach: px from the overlap within which the effect fades out.
    """
    ramp = (within / width).clamp(0.0, 1.0) ** power
    near = smoothstep(1.0 + other / reach)
    return bone + near * (bone.clamp(min=0.0) * ramp - bone)


@dataclass(frozen=True, kw_only=True)
class TaperedEdge:
    """Bones that thin towards their outline.

    Args:
        share: share of the composites with this profile.
        width: of the ramp, px.
        power: exponent of the ramp.
        reach: px from the overlap within which the thinning fades out.
    """

    share: float = 0.3
    width: Range = (2.0, 14.0)
    power: Range = (0.5, 1.5)
    reach: Range = (6.0, 20.0)

    def thin(self, absorbed: Tensor, within: Tensor) -> Tensor:
        """Taper both bones (B, 2, H, W), each with a ramp of its own; see :func:`taper`."""
        ranges = (self.width, self.power, self.reach)
        ramps = [[uniform(absorbed, bounds) for bounds in ranges] for _ in (LOWER, UPPER)]
        width, power, reach = (torch.cat(pair, dim=1) for pair in zip(*ramps, strict=True))
        return taper(absorbed, within, within.flip(1), width=width, power=power, reach=reach)


@dataclass(frozen=True, kw_only=True)
class NaturalEdge:
    """Whole bones, whose soft edges reach beyond the masks, as in real overlaps.

    Args:
        share: share of the composites with this profile.
        rim_width: px outside the mask within which a bone's edge fades out.
        seam_width: px inside its outline within which a bone takes up its share of the overlap.
    """

    share: float = 0.33
    rim_width: float = 5.0
    seam_width: float = 5.0

    def rim(self, absorbed: Tensor, within: Tensor) -> Tensor:
        """Return the part of the bones' attenuation (B, 2, H, W) that lies outside their outlines."""
        return absorbed * (within <= 0).float() * (1.0 + within / self.rim_width).clamp(0.0, 1.0)

    def layers(self, absorbed: Tensor, total: Tensor, soft: Tensor, given: Tensor) -> Tensor:
        """Return the attenuation of layers without a step at the overlap's border, (B, 2, H, W).

        Outside the overlap of the given masks a layer is the image, with the other bone's rim in it. So that the layer
        goes over into that, each bone begins with nothing at its given outline and has its true share ``seam_width`` px
        further in; both shares always add up to the image.

        Args:
            absorbed: (B, 2, H, W), attenuation of the bones above the soft tissue.
            total: (B, 1, H, W), attenuation of the image.
            soft: (B, 1, 1, 1), attenuation of the soft tissue in the overlap.
            given: (B, 2, H, W), signed distance to the outlines of the given masks, px.
        """
        start = smoothstep(given / self.seam_width).clamp(min=1e-3)
        lower, upper = (absorbed.clamp(min=1e-3) * start).chunk(2, dim=1)
        bone = total - soft
        shared = torch.cat([lower, upper], dim=1) / (lower + upper) * bone
        inside = (given > 0).float()
        return soft + torch.where(overlap_of(inside), shared, bone * inside)
