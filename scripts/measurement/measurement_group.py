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

"""Measurement group (TID 1501) of one joint at one visit: its widths, and the changes that end there."""

from collections.abc import Iterator, Sequence

import numpy as np
from highdicom.sr import (
    AlgorithmIdentification,
    CoordinatesForMeasurement,
    FindingSite,
    ImageRegion,
    Measurement,
    MeasurementProperties,
    MeasurementsAndQualitativeEvaluations,
    NumContentItem,
    QualitativeEvaluation,
    RelationshipTypeValues,
    SourceImageForMeasurement,
    SourceImageForMeasurementGroup,
    SourceImageForRegion,
    TextContentItem,
    TimePointContext,
    TrackingIdentifier,
)
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from scripts.dicom.provenance import Software
from scripts.measurement import report_codes as own
from scripts.measurement.joint_series import SURE, Change, JointSeries, Point, Visit, Width

PROPERTY = RelationshipTypeValues.HAS_PROPERTIES


def measurement_group(joint: JointSeries, visit: Visit, software: Software) -> MeasurementsAndQualitativeEvaluations:
    """Build the measurement group of a joint at one of its visits.

    Args:
        joint: all visits.
        visit: one of them.
        software: version and weights.

    Source:
        DICOM PS3.16, TID 1501, 1502, 300, 310, 4019.
    """
    number = joint.visits.index(visit)
    changes = [change for change in joint.changes if change.second == number]
    items = [*_widths(visit), *(_change(joint, change) for change in changes)]
    group = MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(joint.tracking_uid, own.tracking_identifier(joint.joint, joint.side)),
        time_point_context=TimePointContext(visit.date or f"visit {number + 1}"),
        method=own.BONE_LINES,
        algorithm_id=AlgorithmIdentification(
            name=f"{software.name}, joint space",
            version=software.version,
            parameters=[f"{name}={value}" for name, value in _parameters(visit, software)],
            manufacturer=software.name,
        ),
        finding_sites=[_finding_site(joint)],
        measurements=[item for item in items if isinstance(item, Measurement)],
        qualitative_evaluations=[item for item in items if isinstance(item, QualitativeEvaluation)],
        source_images=[SourceImageForMeasurementGroup(visit.sop_class_uid, visit.sop_instance_uid)],
    )
    # At the end: OHIF takes the first number of a group for the length of its line.
    order = NumContentItem(
        codes.DCM.TimePointOrder, number + 1, codes.UCUM.NoUnits, relationship_type="HAS OBS CONTEXT"
    )
    group[0].ContentSequence.append(order)
    if visit.width is None:
        # Viewers look for a place of each joint, and OHIF fails where there is none.
        place = ImageRegion("POINT", _graphic_data([visit.centre]), _source_image(visit))
        group[0].ContentSequence.append(place)
    for words in (_in_words(joint, change) for change in changes):
        group[0].ContentSequence.append(
            TextContentItem(codes.DCM.Comment, _plain(words), RelationshipTypeValues.CONTAINS)
        )
    return group


def _parameters(visit: Visit, software: Software) -> Iterator[tuple[str, object]]:
    """Yield what the measurement of a visit rests on, by name."""
    yield "weights_sha256", software.weights_sha256 or "none"
    yield "centre", f"{visit.centre[0]:.6g} {visit.centre[1]:.6g}"
    yield "angle", f"{visit.angle:.6g}"
    if visit.spacing is not None:
        yield "spacing_mm", f"{visit.spacing:.10g}"
        yield "millimetres", visit.rests_on
    if visit.confidence is not None:
        yield "confidence", f"{visit.confidence:.4f}"


def _finding_site(joint: JointSeries) -> FindingSite:
    digit = own.DIGITS.get(joint.joint.removeprefix("MCP")) if joint.joint.startswith("MCP") else None
    place = own.MCP_JOINT if digit else codes.SCT.FingerJoint
    return FindingSite(place, laterality=own.SIDES.get(joint.side), topographical_modifier=digit)


def _widths(visit: Visit) -> Sequence[Measurement | QualitativeEvaluation]:
    """Return the smallest width, with its line, and the mean one, with both outlines; or that there is none."""
    width = visit.width
    if width is None:
        refused, *warnings = [*filter(None, [visit.refused]), *visit.warnings] or [""]
        return [_not_measured(own.WIDTH, refused, warnings)]
    return [
        _number(visit, width, width.minimum, codes.SCT.Minimum, [width.minimum_line]),
        _number(visit, width, width.mean, codes.SCT.Mean, [width.upper_line, width.lower_line], width.standard_error),
    ]


