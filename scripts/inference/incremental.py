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

"""A few joints of one radiograph, separated when somebody asks for them, beside those that were asked for before."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from pydicom import Dataset
from torch import Tensor, nn

from scripts.dicom.derive import derive
from scripts.dicom.joint import MaskedJoint, SeparatedJoint
from scripts.dicom.provenance import Software
from scripts.dicom.reader import Radiograph
from scripts.dicom.segmentation import whole_label_map
from scripts.errors import InputError
from scripts.inference.joint_list import JointRow, PlacedJoint
from scripts.inference.regions import joints_of, regions_of, territory_of
from scripts.inference.split import SplitRegiond
from scripts.inference.write_dicom import separated
from scripts.physics import LOWER, UPPER

SAME_JOINT_MM = 8.0
"""A place nearer than this to a joint means that joint: knuckles of neighbouring fingers are 15 mm apart and more."""


@dataclass(frozen=True)
class KnownJoint:
    """A joint whose results are there already.

    Attributes:
        placed: its name, box and centre.
        masks_from: ``"predicted"`` or ``"given"``.
    """

    placed: PlacedJoint
    masks_from: str


@dataclass(frozen=True)
class Separated:
    """What came of a request.

    Attributes:
        joints: all joints of the radiograph in the order of their Instance Numbers; those that were made anew are
            :class:`~scripts.dicom.joint.SeparatedJoint`.
        figures: of each joint that was made anew, as :class:`scripts.inference.split.SplitRegiond` has them.
        objects: DX layers of the joints that were made anew, and the segmentation of all.
        labels: (rows, columns) uint8, label map of all joints.
    """

    joints: list[MaskedJoint]
    figures: dict[str, Mapping[str, Any]]
    objects: list[Dataset]
    labels: np.ndarray


def place_beside(
    radiograph: Radiograph, name: str, rows: Sequence[JointRow], known: Sequence[KnownJoint]
) -> list[PlacedJoint]:
    """Find the regions of joints that are asked for, and name them: a place on a known joint means that joint.

    Args:
        radiograph: as it was read.
        name: of the image, for refusals.
        rows: what is asked for; without any, the whole of a small image.
        known: joints whose results are there.

    Returns:
        The joints asked for; one without a name has that of the known joint within 8 mm, else the next free one of
        ``joint1``, ``joint2`` and so on.

    Raises:
        InputError: as :func:`scripts.inference.regions.joints_of`; or a named joint lies on another known one.
    """
    taken = {joint.placed.name for joint in known} | {row.name for row in rows}
    placed: list[PlacedJoint] = []
    for row in rows:
        [joint] = joints_of(radiograph, name, [row])
        near = min(known, key=lambda other: _apart(joint, other.placed, radiograph), default=None)
        if near is not None and _apart(joint, near.placed, radiograph) < SAME_JOINT_MM:
            if row.name and row.name != near.placed.name:
                raise InputError(f"{row.where}: {row.name} lies on {near.placed.name}, which has results already")
            joint = replace(joint, name=near.placed.name)
        elif not row.name:
            free = next(new for number in range(1, 1000) if (new := f"joint{number}") not in taken)
            taken.add(free)
            joint = replace(joint, name=free)
        for other in placed:
            if other.name == joint.name or _apart(joint, other, radiograph) < SAME_JOINT_MM:
                raise InputError(f"{row.where}: {joint.name} is asked for twice")
        placed.append(joint)
    return placed if rows else joints_of(radiograph, name, [])


def separate(
    radiograph: Radiograph,
    asked: Sequence[PlacedJoint],
    *,
    network: nn.Module,
    inferer: Callable[..., Tensor],
    software: Software,
    labels: np.ndarray | None = None,
    known: Sequence[KnownJoint] = (),
    known_labels: np.ndarray | None = None,
) -> Separated:
    """Separate joints, so that all results together are those of one run over all joints of the radiograph.

    A pixel belongs to the nearest joint. A known joint that loses pixels to a new neighbour, or gets some back, is made
    anew too, from masks of the same origin.

    Args:
        radiograph: as it was read.
        asked: of :func:`place_beside`.
        network: a :class:`scripts.networks.separator.Separator`.
        inferer: runs it, see :class:`scripts.inference.inferer.SeparationInferer`.
        software: what the objects are made with.
        labels: (rows, columns), 0 background, 1 lower, 2 upper, 3 overlap: masks for the joints asked for; predicted if
            not given.
        known: joints whose results are there, in the order of their Instance Numbers.
        known_labels: (rows, columns), their label map.

    Raises:
        InputError: as :func:`scripts.inference.regions.regions_of` and :func:`scripts.dicom.derive.derive`.
    """
    empty = np.zeros(radiograph.levels.shape, np.uint8)
    before = [joint.placed for joint in known]
    anew = {joint.name: joint for joint in asked}
    now = [anew.get(joint.name, joint) for joint in before]
    now += [joint for joint in asked if joint.name not in {other.name for other in before}]
    old_labels = empty if known_labels is None else known_labels

    joints: list[MaskedJoint] = []
    figures: dict[str, Mapping[str, Any]] = {}
    origin = {joint.placed.name: joint.masks_from for joint in known}
    for joint in now:
        territory = territory_of(joint, now, radiograph.spacing)
        if joint.name in anew:
            drawn = labels
        elif (territory == territory_of(joint, before, radiograph.spacing)).all():
            joints.append(_known(joint, origin[joint.name], old_labels, territory))
            continue
        else:
            drawn = old_labels if origin[joint.name] == "given" else None
        made, figures[joint.name] = _separate(radiograph, joint, now, drawn, network, inferer)
        joints.append(made)
    return Separated(
        joints=joints,
        figures=figures,
        objects=derive(radiograph, joints, software),
        labels=whole_label_map(joints, radiograph.levels.shape),
    )


def _apart(joint: PlacedJoint, other: PlacedJoint, radiograph: Radiograph) -> float:
    """Distance of two centres, mm."""
    sides = (np.array(joint.centre) - np.array(other.centre)) * radiograph.spacing
    return float(np.hypot(*sides))


def _known(joint: PlacedJoint, masks_from: str, labels: np.ndarray, territory: np.ndarray) -> MaskedJoint:
    top, left, bottom, right = joint.box
    here = np.where(territory, labels[top:bottom, left:right], 0)
    return MaskedJoint(
        name=joint.name,
        box=joint.box,
        masks=np.stack([np.isin(here, (bone + 1, 3)) for bone in (LOWER, UPPER)]),
        masks_from=masks_from,
        centre=joint.centre,
        territory=territory,
    )


def _separate(
    radiograph: Radiograph,
    joint: PlacedJoint,
    among: Sequence[PlacedJoint],
    labels: np.ndarray | None,
    network: nn.Module,
    inferer: Callable[..., Tensor],
) -> tuple[SeparatedJoint, Mapping[str, Any]]:
    [region] = regions_of(radiograph, str(radiograph.dataset.SOPInstanceUID), [joint], labels, among)
    device = next(network.parameters()).device
    sent = {key: region[key][None].to(device) for key in ("masks", "territory") if key in region}
    with torch.inference_mode():
        pred = inferer(region["image"][None].to(device), network, **sent)[0]
    split = SplitRegiond()({**region, "pred": pred})
    return separated(split), split["figures"]
