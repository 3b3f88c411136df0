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

"""Reader of reports of joint space: what :mod:`scripts.measurement.structured_report` has written."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pydicom import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from scripts.dicom.attributes import UNREADABLE
from scripts.errors import InputError
from scripts.measurement import report_codes as own
from scripts.measurement.joint_series import Change, JointSeries, Point, Visit, Width

GROUPS = (codes.DCM.ImagingMeasurements, codes.DCM.MeasurementGroup)


def is_report(dataset: Dataset) -> bool:
    """Return whether a dataset is a structured report that holds widths of joint spaces as ours do."""
    try:
        return dataset.get("Modality") == "SR" and any(True for _ in _own_groups(dataset))
    except UNREADABLE:
        return False


def read_series(dataset: Dataset) -> list[JointSeries]:
    """Read the joints of a report.

    Points are those of the report, to a hundredth of a px; the curve of a width follows from its lines. Lengths in px
    are those in mm by the visit's spacing.

    Args:
        dataset: the report, or its header as DICOM's JSON tells it.

    Raises:
        InputError: it is no report of joint spaces, or cannot be read.
    """
    try:
        images = {str(header.SOPInstanceUID): header for header in evidence(dataset)}
        read = [_group(group, images) for group in _own_groups(dataset)]
        if not read:
            raise InputError("structured report: expected measurements of joint spaces, got none")
        by_joint: dict[tuple[str, str], list[_Group]] = {}
        for group in read:
            by_joint.setdefault(group.joint, []).append(group)
        return [_series(str(dataset.get("PatientID") or ""), *joint, groups) for joint, groups in by_joint.items()]
    except InputError:
        raise
    except UNREADABLE as error:
        raise InputError(f"structured report: cannot be read ({type(error).__name__})") from None


def evidence(dataset: Dataset) -> list[Dataset]:
    """Return the UIDs of all radiographs that a report refers to: Study, Series, SOP Class and SOP Instance UID."""
    found = []
    for keyword in ("CurrentRequestedProcedureEvidenceSequence", "PertinentOtherEvidenceSequence"):
        for study in dataset.get(keyword) or []:
            for series in study.ReferencedSeriesSequence:
                for image in series.ReferencedSOPSequence:
                    header = Dataset()
                    header.StudyInstanceUID = study.StudyInstanceUID
                    header.SeriesInstanceUID = series.SeriesInstanceUID
                    header.SOPClassUID = image.ReferencedSOPClassUID
                    header.SOPInstanceUID = image.ReferencedSOPInstanceUID
                    found.append(header)
    return found


class _Number(NamedTuple):
    """Measured value with what hangs on it; no value where it could not be measured."""

    value: float | None
    derivation: str
    error: float | None
    lines: list[list[Point]]
    images: list[str]
    comments: list[str]
    parameters: dict[str, str]
    edited: bool


@dataclass
class _Group:
    """Measurement group: a joint at a visit, and the changes that end there."""

    joint: tuple[str, str]
    order: int
    visit: Visit
    changes: list[_Number] = field(default_factory=list)


def _items(dataset: Dataset, code: Code) -> Iterator[Dataset]:
    """Yield the content items below a dataset that have a concept's name."""
    for item in dataset.get("ContentSequence") or []:
        name = next(iter(item.get("ConceptNameCodeSequence") or []), Dataset())
        if (name.get("CodeValue"), name.get("CodingSchemeDesignator")) == (code.value, code.scheme_designator):
            yield item


def _own_groups(dataset: Dataset) -> Iterator[Dataset]:
    for measurements in _items(dataset, GROUPS[0]):
        for group in _items(measurements, GROUPS[1]):
            identifier = next(_items(group, codes.DCM.TrackingIdentifier), Dataset())
            if own.joint_and_side(str(identifier.get("TextValue") or "")) and any(_items(group, own.WIDTH)):
                yield group


def _group(group: Dataset, images: dict[str, Dataset]) -> _Group:
    [joint] = [own.joint_and_side(str(item.TextValue)) for item in _items(group, codes.DCM.TrackingIdentifier)]
    image = next(uid for item in group.ContentSequence for uid in _images(item))
    header = images[image]
    date = next((str(item.TextValue) for item in _items(group, own.TIME_POINT)), "")
    order = next((int(_value(item) or 0) for item in _items(group, codes.DCM.TimePointOrder)), 0)
    told = _parameters(group)
    spacing = float(told["spacing_mm"]) if "spacing_mm" in told else None
    numbers = [_number(item) for item in _items(group, own.WIDTH)]
    failed = next((number for number in numbers if number.value is None), None)
    angle = float(told.get("angle", 0.0))
    row, column = (float(part) for part in told["centre"].split())
    comments = [comment for number in numbers for comment in number.comments]
    visit = Visit(
        image=image,
        date=date if date.isdigit() else "",
        spacing=spacing,
        rests_on=told.get("millimetres", ""),
        centre=(row, column),
        angle=angle,
        confidence=float(told["confidence"]) if "confidence" in told else None,
        width=None if failed else _width(numbers, spacing, (row, column), angle),
        refused=comments[0] if failed else "",
        warnings=tuple(comments[1:] if failed else comments),
        sop_class_uid=str(header.SOPClassUID),
        sop_instance_uid=image,
        study_uid=str(header.StudyInstanceUID),
    )
    return _Group(joint or ("", ""), order, visit, [_number(item) for item in _items(group, own.CHANGE)])


