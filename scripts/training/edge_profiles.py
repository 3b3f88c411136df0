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

from scripts.physics import LOWER, RIM, UPPER
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

    share: float = 0.25
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
    """

    share: float = 0.5
    rim_width: float = float(RIM)

    def fade(self, absorbed: Tensor, within: Tensor) -> Tensor:
        """Return the bones' attenuation (B, 2, H, W), 0 and more: all of it inside the mask, fading out around it."""
        return absorbed.clamp(min=0.0) * (1.0 + within / self.rim_width).clamp(0.0, 1.0)
