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

"""DICOM Structured Report (TID 1500) of the joint space of one radiograph's joints, with their earlier visits."""

import json
from collections.abc import Mapping, Sequence

from highdicom.sr import (
    CodedConcept,
    ComprehensiveSR,
    DeviceObserverIdentifyingAttributes,
    LanguageOfContentItemAndDescendants,
    MeasurementReport,
    ObservationContext,
    ObserverContext,
)
from pydicom import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import UID, ExplicitVRLittleEndian

from scripts.dicom.header import (
    content_moment,
    contributing_equipment,
    copy_patient_and_study,
    keep_bytes,
    quiet,
)
from scripts.dicom.provenance import (
    Software,
    add_equipment,
    derived_uid,
    file_meta,
    processing_equipment,
    series_number,
)
from scripts.dicom.view import series_description
from scripts.measurement import report_codes as own
from scripts.measurement.joint_series import JointSeries
from scripts.measurement.measurement_group import measurement_group

SERIES_DIGIT = 4
"""Last digit of the report's Series Number, after those of layers and masks."""


def structured_report(
    source: Dataset, series: Sequence[JointSeries], software: Software, others: Sequence[Dataset] = ()
) -> Dataset:
    """Build a Comprehensive SR of all joints that were measured in one radiograph.

    Each joint and visit is a measurement group with the joint's Tracking UID; the group of the radiograph's own visit
    is the joint's first, since viewers draw that one. A change stands in the group of the visit at which it ends.

    Args:
        source: header of the radiograph, which is a visit of every joint.
        series: of its joints, at least one.
        software: version and weights.
        others: headers of the other visits' radiographs.

    Returns:
        The object with its File Meta Information, the same bytes for the same arguments.

    Raises:
        ValueError: no joint; a joint that is not of this radiograph; a visit whose header is not there.

    Source:
        DICOM PS3.3, A.35.3 (Comprehensive SR IOD); PS3.16, TID 1500, 1501, 1502, 300, 310, 4019.
    """
    with quiet():
        headers = {str(each.SOPInstanceUID): each for each in (source, *others)}
        _check(source, series, headers)
        report = ComprehensiveSR(
            evidence=[_stand_in(header) for header in _evidence(source, series, headers)],
            content=_content(source, series, software)[0],
            series_instance_uid=report_series_uid(source, software),
            series_number=series_number(source, SERIES_DIGIT),
            sop_instance_uid=derived_uid(source, software, "SR", json.dumps([each.record for each in series])),
            instance_number=1,
            is_complete=True,
            transfer_syntax_uid=ExplicitVRLittleEndian,
        )
        _complete(report, source, software)
        keep_bytes(report)
        return report


def report_series_uid(source: Dataset, software: Software) -> UID:
    """Return the Series Instance UID of the report of a radiograph, for any set of joints."""
    return derived_uid(source, software, "SR series")


def _check(source: Dataset, series: Sequence[JointSeries], headers: Mapping[str, Dataset]) -> None:
    if not series:
        raise ValueError("expected joints that were measured, got none")
    for joint in series:
        images = [visit.sop_instance_uid for visit in joint.visits]
        if str(source.SOPInstanceUID) not in images:
            raise ValueError(
                f"joint {joint.joint}: expected a visit of the radiograph {source.SOPInstanceUID}, got none"
            )
        if missing := [image for image in images if image not in headers]:
            raise ValueError(f"joint {joint.joint}: expected the header of each visit, got none of {missing[0]}")


def _evidence(source: Dataset, series: Sequence[JointSeries], headers: Mapping[str, Dataset]) -> list[Dataset]:
    """Return the headers of all radiographs that the joints refer to, the source's first."""
    used = {visit.sop_instance_uid for joint in series for visit in joint.visits} - {str(source.SOPInstanceUID)}
    return [source, *(headers[uid] for uid in sorted(used))]


def _stand_in(header: Dataset) -> Dataset:
    """Return a radiograph's UIDs as highdicom needs them; text of the source is copied later, byte for byte."""
    stand_in = Dataset()
    for keyword in ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID"):
        setattr(stand_in, keyword, "")
    stand_in.StudyDate = stand_in.StudyTime = stand_in.ReferringPhysicianName = None
    for keyword in ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"):
        setattr(stand_in, keyword, header[keyword].value)
    return stand_in


def _content(source: Dataset, series: Sequence[JointSeries], software: Software) -> MeasurementReport:
    groups = []
    for joint in series:
        own_first = sorted(joint.visits, key=lambda visit: visit.sop_instance_uid != str(source.SOPInstanceUID))
        groups += [measurement_group(joint, visit, software) for visit in own_first]
    device = DeviceObserverIdentifyingAttributes(
        uid=derived_uid(source, software, "observer"),
        name=software.name,
        manufacturer_name=software.name,
        model_name=software.name,
        serial_number=(software.weights_sha256 or "none")[:64],
    )
    return MeasurementReport(
        observation_context=ObservationContext(
            observer_device_context=ObserverContext(codes.DCM.Device, observer_identifying_attributes=device)
        ),
        procedure_reported=codes.cid100.XRUnspecifiedBodyRegion,
        imaging_measurements=groups,
        title=codes.DCM.ImagingMeasurementReport,
        language_of_content_item_and_descendants=LanguageOfContentItemAndDescendants(
            CodedConcept("en", "RFC5646", "English")
        ),
    )


def _complete(report: Dataset, source: Dataset, software: Software) -> None:
    """Bring the source's text in, take the time of day and chance out."""
    for keyword in ("InstanceCreationDate", "InstanceCreationTime"):
        report.pop(keyword, None)
    copy_patient_and_study(source, report)
    report.ContentDate, report.ContentTime = content_moment(source)
    report.SeriesDescription = series_description("Joint space", source, software.name)
    add_equipment(report, software)
    report.ContributingEquipmentSequence = [*contributing_equipment(source), processing_equipment(software)]
    scheme = Dataset()
    scheme.CodingSchemeDesignator = own.SCHEME
    scheme.CodingSchemeName = software.name
    scheme.CodingSchemeResponsibleOrganization = software.name
    report.CodingSchemeIdentificationSequence = [scheme]
    report.file_meta = file_meta(report, software)
