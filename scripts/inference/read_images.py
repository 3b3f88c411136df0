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

"""Reading the images of a folder: pictures with their masks, radiographs with their joints."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from scripts.dicom.read_segmentation import read_label_map
from scripts.dicom.reader import Radiograph, read_radiograph
from scripts.errors import InputError
from scripts.inference.find_images import MASK_ENDINGS, PictureEntry, RadiographEntry
from scripts.inference.found_joints import Find, find_rows
from scripts.inference.image_file import read_mask, read_picture, suffix_of
from scripts.inference.joint_list import JointRow, LocatedJoint, locate, select_rows
from scripts.inference.regions import PictureRegion
from scripts.physics import FIELD_MM, LARGEST_SIDE, LOWER, UPPER

LARGEST_WHOLE = 400
"""Sides up to which a whole radiograph without joints is one region, px."""


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
        notes: what the search for joints has to tell, see :class:`scripts.inference.found_joints.FoundRows`.
        to_find: whether the joints are still to be found, see :func:`find_joints`.
    """

    radiograph: Radiograph
    joints: Sequence[LocatedJoint]
    labels: np.ndarray | None
    notes: Sequence[str] = ()
    to_find: bool = False


def read_radiograph_joints(
    entry: RadiographEntry, field_mm: float = FIELD_MM, *, find: bool = False
) -> RadiographJoints:
    """Read a DICOM file and locate its joints.

    Args:
        entry: the file, with the rows of its joint list.
        field_mm: side of the region around a joint that is given as a point, mm.
        find: leave the joints of a whole radiograph that no row names to :func:`find_joints`.

    Raises:
        SkippedInput: DICOM, but no radiograph.
        InputError: the entry's own ``refused``, or as :mod:`scripts.dicom.reader`, :func:`locate_joints` and
            :func:`given_label_map`.
    """
    if entry.refused:
        raise InputError(entry.refused)
    radiograph = read_radiograph(entry.path)
    rows = select_rows(entry.rows, entry.listed, str(radiograph.dataset.SOPInstanceUID))
    to_find = find and not rows and is_whole(radiograph)
    joints = [] if to_find else locate_joints(radiograph, entry.file, rows, field_mm)
    labels = given_label_map(radiograph, entry.path, rows)
    return RadiographJoints(radiograph=radiograph, joints=joints, labels=labels, to_find=to_find)


def find_joints(asked: RadiographJoints, find: Find, name: str, field_mm: float = FIELD_MM) -> RadiographJoints:
    """Find the joints of a radiograph that nobody has named.

    Args:
        asked: of :func:`read_radiograph_joints`.
        find: finds the joints of a whole radiograph.
        name: of the file, for refusals.
        field_mm: side of the region around a joint, mm.

    Raises:
        SkippedInput: no hand was found.
        InputError: as :func:`scripts.inference.found_joints.find_rows` and :func:`locate_joints`.
    """
    found = find_rows(find, asked.radiograph, name)
    joints = locate_joints(asked.radiograph, name, found.rows, field_mm)
    return replace(asked, joints=joints, notes=found.notes, to_find=False)


def is_whole(radiograph: Radiograph) -> bool:
    """Return whether a radiograph shows more than one joint, by its size."""
    return max(radiograph.levels.shape) > LARGEST_WHOLE


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
        if is_whole(radiograph):
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
