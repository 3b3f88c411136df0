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

"""Inferer of the inference config: predicted masks are tidied before the bones are split along them."""

from typing import Any

import numpy as np
import torch
from monai.inferers import Inferer
from scipy.ndimage import binary_fill_holes, label
from torch import Tensor

from scripts.networks.axis import axis_angle

LEAN = 7.0
"""Angle of a joint's axis, degrees, from which on it is looked at again, turned upright."""

STEADY = 15.0
"""Difference of two looks in the angle, degrees, up to which they see the same joint."""

FAR = 45.0
"""Angle, degrees, of further looks to the left and to the right at a joint that leans too much for the first look."""


def tidy(inside: Tensor) -> Tensor:
    """Tidy predicted masks: each bone keeps one piece, without holes.

    It keeps the piece that fills most of the region's middle: one at the border may be a neighbour's, even a large one.

    Args:
        inside: (B, 2, H, W), probability of being inside the lower and the upper bone; inside above 0.5.

    Returns:
        (B, 2, H, W) bool.
    """
    bones = (inside > 0.5).cpu().numpy()
    masks = np.zeros_like(bones)
    weight = _middle(bones.shape[2], bones.shape[3])
    for image, bone in np.ndindex(*masks.shape[:2]):
        pieces, count = label(bones[image, bone], structure=np.ones((3, 3)))
        if count:
            heaviest = 1 + np.bincount(pieces.ravel(), weight.ravel())[1:].argmax()
            masks[image, bone] = binary_fill_holes(pieces == heaviest)
    return torch.from_numpy(masks).to(inside.device)


def _middle(rows: int, columns: int) -> np.ndarray:
    """Return how much a pixel counts, (rows, columns): 1 at the centre, 0.14 half of the shorter side away."""
    y, x = (np.arange(side) - (side - 1) / 2 for side in (rows, columns))
    return np.exp(-(np.square(y)[:, None] + np.square(x)) / (2 * (min(rows, columns) / 4) ** 2))


def doubt(inside: Tensor) -> Tensor:
    """Return the expected share of wrong pixels: sum(min(p, 1 - p)) / sum(p) over both bones.

    A pixel with probability p of being inside is wrong with probability min(p, 1 - p), if p is calibrated.

    Args:
        inside: (B, 2, H, W), p of the lower and the upper bone, 0..1.

    Returns:
        (B,), 0 (sure) and up; 1 where there is no bone at all.
    """
    found = inside.sum(dim=(1, 2, 3))
    wrong = torch.minimum(inside, 1.0 - inside).sum(dim=(1, 2, 3))
    return torch.where(found > 0, wrong / found, 1.0)


def lean(masks: Tensor) -> Tensor:
    """Return the angle at which masks are seen upright, (B,): that of the axis, to a tenth of a degree.

    It is 0 up to :data:`LEAN`, where a bone is missing, and where the joint is upside down.

    Args:
        masks: (B, 2, H, W), as :func:`scripts.networks.axis.axis_angle` takes them.
    """
    angle = axis_angle(masks)
    return torch.where((angle.abs() > LEAN) & (angle.abs() <= 90), angle, 0.0).round(decimals=1).float()


class SeparationInferer(Inferer):
    """Inferer that splits along the given masks, or else along masks that the network proposes, tidied.

    Networks see a joint upright: turned by the angle that is given, or by the one that its bones show if that is more
    than :data:`LEAN`.
    """

    def __call__(
        self,
        inputs: Tensor,
        network: Any,
        *args: Any,
        masks: Tensor | None = None,
        territory: Tensor | None = None,
        angle: Tensor | None = None,
        **kwargs: Any,
    ) -> Tensor:
        """Return the network's answer, (B, 6, H, W), see :meth:`scripts.networks.separator.Separator.forward`.

        Args:
            inputs: image, (B, 1, H, W), gray levels 0..1.
            network: a :class:`scripts.networks.separator.Separator`.
            args: handed on to the network.
            masks: (B, 2, H, W) or nothing.
            territory: (B, 1, H, W) bool, outside which no bone of this joint is looked for; everywhere if not given.
            angle: (B,), degrees, see :mod:`scripts.networks.view`; measured on the bones if not given.
            kwargs: handed on to the network.
        """
        masks, angle = self.outline(inputs, network, masks=masks, territory=territory, angle=angle)
        answer: Tensor = network(inputs, masks, *args, **_turned(angle), **kwargs)
        return answer

    def outline(
        self,
        inputs: Tensor,
        network: Any,
        *,
        masks: Tensor | None = None,
        territory: Tensor | None = None,
        angle: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Return the masks to split along, (B, 2, H, W), and the angle at which the networks see them upright, (B,).

        What is given comes back as it was. An angle that is not given is the one of these masks, to a tenth of a
        degree, or 0 up to :data:`LEAN`: predicted masks that are given back make the same layers.

        Args:
            inputs: as :meth:`__call__` takes them, and so are the others.
            network: proposes masks.
            masks: or nothing.
            territory: or nothing.
            angle: or nothing.
        """
        if masks is None:
            looks = []
            for at in range(len(inputs)):
                image, within = inputs[at, None], None if territory is None else territory[at, None]
                look = _Look(image, network, within)
                looks.append(tidy(look(angle[at, None])) if angle is not None else look.around())
            masks = torch.cat(looks)
        if angle is None:
            angle = lean(masks)
        return masks, angle


class _Look:
    """Looks at one image, (1, 1, H, W), from several angles."""

    def __init__(self, image: Tensor, network: Any, territory: Tensor | None) -> None:
        self.image = image
        self.network = network
        self.territory = territory

    def __call__(self, angle: Tensor) -> Tensor:
        """Return the proposal (1, 2, H, W) at an angle, (1,)."""
        inside: Tensor = self.network.propose(self.image, **_turned(angle))
        return inside if self.territory is None else inside * self.territory

    def around(self) -> Tensor:
        """Return tidy masks as they are seen upright and, if the joint leans, once more along its axis.

        A first look at a joint that leans by 50 degrees or more may be wrong. If the second one does not agree with it,
        the surer one of two further looks shows where the axis lies.
        """
        first = tidy(self(self.image.new_zeros(1)))
        angle = lean(first)
        if not angle.any() and axis_angle(first).abs() <= 90:
            return first
        if angle.any():
            second = tidy(self(angle))
            if (axis_angle(second) - angle).abs() <= STEADY:
                return second
        sides = [self(self.image.new_full((1,), far)) for far in (-FAR, FAR)]
        angle = lean(tidy(min(sides, key=lambda inside: float(doubt(inside)))))
        return tidy(self(angle)) if angle.any() else first


def _turned(angle: Tensor) -> dict[str, Tensor]:
    """Return the argument for the network; none if all is upright, so that a network need not know of angles."""
    return {"angle": angle} if angle.any() else {}
