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

"""Radiographs in: one DICOM file and the joints asked of it -> a region of its own pixels for each joint."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from scripts.dicom.reader import Radiograph
from scripts.dicom.segmentation import read_label_map
from scripts.errors import InputError
from scripts.inference.joint_list import FIELD_MM, JointRow, PlacedJoint, place
from scripts.physics import LOWER, UPPER

LARGEST_WHOLE = 400
"""Sides up to which a whole image without joints is one region, px."""

LARGEST_REGION = 1024
"""Largest side of a region, px."""


def joints_of(
    radiograph: Radiograph, name: str, rows: Sequence[JointRow], *, field_mm: float = FIELD_MM
) -> list[PlacedJoint]:
    """The joints of a radiograph: those that were asked for, or the whole of a small one.

    Args:
        radiograph: as it was read.
        name: path of its file, for refusals.
        rows: its own.
        field_mm: side of the region around a point, mm.

    Raises:
        InputError: a large image without joints, a region over 1024 px a side, or as
            :func:`scripts.inference.joint_list.place`.
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
    placed = place(rows, size=size, spacing=radiograph.spacing, field_mm=field_mm)
    for joint in placed:
        top, left, bottom, right = joint.box
        if max(bottom - top, right - left) > LARGEST_REGION:
            raise InputError(
                f"{name}: the region of {joint.name} is {bottom - top} rows x {right - left} columns, "
                f"{LARGEST_REGION} px a side at most expected"
            )
        seen = radiograph.gray(joint.box)
        if seen.min() == seen.max():
            raise InputError(f"{name}: every pixel of {joint.name} is {seen.min():g} in the image's window")
    return placed


def given_label_map(radiograph: Radiograph, path: Path, rows: Sequence[JointRow]) -> np.ndarray | None:
    """The label map (rows, columns) that the rows of an image name, on its grid; nothing if they name none.

    Args:
        radiograph: as it was read.
        path: its file; the segmentation is looked for beside it.
        rows: of this image.

    Raises:
        InputError: the rows name two files, or as :func:`scripts.dicom.segmentation.read_label_map`.
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


def regions_of(
    radiograph: Radiograph,
    source: str,
    joints: Sequence[PlacedJoint],
    labels: np.ndarray | None = None,
    among: Sequence[PlacedJoint] = (),
) -> list[dict[str, Any]]:
    """What the network and the split need of each joint.

    Args:
        radiograph: as it was read.
        source: name of its file.
        joints: of :func:`joints_of`.
        labels: (rows, columns), 0 background, 1 lower, 2 upper, 3 overlap, where masks are given.
        among: all joints of the radiograph, where ``joints`` are only some of them.

    Returns:
        For each joint the keys of :class:`scripts.inference.dataset.LoadRegiond`, and

        - ``box``: top, left, bottom, right in the radiograph
        - ``centre``: row and column of its middle in the radiograph
        - ``territory``: (1, H, W) bool, what is nearer to this joint's centre than to another one's
        - ``mm2``: area of a pixel
        - ``of``: how many joints the radiograph has
    """
    regions = []
    for joint in joints:
        top, left, bottom, right = joint.box
        levels = radiograph.levels[top:bottom, left:right]
        territory = territory_of(joint, among or joints, radiograph.spacing)
        region: dict[str, Any] = {
            "image": torch.from_numpy(radiograph.gray(joint.box))[None],
            "levels": torch.from_numpy(levels.copy())[None],
            "bits_stored": radiograph.grayscale.bits_stored,
            "black": radiograph.grayscale.black,
            "white": round(radiograph.grayscale.white),
            "territory": torch.from_numpy(territory)[None],
            "mm2": radiograph.spacing[0] * radiograph.spacing[1],
            "box": list(joint.box),
            "centre": list(joint.centre),
            "of": len(joints),
            "notes": "\n".join(radiograph.notes),
            "name": joint.name,
            "source": source,
        }
        if labels is not None:
            here = labels[top:bottom, left:right]
            masks = np.stack([np.isin(here, (bone + 1, 3)) for bone in (LOWER, UPPER)])
            if not masks.any():
                raise InputError(f"{source}: the segmentation has nothing in the region of {joint.name}")
            region["masks"] = torch.from_numpy(masks & territory)
        regions.append(region)
    return regions


def territory_of(joint: PlacedJoint, joints: Sequence[PlacedJoint], spacing: tuple[float, float]) -> np.ndarray:
    """Pixels of a joint's box that are nearer to its centre than to that of any other joint, by mm.

    Args:
        joint: one of ``joints``.
        joints: all of a radiograph.
        spacing: mm a px, down and across.

    Returns:
        (H, W) bool, of the box.
    """
    top, left, bottom, right = joint.box
    rows, columns = np.mgrid[top:bottom, left:right]

    def away(other: PlacedJoint) -> np.ndarray:
        return np.hypot((rows - other.centre[0]) * spacing[0], (columns - other.centre[1]) * spacing[1])

    own = away(joint)
    # Of two equally near joints the first one has the pixel.
    first = joints.index(joint)
    nearer = [
        own <= away(other) if first < number else own < away(other)
        for number, other in enumerate(joints)
        if other is not joint
    ]
    return np.logical_and.reduce(nearer) if nearer else np.ones(own.shape, dtype=bool)


def source_figures(radiograph: Radiograph, path: str) -> Mapping[str, Any]:
    """What is said of the radiograph in the figures of its joints; nothing of the patient."""
    return {
        "source": path,
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
