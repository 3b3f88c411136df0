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

"""Earlier visits of a hand: radiographs of the same patient, side and view in a PACS."""

from collections.abc import Iterator
from dataclasses import dataclass

from pydicom import Dataset

from scripts.dicom.attributes import UNREADABLE, values
from scripts.dicom.header import quiet
from scripts.dicom.view import SIDES, laterality
from scripts.errors import InputError
from serving.pacs.client import Instance, Pacs

HANDS = ("", "HAND", "WRIST", "FINGER", "THUMB", "EXTREMITY", "UPEREXTREMITY", "UP_EXM")
"""Body Part Examined of radiographs that may show a hand; many have none."""

PERSON = ("PatientBirthDate", "PatientSex")
"""What tells two patients of one id apart."""

MOST_VISITS = 8
"""Earlier visits that are looked at, the latest ones."""


@dataclass(frozen=True)
class EarlierVisit:
    """Radiograph of an earlier visit.

    Attributes:
        instance: its UIDs.
        header: all of it but the pixels.
    """

    instance: Instance
    header: Dataset

    @property
    def date(self) -> str:
        """Date of the study, YYYYMMDD."""
        return taken(self.header)[:8]


def earlier_visits(pacs: Pacs, source: Dataset) -> list[EarlierVisit]:
    """Find the earlier visits of the hand that a radiograph shows, one a study, in the order of time.

    Args:
        pacs: where to look.
        source: header of the radiograph.

    Returns:
        At most :data:`MOST_VISITS`, the latest ones; none where the patient has no earlier radiograph of this hand in
        this view.

    Raises:
        InputError: the radiograph does not say whose hand it shows, which one, or when.
        PacsAwayError: the PACS does not answer.
    """
    patient, side, _ = whose(source)
    by_study: dict[str, EarlierVisit] = {}
    for visit in _candidates(pacs, patient):
        header = visit.header
        study = visit.instance.study
        same = _same_patient(header, source) and laterality(header) == side and _agree(header, source, "ViewPosition")
        before = taken(header)[:8] and taken(header) < taken(source) and study != str(source.StudyInstanceUID)
        if same and before and _text(header, "BodyPartExamined").upper() in HANDS:
            kept = by_study.get(study)
            if kept is None or _order(kept) < _order(visit):
                by_study[study] = visit
    return sorted(by_study.values(), key=_order)[-MOST_VISITS:]


def whose(source: Dataset) -> tuple[str, str, str]:
    """Return Patient ID, side (R or L) and side in words of a radiograph.

    Raises:
        InputError: it does not tell them, or has no date.
    """
    patient, side = _text(source, "PatientID"), laterality(source)
    where = f"image {source.SOPInstanceUID}"
    if not patient or any(character in patient for character in "*?\\"):
        raise InputError(f"{where}: expected a Patient ID that finds earlier visits, got none that can be used")
    if side not in ("R", "L"):
        words = {"B": "both hands"}.get(side, "nothing")
        raise InputError(f"{where}: expected a header that says right or left hand, got {words}")
    if not taken(source)[:8].strip():
        raise InputError(f"{where}: expected a Study Date, by which visits are ordered, got none")
    return patient, side, SIDES[side]


def taken(header: Dataset) -> str:
    """Return date and time of a study as DICOM writes them; empty without a date."""
    date = _text(header, "StudyDate")
    return date + _text(header, "StudyTime") if len(date) == 8 and date.isdigit() else ""


def _candidates(pacs: Pacs, patient: str) -> Iterator[EarlierVisit]:
    for instance in pacs.of_patient(patient):
        for header in pacs.metadata(instance.study, instance.series, instance.sop):
            with quiet():
                yield EarlierVisit(instance, header)


def _same_patient(header: Dataset, other: Dataset) -> bool:
    """Return whether two radiographs are of one patient: an archive of several sites may hold one id for two."""
    same = _text(header, "PatientID") == _text(other, "PatientID")
    return same and all(_agree(header, other, keyword) for keyword in ("IssuerOfPatientID", *PERSON))


def _agree(header: Dataset, other: Dataset, keyword: str) -> bool:
    """Return whether two headers have the same value, as far as both have one."""
    return len({_text(each, keyword).upper() for each in (header, other)} - {""}) <= 1


def _order(visit: EarlierVisit) -> tuple[str, str]:
    return taken(visit.header), visit.instance.sop


def _text(header: Dataset, keyword: str) -> str:
    try:
        return "".join(str(value) for value in values(header, keyword)[:1]).strip()
    except UNREADABLE:
        return ""
