"""Series of a joint over two visits of a drawn radiograph, with widths and a change as if they had been measured."""

from dataclasses import replace

from pydicom import Dataset
from pydicom.uid import generate_uid

from scripts.measurement.joint_series import Change, JointSeries, Visit, Width
from tests.support.dicom_sources import source

DATES = ("20240105", "20260310")


def sources(count: int = 2, **settings) -> list[Dataset]:
    """Return headers of one patient's radiographs, each of a study of its own, the latest last."""
    found = []
    for number in range(count):
        study = generate_uid(entropy_srcs=[f"study {number}"])
        series = generate_uid(entropy_srcs=[f"series {number}"])
        date = DATES[number] if number < len(DATES) else "20270101"
        made = {"StudyInstanceUID": study, "SeriesInstanceUID": series, "StudyDate": date, "ContentDate": date}
        found.append(source(**{**made, **settings}))
    return found


def width(px: float = 17.25, edited: bool = False) -> Width:
    """Return a width whose lines are level, ``px`` apart."""
    places = (-20.0, 0.0, 20.0)
    return Width(
        mean=px,
        minimum=px - 1,
        minimum_line=((60.25, 80.0), (60.25 + px - 1, 80.0)),
        curve=tuple((place, px) for place in places),
        upper_line=tuple((60.0, 80.0 + place) for place in places),
        lower_line=tuple((60.0 + px, 80.0 + place) for place in places),
        standard_error=0.5,
        edited=edited,
    )


def visit(header: Dataset, spacing: float | None = 0.1, **more) -> Visit:
    """Return a visit of a radiograph."""
    made = {
        "image": str(header.SOPInstanceUID),
        "date": str(header.StudyDate),
        "spacing": spacing,
        "rests_on": "at the detector" if spacing else "",
        "centre": (70.5, 80.0),
        "width": width(),
        "sop_class_uid": str(header.SOPClassUID),
        "sop_instance_uid": str(header.SOPInstanceUID),
        "study_uid": str(header.StudyInstanceUID),
    }
    return Visit(**{**made, **more})


def change(first: int = 0, second: int = 1, px: float = -1.25, spacing: float | None = 0.1, **more) -> Change:
    """Return a change between two visits."""
    made = {
        "px": px,
        "mm": None if spacing is None else px * spacing,
        "standard_error": 0.25,
        "standard_error_mm": None if spacing is None else 0.25 * spacing,
        "reliability": 0.875,
    }
    return Change(first=first, second=second, **{**made, **more})


def series(headers: list[Dataset], spacing: float | None = 0.1, joint: str = "MCP2") -> JointSeries:
    """Return a joint over the radiographs, 1.25 px narrower from each to the next."""
    visits = [
        replace(visit(header, spacing), width=width(17.25 - 1.25 * number)) for number, header in enumerate(headers)
    ]
    changes = [change(number, number + 1, spacing=spacing) for number in range(len(visits) - 1)]
    if len(visits) > 2:
        changes.append(change(0, len(visits) - 1, -1.25 * (len(visits) - 1), spacing))
    return JointSeries(
        subject=str(headers[-1].get("PatientID") or ""), side="right", joint=joint, visits=visits, changes=changes
    )
