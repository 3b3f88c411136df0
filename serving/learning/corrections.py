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

"""What radiologists have corrected, collected from the PACS for a training."""

import logging
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path

import torch
from pydicom import Dataset

from scripts.datasets.export import KnownMasks, write_release
from scripts.dicom.grayscale import values
from scripts.dicom.reader import Radiograph
from scripts.errors import InputError
from scripts.inference.incremental import SAME_JOINT_MM
from scripts.inference.regions import regions_of
from serving.pacs.result_index import Made, Results
from serving.pacs.stored_results import StoredResults, stored_results

logger = logging.getLogger(__name__)

FEWEST = 6
"""Corrected joints that a training needs: fewer tell more of one picture than of bones."""

FEWEST_PATIENTS = 2
"""Patients that they have to be of: one is held out."""

HELD_OUT = 0.25
"""Share of patients whose joints no training sees."""


def count(results: Results) -> tuple[int, int]:
    """How many corrected joints there are in the PACS, and of how many patients; no pixels are fetched.

    Args:
        results: where to look.

    Raises:
        PacsAwayError: the PACS does not answer.
    """
    joints: set[tuple[str, str]] = set()
    patients: set[str] = set()
    for made in results.all():
        if not made.corrected:
            continue
        known = results.joints(made)
        corrected = {(made.source.sop, joint.placed.name) for joint in known if joint.masks_from == "given"}
        if corrected:
            headers = results.pacs.metadata(made.source.study, made.source.series)
            patients |= {_case(header) for header in headers if header.SOPInstanceUID == made.source.sop}
        joints |= corrected
    return len(joints), len(patients)


def refuse_few(joints: int, patients: int) -> None:
    """Refuse a training on too little.

    Raises:
        InputError: names both counts.
    """
    if joints < FEWEST or patients < FEWEST_PATIENTS:
        raise InputError(
            f"corrected joints: {joints} of {patients} {'patient' if patients == 1 else 'patients'} in the PACS, "
            f"{FEWEST} of {FEWEST_PATIENTS} or more expected: correct masks in the viewer and separate again with them"
        )


def collect(results: Results, folder: Path, newest: Sequence[str] = ()) -> tuple[int, int]:
    """Write all corrected joints as a folder that :func:`scripts.datasets.finger_joints.release_datalist` reads.

    A patient's joints are all trained on or all held out, so that no visit, nor the other hand, tells of what is held
    out. Of a joint that was corrected under several weights, the masks of the newest count.

    Args:
        results: where to look.
        folder: to write to.
        newest: see :meth:`serving.pacs.result_index.Results.all`.

    Returns:
        Number of joints to train on, and of those held out.

    Raises:
        InputError: there are too few.
        PacsAwayError: the PACS does not answer.
    """
    joints = list(corrections(results, newest))
    refuse_few(len(joints), len({joint.case for joint in joints}))
    return write_release(folder, joints, HELD_OUT)


def corrections(results: Results, newest: Sequence[str] = ()) -> Iterator[KnownMasks]:
    """All corrected joints: what the network sees of them, and their masks.

    Args:
        results: where to look.
        newest: see :meth:`serving.pacs.result_index.Results.all`.

    Raises:
        PacsAwayError: the PACS does not answer.
    """
    taken: dict[str, list[tuple[float, float]]] = {}
    for made in results.all(newest):
        if not made.corrected:
            continue
        try:
            radiograph = results.pacs.radiograph(made.source)
            stored = stored_results(results.pacs, radiograph, made.software, results.journal.gone())
        except InputError as error:
            logger.warning("corrections passed over: %s", error)
            continue
        yield from _of(made, radiograph, stored, taken.setdefault(made.source.sop, []))


def _of(
    made: Made, radiograph: Radiograph, stored: StoredResults, taken: list[tuple[float, float]]
) -> Iterator[KnownMasks]:
    placed = [joint.placed for joint in stored.joints]
    for joint in stored.joints:
        if joint.masks_from != "given" or any(_same(joint.placed.centre, other, radiograph) for other in taken):
            continue
        try:
            [region] = regions_of(radiograph, made.source.sop, [joint.placed], stored.labels, placed)
        except InputError as error:
            logger.warning("a correction passed over: %s", error)
            continue
        if not torch.as_tensor(region["masks"]).flatten(1).any(dim=1).all():
            logger.warning("a correction passed over: image %s, a joint with one bone only", made.source.sop)
            continue
        taken.append(joint.placed.centre)
        image = sha256(made.source.sop.encode()).hexdigest()[:12]
        yield KnownMasks(
            case=_case(radiograph.dataset),
            hand=_hand(radiograph.dataset),
            name=f"{image}-{joint.placed.name}",
            image=region["image"][0].numpy(),
            masks=region["masks"].numpy(),
        )


def _same(centre: tuple[float, float], other: tuple[float, float], radiograph: Radiograph) -> bool:
    down, across = radiograph.spacing
    return ((centre[0] - other[0]) * down) ** 2 + ((centre[1] - other[1]) * across) ** 2 < SAME_JOINT_MM**2


def _case(source: Dataset) -> str:
    """The patient, as 16 digits that do not tell who it is; the study where the header names no patient."""
    who = str(source.get("PatientID") or "") or str(source.StudyInstanceUID)
    return sha256(f"{source.get('IssuerOfPatientID') or ''}\\{who}".encode()).hexdigest()[:16]


def _hand(source: Dataset) -> str:
    stated = [*values(source, "ImageLaterality"), *values(source, "Laterality")]
    return "R" if "R" in stated else "L"
