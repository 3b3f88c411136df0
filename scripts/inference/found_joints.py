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

"""Joints that were found, as rows of a joint list: those that are sure enough to be separated."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from scripts.dicom.reader import Radiograph
from scripts.dicom.view import SIDES, laterality
from scripts.errors import InputError, SkippedInput
from scripts.inference.joint_finder import CONFIDENT, FoundJoint
from scripts.inference.joint_list import JointRow

UPRIGHT_DEGREES = 25.0
"""Lean from which on the networks are told of it; they see smaller ones by themselves, and better."""
NO_HAND = "no hand"
"""Kind of a radiograph that is skipped since no hand was found in it."""

Find = Callable[[Radiograph], Sequence[FoundJoint]]


@dataclass(frozen=True)
class FoundRows:
    """Joints of one radiograph.

    Attributes:
        rows: those that are sure enough.
        notes: a sentence for each of the others, and on what does not go together.
    """

    rows: Sequence[JointRow]
    notes: Sequence[str]


def find_rows(find: Find, radiograph: Radiograph, name: str) -> FoundRows:
    """Find the joints of a radiograph that nobody has named.

    Args:
        find: a :class:`~scripts.inference.joint_finder.JointFinder`'s.
        radiograph: as it was read.
        name: of its file, for refusals.

    Raises:
        SkippedInput: no hand was found.
        InputError: a hand was found, but no joint is sure enough.
    """
    found = find(radiograph)
    if not found:
        raise SkippedInput(f"{name}: no hand was found in it; name its joints if it shows one", kind=NO_HAND)
    unsure = [
        f"{joint.name} not separated: found with confidence {joint.confidence:.2f}, below {CONFIDENT}"
        for joint in found
        if joint.confidence < CONFIDENT
    ]
    rows = [row_of(joint, name) for joint in found if joint.confidence >= CONFIDENT]
    if not rows:
        raise InputError(f"{name}: name its joints, none is sure enough to be separated unseen: {'; '.join(unsure)}")
    return FoundRows(rows, [*unsure, *side_notes(found, radiograph)])


def side_notes(found: Sequence[FoundJoint], radiograph: Radiograph) -> list[str]:
    """Say that the header tells another side than the order of the joints."""
    stated = SIDES.get(laterality(radiograph.dataset), "")
    seen = sorted({joint.side for joint in found})
    if len(seen) != 1 or stated not in ("right", "left") or stated == seen[0]:
        return []
    return [f"the header says {stated} hand, the order of the joints says {seen[0]}: is the image mirrored?"]


def row_of(joint: FoundJoint, name: str) -> JointRow:
    """Return a joint that was found as a row of a joint list."""
    leans = abs(joint.angle) > UPRIGHT_DEGREES
    return JointRow(
        where=name,
        image="",
        name=joint.name,
        numbers=joint.centre,
        unit="px",
        segmentation="",
        angle=max(-90.0, min(90.0, round(joint.angle, 1))) if leans else None,
        confidence=joint.confidence,
    )