def _number(
    visit: Visit,
    width: Width,
    px: float,
    derivation: Code,
    lines: Sequence[Sequence[Point]],
    error: float | None = None,
) -> Measurement:
    value, unit = _sized(px, visit.mm(px))
    measurement = Measurement(
        name=own.WIDTH,
        value=value,
        unit=unit,
        derivation=derivation,
        properties=MeasurementProperties(selection_status=codes.DCM.UserChosenValue) if width.edited else None,
        referenced_coordinates=[_points(visit, line) for line in lines],
    )
    if error is not None:
        _add_uncertainty(measurement, _sized(error, visit.mm(error))[0], unit)
        _add_comments(measurement, visit.warnings)
    return measurement


def _change(joint: JointSeries, change: Change) -> Measurement | QualitativeEvaluation:
    images = [
        SourceImageForMeasurement(visit.sop_class_uid, visit.sop_instance_uid)
        for visit in (joint.visits[change.first], joint.visits[change.second])
    ]
    if change.px is None:
        failed = _not_measured(own.CHANGE, change.refused, change.warnings)
        failed[0].ContentSequence.extend(images)
        return failed
    value, unit = _sized(change.px, change.mm)
    measurement = Measurement(
        name=own.CHANGE,
        value=value,
        unit=unit,
        method=own.REGISTRATION,
        referenced_images=images,
        algorithm_id=None
        if change.reliability is None
        else AlgorithmIdentification("Registration", "1", parameters=[f"reliability={change.reliability:.6g}"]),
    )
    error = change.standard_error if change.mm is None else change.standard_error_mm
    if error is not None:
        _add_uncertainty(measurement, error, unit)
    _add_comments(measurement, change.warnings)
    return measurement


def _not_measured(name: Code, refused: str, warnings: Sequence[str]) -> QualitativeEvaluation:
    """Return an item that says that something could not be measured, and why: no number that could be taken for one."""
    failed = QualitativeEvaluation(name, codes.DCM.MeasurementFailure)
    _add_comments(failed, [refused or "no reason given", *warnings])
    return failed


def _sized(px: float, mm: float | None) -> tuple[float, Code]:
    return (float(px), own.PIXELS) if mm is None else (float(mm), codes.UCUM.Millimeter)


def _points(visit: Visit, line: Sequence[Point]) -> CoordinatesForMeasurement:
    return CoordinatesForMeasurement("POLYLINE", _graphic_data(line), _source_image(visit))


def _source_image(visit: Visit) -> SourceImageForRegion:
    return SourceImageForRegion(visit.sop_class_uid, visit.sop_instance_uid)


def _graphic_data(line: Sequence[Point]) -> np.ndarray:
    """Return points of a radiograph as DICOM has them: column and row from the corner of its first pixel.

    Source:
        DICOM PS3.3, C.18.6.1.1 (Graphic Data).
    """
    return np.array([(column + 0.5, row + 0.5) for row, column in line], np.float32)


def _add_uncertainty(measurement: Measurement, error: float, unit: Code) -> None:
    """Add a standard error, and the range around the value that holds the truth in 95 of 100 cases."""
    for name, value in (
        (codes.SCT.RangeOfUpperMeasurementUncertainty, SURE * error),
        (codes.SCT.RangeOfLowerMeasurementUncertainty, SURE * error),
        (own.STANDARD_ERROR, error),
    ):
        _append(measurement, NumContentItem(name, float(value), unit, relationship_type=PROPERTY))


def _add_comments(measurement: Measurement | QualitativeEvaluation, sentences: Sequence[str]) -> None:
    for sentence in sentences:
        _append(measurement, TextContentItem(codes.DCM.Comment, _plain(sentence), PROPERTY))


def _append(measurement: Measurement | QualitativeEvaluation, item: NumContentItem | TextContentItem) -> None:
    if "ContentSequence" not in measurement[0]:
        measurement[0].ContentSequence = []
    measurement[0].ContentSequence.append(item)


def _in_words(joint: JointSeries, change: Change) -> str:
    """Return a change as a sentence: "MCP2 right, 20240105 to 20260310: 0.12 mm narrower, ..."."""
    name = f"{joint.joint} {joint.side}".strip()
    dates = [joint.visits[number].date or f"visit {number + 1}" for number in (change.first, change.second)]
    return f"{name}, {dates[0]} to {dates[1]}: {change.in_words}".removeprefix(", ")


def _plain(text: str) -> str:
    """Return text in characters that every Specific Character Set has."""
    return text.replace("±", "+/-").encode("ascii", "replace").decode()