def _width(numbers: Sequence[_Number], spacing: float | None, centre: Point, angle: float) -> Width:
    by = {number.derivation: number for number in numbers}
    smallest, mean = by[codes.SCT.Minimum.value], by[codes.SCT.Mean.value]
    size = spacing or 1.0
    upper, lower = mean.lines
    across, along = _axes(angle)
    curve = [
        (_dot(_between(above, below), across) - _dot(centre, across), abs(_dot(above, along) - _dot(below, along)))
        for above, below in zip(upper, lower, strict=False)
    ]
    return Width(
        mean=(mean.value or 0.0) / size,
        minimum=(smallest.value or 0.0) / size,
        minimum_line=(smallest.lines[0][0], smallest.lines[0][1]),
        curve=tuple(curve),
        upper_line=tuple(upper),
        lower_line=tuple(lower),
        standard_error=(mean.error or 0.0) / size,
        edited=mean.edited,
    )


def _axes(angle: float) -> tuple[Point, Point]:
    """Return the directions across a joint and along its axis, row and column, of an axis that leans to the right."""
    sine, cosine = math.sin(math.radians(angle)), math.cos(math.radians(angle))
    return (sine, cosine), (-cosine, sine)


def _dot(one: Point, other: Point) -> float:
    return one[0] * other[0] + one[1] * other[1]


def _between(one: Point, other: Point) -> Point:
    return (one[0] + other[0]) / 2, (one[1] + other[1]) / 2


def _series(subject: str, joint: str, side: str, groups: list[_Group]) -> JointSeries:
    groups = sorted(groups, key=lambda group: group.order)
    place = {group.visit.sop_instance_uid: number for number, group in enumerate(groups)}
    changes = [
        _change(number, place, groups) for group in groups for number in group.changes if set(number.images) <= {*place}
    ]
    # As they are made: those of visits that follow each other, then the whole.
    ordered = sorted(changes, key=lambda change: (change.second - change.first > 1, change.first))
    visits = tuple(group.visit for group in groups)
    return JointSeries(subject=subject, side=side, joint=joint, visits=visits, changes=tuple(ordered))


def _change(number: _Number, place: dict[str, int], groups: list[_Group]) -> Change:
    first, second = (place[image] for image in number.images)
    if number.value is None:
        refused, *warnings = number.comments or ["no reason given"]
        return Change(first=first, second=second, refused=refused, warnings=tuple(warnings))
    spacing = groups[first].visit.spacing
    size = spacing or 1.0
    reliability = number.parameters.get("reliability")
    return Change(
        first=first,
        second=second,
        px=number.value / size,
        mm=number.value if spacing else None,
        standard_error=None if number.error is None else number.error / size,
        standard_error_mm=number.error if spacing else None,
        reliability=None if reliability is None else float(reliability),
        warnings=tuple(number.comments),
    )


def _number(item: Dataset) -> _Number:
    derivation = next((code.ConceptCodeSequence[0].CodeValue for code in _items(item, codes.DCM.Derivation)), "")
    chosen = [code.ConceptCodeSequence[0].CodeValue for code in _items(item, codes.DCM.SelectionStatus)]
    return _Number(
        value=_value(item),
        derivation=str(derivation),
        error=next((_value(error) for error in _items(item, own.STANDARD_ERROR)), None),
        lines=[_line(child) for child in item.get("ContentSequence") or [] if child.get("ValueType") == "SCOORD"],
        images=[uid for child in item.get("ContentSequence") or [] for uid in _images(child)],
        comments=[str(comment.TextValue) for comment in _items(item, codes.DCM.Comment)],
        parameters=_parameters(item),
        edited=codes.DCM.UserChosenValue.value in chosen,
    )


def _value(item: Dataset) -> float | None:
    measured = next(iter(item.get("MeasuredValueSequence") or []), None)
    if measured is None:
        return None
    value = measured.get("FloatingPointValue")
    return float(measured.NumericValue if value is None else value)


def _line(item: Dataset) -> list[Point]:
    """Return the points of spatial coordinates, see :func:`scripts.measurement.measurement_group.measurement_group`."""
    flat = [float(value) for value in item.GraphicData]
    return [(round(row - 0.5, 2), round(column - 0.5, 2)) for column, row in zip(flat[::2], flat[1::2], strict=True)]


def _images(item: Dataset) -> Iterator[str]:
    if item.get("ValueType") == "IMAGE":
        yield str(item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID)


def _parameters(dataset: Dataset) -> dict[str, str]:
    texts = [str(item.TextValue) for item in _items(dataset, codes.DCM.AlgorithmParameters)]
    return dict(text.split("=", 1) for text in texts if "=" in text)  # type: ignore[misc]
