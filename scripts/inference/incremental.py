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

"""Incremental separation: a few joints of a radiograph, beside those that were separated before."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from scripts.dicom.joint import UPRIGHT, Angle, MaskedJoint
from scripts.dicom.reader import Radiograph
from scripts.errors import InputError
from scripts.inference.joint_list import JointRow, LocatedJoint, distance_mm
from scripts.inference.pipeline import Pipeline, SeparatedRadiograph
from scripts.inference.read_images import locate_joints
from scripts.inference.regions import RadiographRegion, cut_region, masks_of, territory_of

SAME_JOINT_MM = 8.0
"""A point nearer than this to a joint means that joint: knuckles of neighbouring fingers are 15 mm apart and more."""


@dataclass(frozen=True)
class KnownJoint:
    """A joint that has results already.

    Attributes:
        located: its name, box and centre.
        masks_from: ``"predicted"`` or ``"given"``.
        angle: degrees by which its axis leans to the right, as the networks saw it; None if that is not known.
    """

    located: LocatedJoint
    masks_from: str
    angle: float | None = None


def locate_beside(
    radiograph: Radiograph, name: str, rows: Sequence[JointRow], known: Sequence[KnownJoint]
) -> list[LocatedJoint]:
    """Locate joints that are asked for, and name them: a point on a known joint means that joint.

    Args:
        radiograph: as it was read.
        name: of the image, for refusals.
        rows: what is asked for; without any, the whole of a small image.
        known: joints that have results.

    Returns:
        The joints asked for; one without a name has that of the known joint within 8 mm, else the next free one of
        ``joint1``, ``joint2`` and so on. One without an angle keeps the one that was given for it before.

    Raises:
        InputError: as :func:`scripts.inference.read_images.locate_joints`; or a named joint lies on another known one.
    """
    taken = {joint.located.name for joint in known} | {row.name for row in rows}
    angles = {joint.located.name: joint.located.angle for joint in known}
    asked: list[LocatedJoint] = []
    for row in rows:
        [joint] = locate_joints(radiograph, name, [row])
        distances = {other.located.name: _apart(joint, other.located, radiograph) for other in known}
        nearest = min(distances, key=distances.__getitem__, default="")
        if nearest and distances[nearest] < SAME_JOINT_MM:
            if row.name and row.name != nearest:
                raise InputError(f"{row.where}: {row.name} lies on {nearest}, which has results already")
            joint = replace(joint, name=nearest, angle=angles[nearest] if joint.angle is None else joint.angle)
        elif not row.name:
            free = next(new for number in range(1, 1000) if (new := f"joint{number}") not in taken)
            taken.add(free)
            joint = replace(joint, name=free)
        for other in asked:
            if other.name == joint.name or _apart(joint, other, radiograph) < SAME_JOINT_MM:
                raise InputError(f"{row.where}: {joint.name} is asked for twice")
        asked.append(joint)
    return asked if rows else locate_joints(radiograph, name, [])


def separate_beside(
    pipeline: Pipeline,
    radiograph: Radiograph,
    asked: Sequence[LocatedJoint],
    *,
    labels: np.ndarray | None = None,
    known: Sequence[KnownJoint] = (),
    known_labels: np.ndarray | None = None,
    removed: Collection[str] = (),
) -> SeparatedRadiograph:
    """Separate joints, so that all results together are those of one run over all joints of the radiograph.

    A pixel belongs to the nearest joint. A known joint that loses pixels to a new neighbour, or gets some back, is
    separated again too, from masks of the same origin.

    Args:
        pipeline: separates.
        radiograph: as it was read.
        asked: of :func:`locate_beside`.
        labels: (rows, columns), 0 background, 1 lower, 2 upper, 3 overlap: masks for the joints asked for; predicted if
            not given.
        known: joints that have results, in the order of their Instance Numbers.
        known_labels: (rows, columns), their label map.
        removed: names of known joints that shall have no results any more.

    Raises:
        InputError: as :func:`scripts.inference.regions.cut_region` and :func:`scripts.dicom.derive.derive`.
    """
    file = str(radiograph.dataset.SOPInstanceUID)
    before = [joint.located for joint in known]
    origin = {joint.located.name: joint.masks_from for joint in known}
    again = {joint.name: joint for joint in asked}
    now = [again.get(joint.name, joint) for joint in before if joint.name not in removed]
    now += [joint for joint in asked if joint.name not in origin]
    old_labels = np.zeros(radiograph.levels.shape, np.uint8) if known_labels is None else known_labels.copy()
    for joint in before:
        if joint.name in removed:
            top, left, bottom, right = joint.box
            old_labels[top:bottom, left:right][territory_of(joint, before, radiograph.spacing)] = 0

    joints: list[RadiographRegion | MaskedJoint] = []
    for joint in now:
        if joint.name in again:
            joints.append(cut_region(radiograph, file, joint, now, labels))
            continue
        territory = territory_of(joint, now, radiograph.spacing)
        if (territory == territory_of(joint, before, radiograph.spacing)).all():
            joints.append(_masked(joint, origin[joint.name], old_labels, territory))
        else:
            drawn = old_labels if origin[joint.name] == "given" else None
            joints.append(cut_region(radiograph, file, joint, now, drawn))
    return pipeline.separate_radiograph(radiograph, file, joints)


def _apart(joint: LocatedJoint, other: LocatedJoint, radiograph: Radiograph) -> float:
    return float(distance_mm(joint.centre, other.centre, radiograph.spacing))


def _masked(joint: LocatedJoint, masks_from: str, labels: np.ndarray, territory: np.ndarray) -> MaskedJoint:
    top, left, bottom, right = joint.box
    return MaskedJoint(
        name=joint.name,
        box=joint.box,
        masks=masks_of(np.where(territory, labels[top:bottom, left:right], 0)),
        masks_from=masks_from,
        centre=joint.centre,
        territory=territory,
        angle=UPRIGHT if joint.angle is None else Angle(joint.angle, "given"),
        confidence=joint.confidence,
    )
