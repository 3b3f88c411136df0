# Copyright 2026 The BLS-GAN bundle contributors
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and

"""Regions: one joint each on its source's own grid, cut out of a radiograph, or a whole picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from scripts.dicom.read_segmentation import read_label_map
from scripts.dicom.reader import Radiograph, read_radiograph
from scripts.errors import InputError
from scripts.inference.find_images import MASK_ENDINGS, PictureEntry, RadiographEntry
from scripts.inference.image_file import LARGEST_SIDE, Picture, read_mask, read_picture, suffix_of
from scripts.inference.joint_list import FIELD_MM, JointRow, LocatedJoint, distance_mm, locate, select_rows
from scripts.physics import LOWER, UPPER

LARGEST_WHOLE = 400
"""Sides up to which a whole radiograph without joints is one region, px."""


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

    def network_inputs(self) -> dict[str, Tensor]:
        """Return what the inferer takes beside the image, with a batch axis."""
        return {} if self.masks is None else {"masks": self.masks[None]}

    def extent(self, overlap: int) -> dict[str, Any]:
        """Return where the region lies in its source and the area of ``overlap`` px, if the source tells."""
        return {}

    def volume(self, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Put a label map (H, W) of the region onto the grid of the whole source.

        Returns:
            The label map with columns first, as NIfTI has it, and NIfTI's affine of that grid.
        """
        raise TypeError(f"expected a region of a picture or of a radiograph, got {type(self).__name__}")


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

    def network_inputs(self) -> dict[str, Tensor]:
        """Return masks, where given, and territory, with a batch axis."""
        return {**super().network_inputs(), "territory": self.territory[None, None]}

    def extent(self, overlap: int) -> dict[str, Any]:
        """Return the box in the radiograph, px, and the area of the overlap, mm2."""
        down, across = self.radiograph.spacing
        return {"box": list(self.joint.box), "overlap_mm2": round(overlap * (down * across), 3)}

    def volume(self, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the label map of the whole radiograph, of its territory only, and the affine that ITK gives it."""
        top, left, bottom, right = self.joint.box
        whole = np.zeros(self.radiograph.levels.shape, np.uint8)
        whole[top:bottom, left:right] = np.where(self.territory.numpy(), labels, 0)
        down, across = self.radiograph.spacing
        # Nibabel's axes run against ITK's: ITK will have the origin at 0 and columns and rows along its axes.
        return whole.T[..., None], np.diag([-across, -down, 1.0, 1.0])


def read_picture_region(entry: PictureEntry) -> PictureRegion:
    """Read a picture with its masks.

    Raises:
        InputError: the entry's own ``refused``, one mask without the other, or as :mod:`scripts.inference.image_file`.
    """
    if entry.refused:
        raise InputError(entry.refused)
    path, masks = entry.path, entry.masks
    if len(masks) == 1:
        missing = f"{path.name[: -len(suffix_of(path))]}{MASK_ENDINGS[UPPER if LOWER in masks else LOWER]}"
        raise InputError(f"{path.name}: has {next(iter(masks.values())).name} but no {missing}, both or none")
    picture = read_picture(path)
    rows, columns = picture.levels.shape
    given = np.stack([read_mask(masks[bone], (rows, columns)) for bone in (LOWER, UPPER)]) if masks else None
    return PictureRegion(
        name=entry.name,
        file=path.name,
        image=torch.from_numpy((picture.levels / picture.white).astype(np.float32))[None],
        levels=torch.from_numpy(picture.levels),
        bits_stored=picture.bits_stored,
        black=0.0,
        white=picture.white,
        notes=picture.notes,
        masks=None if given is None else torch.from_numpy(given),
        picture=picture,
    )


@dataclass(frozen=True, kw_only=True)
class RadiographJoints:
    """A radiograph that was read, and which joints of it are asked for.

    Attributes:
        radiograph: as it was read.
        joints: located on its grid.
        labels: (rows, columns), 0 background, 1 lower, 2 upper, 3 overlap, where masks are given.
    """

    radiograph: Radiograph
    joints: Sequence[LocatedJoint]
    labels: np.ndarray | None


def read_radiograph_joints(entry: RadiographEntry, field_mm: float = FIELD_MM) -> RadiographJoints:
    """Read a DICOM file and locate its joints.

    Args:
        entry: the file, with the rows of its joint list.
        field_mm: side of the region around a joint that is given as a point, mm.

    Raises:
        SkippedInput: DICOM, but no radiograph.
        InputError: the entry's own ``refused``, or as :mod:`scripts.dicom.reader`, :func:`locate_joints` and
            :func:`given_label_map`.
    """
    if entry.refused:
        raise InputError(entry.refused)
    radiograph = read_radiograph(entry.path)
    rows = select_rows(entry.rows, entry.listed, str(radiograph.dataset.SOPInstanceUID))
    joints = locate_joints(radiograph, entry.file, rows, field_mm)
    return RadiographJoints(radiograph=radiograph, joints=joints, labels=given_label_map(radiograph, entry.path, rows))


def locate_joints(
    radiograph: Radiograph, name: str, rows: Sequence[JointRow], field_mm: float = FIELD_MM
) -> list[LocatedJoint]:
    """Locate the joints of a radiograph: those that were asked for, or the whole of a small one.

    Args:
        radiograph: as it was read.
        name: path of its file, for refusals.
        rows: of its joint list.
        field_mm: side of the region around a point, mm.

    Raises:
        InputError: a large image without joints, a region over 1024 px a side, or as
            :func:`scripts.inference.joint_list.locate`.
    """
    size = (radiograph.levels.shape[0], radiograph.levels.shape[1])
    if not rows:
        if max(size) > LARGEST_WHOLE:
            raise InputError(
                f"{name}: {size[0]} rows x {size[1]} columns, more than one joint: name its joints in a joints.csv "
                "beside it (image,joint,x,y) or by --joints '[[x,y],...]'"
            )
        whole: tuple[float, ...] = (0.0, 0.0, size[1], size[0])
        rows = [JointRow(where=name, image="", name="joint", numbers=whole, unit="px", segmentation="")]
    joints = locate(rows, size=size, spacing=radiograph.spacing, field_mm=field_mm)
    for joint in joints:
        top, left, bottom, right = joint.box
        if max(bottom - top, right - left) > LARGEST_SIDE:
            raise InputError(
                f"{name}: expected a region of at most {LARGEST_SIDE} px a side, got {bottom - top} rows x "
                f"{right - left} columns for {joint.name}"
            )
        seen = radiograph.gray(joint.box)
        if seen.min() == seen.max():
            raise InputError(f"{name}: every pixel of {joint.name} is {seen.min():g} in the image's window")
    return joints


def given_label_map(radiograph: Radiograph, path: Path, rows: Sequence[JointRow]) -> np.ndarray | None:
    """Read the label map (rows, columns) that the rows of an image name, on its grid; None if they name none.

    Args:
        radiograph: as it was read.
        path: its file; the segmentation is looked for beside it.
        rows: of this image.

    Raises:
        InputError: the rows name two files, or as :func:`scripts.dicom.read_segmentation.read_label_map`.
    """
    named = sorted({row.segmentation for row in rows if row.segmentation})
    if not named:
        return None
    if len(named) > 1:
        raise InputError(f"{path.name}: two segmentations of one image, {named[0]}, {named[1]}")
    beside = path.parent / named[0]
    if not beside.is_file():
        raise InputError(f"{path.name}: no segmentation {named[0]} beside it")
    return read_label_map(beside, radiograph)


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
        notes=radiograph.notes,
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


def source_record(radiograph: Radiograph, file: str) -> dict[str, Any]:
    """Return what the results say of a radiograph; nothing of the patient."""
    return {
        "source": file,
        "source_sop_instance_uid": str(radiograph.dataset.SOPInstanceUID),
        "source_sha256": radiograph.sha256,
        "spacing_mm": list(radiograph.spacing),
        "spacing_from": radiograph.spacing_from or "assumed",
        "gray_scale": {
            "black": radiograph.grayscale.black,
            "white": radiograph.grayscale.white,
            "inverted": radiograph.grayscale.inverted,
            "from": radiograph.grayscale.origin,
        },
        "notes": list(radiograph.notes),
    }
