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

"""Another joint in the place of a drawn one: how real joints come to stand in a whole hand."""

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from scripts.phantoms.hand import Hand, Joint
from scripts.physics import attenuation, gray_level

FEATHER = 0.06
"""Share of a field's side over which a pasted joint fades into the hand, on each side."""


def paste(hand: Hand, name: str, region: Tensor, *, masks: Tensor) -> Hand:
    """Put a joint in the place of a drawn one.

    The joint is resampled to the hand's spacing, antialiased. In the outer 6 % of its field it fades, in attenuation,
    into the hand; further in, the hand's gray levels are the resampled joint's own.

    Args:
        hand: it stays as it is.
        name: of the joint that gives way, e.g. ``"MCP2"``.
        region: (1, h, w), gray levels 0..1, a square of 23 mm, metacarpal below.
        masks: (2, h, w), float 0..1 or bool, lower and upper bone.

    Returns:
        The hand with that joint, whose layers and soft tissue nobody knows.

    Raises:
        ValueError: the hand has no such joint; shapes other than these.
    """
    if name not in hand.joints:
        raise ValueError(f"joint is {name!r}, one of {', '.join(hand.joints)} expected")
    if region.shape[:-2] != (1,) or masks.shape != (2, *region.shape[-2:]):
        raise ValueError(f"region is {tuple(region.shape)}, masks {tuple(masks.shape)}; (1, h, w), (2, h, w) expected")
    top, left, bottom, right = hand.joints[name].box
    size = (bottom - top, right - left)
    joint = interpolate(region[None].float(), size, mode="bicubic", antialias=True)[0].clamp(0.0, 1.0)
    inside = interpolate(masks[None].float(), size, mode="bilinear", antialias=True)[0] > 0.5
    # 0 at the field's edge, 1 from the feather's end on.
    steps = [torch.arange(length) + 0.5 for length in size]
    ramps = [(torch.minimum(step, len(step) - step) / (FEATHER * len(step))).clamp(max=1.0) for step in steps]
    weight = torch.minimum(ramps[0][:, None], ramps[1][None])
    weight = weight * weight * (3.0 - 2.0 * weight)
    image = hand.image.clone()
    field = image[:, top:bottom, left:right]
    blended = gray_level(weight * attenuation(joint) + (1.0 - weight) * attenuation(field))
    field.copy_(torch.where(weight == 1.0, joint, blended))
    pasted = Joint(hand.joints[name].centre, hand.joints[name].box, inside, None, None)
    return replace(hand, image=image, joints={**hand.joints, name: pasted})
