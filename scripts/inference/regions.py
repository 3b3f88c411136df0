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

"""Regions: one joint each on its source's own grid, cut out of a radiograph, or a whole picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from scripts.dicom.joint import found_sentence
from scripts.dicom.reader import Radiograph
from scripts.errors import InputError
from scripts.inference.image_file import Picture
from scripts.inference.joint_list import LocatedJoint, distance_mm
from scripts.physics import LOWER, UPPER


@dataclass(frozen=True, kw_only=True)
class Region:
    """One joint, as the network and the split need it.

    Attributes:
        name: of its results: of the picture, or of the joint in its radiograph.
        file: name of the source's file.
        image: (1, H, W) float32, gray levels 0..1, bright = more attenuation.
        levels: (H, W) int32, the stored integers, bright = more attenuation, 0..2**bits_stored - 1.
        bits_stored: bit depth of the levels.
        black, white: levels at which ``image`` is 0 and 1.
        notes: sentences on how the source was read.
        masks: (2, H, W) bool, lower and upper bone, where they are given.
    """

    name: str
    file: str
    image: Tensor
    levels: Tensor
    bits_stored: int
    black: float
    white: int
    notes: tuple[str, ...]
    masks: Tensor | None = None

    @property
    def angle(self) -> float | None:
        """Angle of the joint's axis, degrees, where it is given, see :class:`scripts.inference.joint_list.JointRow`."""
        return None

    @property
    def middle(self) -> tuple[float, float]:
        """Row and column of the joint's middle in the region."""
        return (self.levels.shape[0] - 1) / 2, (self.levels.shape[1] - 1) / 2

    def network_inputs(self) -> dict[str, Tensor]:
        """Return what the inferer takes beside the image, with a batch axis: masks and angle, where given."""
        inputs = {} if self.masks is None else {"masks": self.masks[None]}
        return inputs if self.angle is None else {**inputs, "angle": torch.tensor([self.angle])}

    @property
    def mm(self) -> str:
        """Say in words what figures in millimetres rest on; empty if there are none."""
        return ""

    def extent(self, overlap: int) -> dict[str, Any]:
        """Return where the region lies in its source and the area of ``overlap`` px, if the source tells."""
        return {}


@dataclass(frozen=True, kw_only=True)
class PictureRegion(Region):
    """A picture of one joint.

    Attributes:
        picture: the source.
    """

    picture: Picture

    def volume(self, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the label map in as many dimensions as the picture has, and the picture's affine."""
        return labels.T if self.picture.dimensions == 2 else labels.T[..., None], self.picture.affine


@dataclass(frozen=True, kw_only=True)
class RadiographRegion(Region):
    """One joint of a radiograph.

    Attributes:
        radiograph: the source.
        joint: where it lies there.
        territory: (H, W) bool, what is nearer to this joint's centre than to another one's.
    """

    radiograph: Radiograph
    joint: LocatedJoint
    territory: Tensor

    @property
    def angle(self) -> float | None:
        """The joint's, where it is given."""
        return self.joint.angle

    @property
    def middle(self) -> tuple[float, float]:
        """The joint's centre: of a region that the image's edge cuts off it is not the middle."""
        top, left, _, _ = self.joint.box
        return self.joint.centre[0] - top, self.joint.centre[1] - left

    def network_inputs(self) -> dict[str, Tensor]:
        """Return masks and angle, where given, and territory, with a batch axis."""
        return {**super().network_inputs(), "territory": self.territory[None, None]}

    @property
    def mm(self) -> str:
        """Say what the radiograph's spacing rests on."""
        return self.radiograph.pixel_spacing.rests_on

    def extent(self, overlap: int) -> dict[str, Any]:
        """Return the box in the radiograph, px, the area of the overlap, mm2, and how surely the joint was found."""
        down, across = self.radiograph.spacing
        found = {} if self.joint.confidence is None else {"confidence": round(self.joint.confidence, 4)}
        return {"box": list(self.joint.box), "overlap_mm2": round(overlap * (down * across), 3), **found}

    def volume(self, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the label map of the whole radiograph, of its territory only, and the affine that ITK gives it."""
        top, left, bottom, right = self.joint.box
        whole = np.zeros(self.radiograph.levels.shape, np.uint8)
        whole[top:bottom, left:right] = np.where(self.territory.numpy(), labels, 0)
        down, across = self.radiograph.spacing
        # Nibabel's axes run against ITK's: ITK will have the origin at 0 and columns and rows along its axes.
        return whole.T[..., None], np.diag([-across, -down, 1.0, 1.0])


def cut_region(
    radiograph: Radiograph,
    file: str,
    joint: LocatedJoint,
    among: Sequence[LocatedJoint],
    labels: np.ndarray | None = None,
) -> RadiographRegion:
    """Cut the region of one joint out of its radiograph.

    Args:
        radiograph: as it was read.
        file: its name, for refusals and records.
        joint: one of ``among``.
        among: all joints of the radiograph: a pixel belongs to the nearest one.
        labels: (rows, columns), 0 background, 1 lower, 2 upper, 3 overlap, where masks are given.

    Raises:
        InputError: ``labels`` has no bone in the region.
    """
    top, left, bottom, right = joint.box
    territory, masks = territory_of(joint, among, radiograph.spacing), None
    if labels is not None:
        masks = masks_of(labels[top:bottom, left:right])
        if not masks.any():
            raise InputError(f"{file}: the segmentation has nothing in the region of {joint.name}")
        masks &= territory
    return RadiographRegion(
        name=joint.name,
        file=file,
        image=torch.from_numpy(radiograph.gray(joint.box))[None],
        levels=torch.from_numpy(radiograph.levels[top:bottom, left:right].copy()),
        bits_stored=radiograph.grayscale.bits_stored,
        black=radiograph.grayscale.black,
        white=round(radiograph.grayscale.white),
        notes=radiograph.notes if joint.confidence is None else (found_sentence(joint.confidence), *radiograph.notes),
        masks=None if masks is None else torch.from_numpy(masks),
        radiograph=radiograph,
        joint=joint,
        territory=torch.from_numpy(territory),
    )


def masks_of(labels: np.ndarray) -> np.ndarray:
    """Return the masks (2, H, W) bool of a label map (H, W), 0 background, 1 lower, 2 upper, 3 overlap."""
    return np.stack([np.isin(labels, (bone + 1, 3)) for bone in (LOWER, UPPER)])


def territory_of(joint: LocatedJoint, joints: Sequence[LocatedJoint], spacing: tuple[float, float]) -> np.ndarray:
    """Return which pixels of a joint's box are nearer to its centre than to that of any other joint, by mm.

    Args:
        joint: one of ``joints``.
        joints: all of a radiograph.
        spacing: mm a px, down and across.

    Returns:
        (H, W) bool, of the box.
    """
    top, left, bottom, right = joint.box
    pixels = np.mgrid[top:bottom, left:right]
    own = distance_mm(pixels, joint.centre, spacing)
    # Of two equally near joints the first one has the pixel.
    first = joints.index(joint)
    nearer = []
    for number, other in enumerate(joints):
        if other is not joint:
            distance = distance_mm(pixels, other.centre, spacing)
            nearer.append(own <= distance if first < number else own < distance)
    return np.logical_and.reduce(nearer) if nearer else np.ones(own.shape, dtype=bool)
