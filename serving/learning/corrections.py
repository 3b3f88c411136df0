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

"""Corrections of radiologists, collected from the PACS for a training."""

import logging
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from pydicom import Dataset

from scripts.datasets.export import KnownMasks, write_release
from scripts.dicom.attributes import values
from scripts.dicom.reader import Radiograph
from scripts.errors import InputError
from scripts.inference.incremental import SAME_JOINT_MM
from scripts.inference.joint_list import distance_mm
from scripts.inference.regions import cut_region
from serving.pacs.result_index import Result, ResultIndex
from serving.pacs.result_lookup import StoredResults, stored_results

logger = logging.getLogger(__name__)

MIN_JOINTS = 6
"""Corrected joints that a training needs: fewer describe single images, not bones."""

MIN_PATIENTS = 2
"""Patients that a training needs: one is held out."""

HELD_OUT_SHARE = 0.25
"""Share of patients whose joints are not trained on."""


def count(results: ResultIndex) -> tuple[int, int]:
    """Count the corrected joints in the PACS, and their patients, without fetching pixels.

    Args:
        results: in the PACS.

    Raises:
        PacsAwayError: the PACS does not answer.
    """
    joints: set[tuple[str, str]] = set()
    patients: set[str] = set()
    for result in results.all():
        if not result.corrected:
            continue
        source = result.source
        corrected = {
            (source.sop, joint.located.name) for joint in results.joints(result) if joint.masks_from == "given"
        }
        if corrected:
            headers = results.pacs.metadata(source.study, source.series)
            patients |= {_case(header) for header in headers if header.SOPInstanceUID == source.sop}
        joints |= corrected
    return len(joints), len(patients)


def check_enough(joints: int, patients: int) -> None:
    """Check that there are enough corrections for a training.

    Raises:
        InputError: too few joints or patients; the message has both counts.
    """
    if joints < MIN_JOINTS or patients < MIN_PATIENTS:
        raise InputError(
            f"corrected joints: expected {MIN_JOINTS} or more of {MIN_PATIENTS} or more patients in the PACS, got "
            f"{joints} of {patients}: correct masks in the viewer and separate again with them"
        )


def collect(results: ResultIndex, folder: Path, newest: Sequence[str] = ()) -> tuple[int, int]:
    """Write all corrected joints as a folder that :func:`scripts.datasets.finger_joints.release_datalist` reads.

    All joints of a patient, of both hands and all visits, are either trained on or held out. Of a joint that was
    corrected with several weights in use, the masks of the newest weights count.

    Args:
        results: in the PACS.
        folder: to write to.
        newest: see :meth:`serving.pacs.result_index.ResultIndex.all`.

    Returns:
        Number of joints to train on, and of joints held out.

    Raises:
        InputError: there are too few corrected joints or patients.
        PacsAwayError: the PACS does not answer.
    """
    joints = list(corrections(results, newest))
    check_enough(len(joints), len({joint.case for joint in joints}))
    return write_release(folder, joints, HELD_OUT_SHARE)


def corrections(results: ResultIndex, newest: Sequence[str] = ()) -> Iterator[KnownMasks]:
    """Yield all corrected joints: the network's input image and the masks.

    Args:
        results: in the PACS.
        newest: see :meth:`serving.pacs.result_index.ResultIndex.all`.

    Raises:
        PacsAwayError: the PACS does not answer.
    """
    taken: dict[str, list[tuple[float, float]]] = {}
    for result in results.all(newest):
        if not result.corrected:
            continue
        try:
            radiograph = results.pacs.radiograph(result.source)
            stored = stored_results(results.pacs, radiograph, result.software, results.journal.gone())
        except InputError as error:
            logger.warning("skipped corrections: %s", error)
            continue
        yield from _known_masks(result, radiograph, stored, taken.setdefault(result.source.sop, []))


def _known_masks(
    result: Result, radiograph: Radiograph, stored: StoredResults, taken: list[tuple[float, float]]
) -> Iterator[KnownMasks]:
    """Yield the corrected joints of a result, except those near centres in ``taken``, to which theirs are added."""
    located = [joint.located for joint in stored.joints]
    for joint in stored.joints:
        distances = [distance_mm(joint.located.centre, other, radiograph.spacing) for other in taken]
        if joint.masks_from != "given" or min(distances, default=np.inf) < SAME_JOINT_MM:
            continue
        try:
            region = cut_region(radiograph, result.source.sop, joint.located, located, stored.labels)
        except InputError as error:
            logger.warning("skipped a correction: %s", error)
            continue
        masks = torch.as_tensor(region.masks)
        if not masks.flatten(1).any(dim=1).all():
            logger.warning("skipped a correction: image %s, a joint with one bone only", result.source.sop)
            continue
        taken.append(joint.located.centre)
        image = sha256(result.source.sop.encode()).hexdigest()[:12]
        yield KnownMasks(
            case=_case(radiograph.dataset),
            hand=_hand(radiograph.dataset),
            name=f"{image}-{joint.located.name}",
            image=region.image[0].numpy(),
            masks=masks.numpy(),
        )


def _case(source: Dataset) -> str:
    """Return a pseudonym of the patient, 16 hexadecimal digits; of the study where the header names no patient."""
    identity = str(source.get("PatientID") or "") or str(source.StudyInstanceUID)
    return sha256(f"{source.get('IssuerOfPatientID') or ''}\\{identity}".encode()).hexdigest()[:16]


def _hand(source: Dataset) -> str:
    """Return the hand of a radiograph, ``R`` or ``L``; ``L`` where the header does not tell."""
    stated = [*values(source, "ImageLaterality"), *values(source, "Laterality")]
    return "R" if "R" in stated else "L"
