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

"""Joints of a radiograph, with masks and layers, from which the DICOM objects are derived."""

import hashlib
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

IN_TISSUE, MASKED = KINDS = ("in_tissue", "masked")
"""Kinds of layers: each bone in its soft tissue, the other taken away; or cut out with its rim (as in the paper)."""

KIND_NAMES = {IN_TISSUE: "in their soft tissue", MASKED: "cut out"}


class Angle(NamedTuple):
    """Angle of a joint's axis.

    Attributes:
        degrees: by which the axis, from the lower bone to the upper one, leans to the right.
        origin: ``"given"``, or ``"bones"`` if it follows from them.
    """

    degrees: float = 0.0
    origin: str = "bones"


UPRIGHT = Angle()


def found_sentence(confidence: float) -> str:
    """Say that nobody has pointed at a joint, and how sure its place is: never more than 0.99."""
    return f"Joint found automatically, confidence {min(confidence, 0.99):.2f}."


def check_kind(kind: str) -> None:
    """Check the name of a kind of layers.

    Raises:
        ValueError: it is none of :data:`KINDS`.
    """
    if kind not in KINDS:
        raise ValueError(f"layers: expected one of {', '.join(KINDS)}, got {kind!r}")


@dataclass(frozen=True, kw_only=True)
class MaskedJoint:
    """One joint whose bones are known on the radiograph's own grid.

    Attributes:
        name: of the joint, unique in its radiograph: letters, digits, ``-`` and ``_``, 32 characters at most.
        box: top, left, bottom, right of the region in px of the radiograph; bottom and right are the first outside.
        masks: (2, H, W) bool, lower and upper bone.
        masks_from: ``"predicted"``, ``"given"`` or other words for where the masks come from.
        centre: row and column of its middle, px of the radiograph; that of the box if not given.
        territory: (H, W) bool, what is nearer to this joint than to its neighbours; everything if not given.
        angle: of its axis.
        confidence: 0..1, of the place of a joint that was found; None: somebody has pointed at it.
    """

    name: str
    box: tuple[int, int, int, int]
    masks: np.ndarray
    masks_from: str
    centre: tuple[float, float] | None = None
    territory: np.ndarray | None = None
    angle: Angle = UPRIGHT
    confidence: float | None = None

    @property
    def middle(self) -> tuple[float, float]:
        """The centre, or the middle of the box."""
        top, left, bottom, right = self.box
        return self.centre or ((top + bottom) / 2, (left + right) / 2)

    @property
    def asked(self) -> list[object]:
        """Inputs that tell its objects from those of the same joint separated otherwise: what was asked for."""
        given = hashlib.sha256(np.packbits(self.masks).tobytes()).hexdigest() if self.masks_from == "given" else ""
        shared: list[object] = []
        if self.territory is not None and not self.territory.all():
            shared = [hashlib.sha256(np.packbits(self.territory).tobytes()).hexdigest()]
        turned = [f"angle {self.angle.degrees:.6g}"] if self.angle.origin == "given" else []
        found = [] if self.confidence is None else [f"found {self.confidence:.4f}"]
        return [self.name, [int(side) for side in self.box], given, *shared, *turned, *found]


@dataclass(frozen=True, kw_only=True)
class SeparatedJoint(MaskedJoint):
    """One joint, separated on the radiograph's own grid and in its own levels.

    Attributes:
        layers: (2, H, W) integers, the lower and the upper layer, in levels of :class:`scripts.dicom.grayscale.
            Grayscale`; the radiograph's where a bone is alone.
        kind: of the layers, of :data:`KINDS`.
        soft_tissue: level of the soft tissue k, its mean in the overlap.
        white: level of total absorption W: where bones meet (W - image)(W - t) = (W - upper)(W - lower), t the soft
            tissue.
        warnings: sentences that a reader of the layers should know.
    """

    layers: np.ndarray
    kind: str
    soft_tissue: float
    white: int
    warnings: tuple[str, ...] = ()
