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


"""Words of a report: names, widths with their uncertainty, changes, warnings, and how to read them."""

from typing import NamedTuple

from scripts.measurement.joint_series import SURE, Change, JointSeries, Visit
from scripts.measurement.report import Report

HOW_TO_READ = (
    "Width: distance along the joint’s axis from the phalanx’ subchondral line, in the upper layer, to the outline of "
    "the metacarpal head, in the lower layer; mean and minimum over the central part of the joint.",
    "Change: how far both bones have moved against each other between two radiographs. It is measured by registering "
    "the layers, not as the difference of two widths, and need not be that difference.",
    "± is 1.96 standard errors. A change above its ± is called more than can be chance; of 100 joints that do not "
    "change, five would be called so all the same. Positioning of the hand can change what is measured.",
    "Layers: each bone as it is estimated to look without the other one. Where the bones do not overlap a layer is the "
    "radiograph itself.",
)


class ChangeRow(NamedTuple):
    """One change: between which visits, the number in words, how reliable, and whether chance can explain it."""

    between: str
    words: str
    reliability: str
    sure: bool


class JointRow(NamedTuple):
    """One joint in the table of all joints."""

    name: str
    visits: str
    first: str
    last: str
    change: str
    sure: bool


def joint_name(joint: JointSeries) -> str:
    """Return a joint's name with its side: "Right MCP2"."""
    return " ".join(filter(None, (joint.side.capitalize(), joint.joint))) or "Joint"


def day(date: str) -> str:
    """Return a date YYYYMMDD as YYYY-MM-DD; anything else stays."""
    return f"{date[:4]}-{date[4:6]}-{date[6:]}" if len(date) == 8 and date.isdecimal() else date


def visit_name(visit: Visit, joint: JointSeries) -> str:
    """Return the date of a visit; its image's name too where the date does not tell it from the others."""
    alike = sum(other.date == visit.date for other in joint.visits)
    if not visit.date:
        return visit.image
    return day(visit.date) if alike == 1 else f"{day(visit.date)}, {visit.image}"


def unit_of(joint: JointSeries) -> str:
    """Return ``mm`` if the spacing of all visits is known, else ``px``."""
    return "mm" if joint.visits and all(visit.spacing is not None for visit in joint.visits) else "px"


def in_unit(px: float, visit: Visit, unit: str) -> float:
    """Return a length at a visit in the unit of its joint."""
    return px * visit.spacing if unit == "mm" and visit.spacing is not None else px


def width_words(visit: Visit, unit: str) -> str:
    """Return the mean width with its uncertainty: "1.55 mm ± 0.09"; a dash where it was not measured."""
    if visit.width is None:
        return "–"
    mean, error = (in_unit(px, visit, unit) for px in (visit.width.mean, SURE * visit.width.standard_error))
    return f"{signed(mean)} {unit} ± {error:.2f}"


def signed(value: float) -> str:
    """Return a number with two digits and a minus sign, not a hyphen; where bones overlap, a width is below 0."""
    shown = f"{value:.2f}"
    return "0.00" if shown == "-0.00" else shown.replace("-", "\N{MINUS SIGN}")


def minimum_words(visit: Visit, unit: str) -> str:
    """Return the smallest width; a dash where it was not measured."""
    return "–" if visit.width is None else f"{signed(in_unit(visit.width.minimum, visit, unit))} {unit}"


def is_sure(change: Change) -> bool:
    """Return whether a change is more than can be chance."""
    value = change.px if change.mm is None else change.mm
    return value is not None and change.detectable is not None and abs(value) > change.detectable


def change_row(change: Change, joint: JointSeries) -> ChangeRow:
    """Return a change in words."""
    first, second = (visit_name(joint.visits[number], joint) for number in (change.first, change.second))
    reliability = "–" if change.reliability is None else f"{change.reliability:.2f}"
    return ChangeRow(f"{first} to {second}", change.in_words, reliability, is_sure(change))


def joint_row(joint: JointSeries) -> JointRow:
    """Return the row of a joint: its first and last width, and its change between them."""
    unit, last = unit_of(joint), len(joint.visits) - 1
    whole = [change for change in joint.changes if (change.first, change.second) == (0, last)]
    widths = [width_words(joint.visits[at], unit) if joint.visits else "–" for at in (0, -1)]
    return JointRow(
        joint_name(joint),
        str(len(joint.visits)),
        widths[0],
        widths[1] if last > 0 else "–",
        whole[0].in_words if whole else "–",
        bool(whole) and is_sure(whole[0]),
    )


def warnings_of(joint: JointSeries) -> list[str]:
    """Return all warnings of a joint, each with the visit or the visits that it is about."""
    said = []
    for visit in joint.visits:
        name = visit_name(visit, joint)
        said += [f"{name}: {sentence}" for sentence in visit.warnings]
        if visit.width is not None and visit.width.edited:
            said.append(f"{name}: the lines of the width were moved by a reader.")
        if visit.confidence is not None:
            said.append(f"{name}: the joint was found automatically, confidence {min(visit.confidence, 0.99):.2f}.")
    for change in joint.changes:
        said += [f"{change_row(change, joint).between}: {sentence}" for sentence in change.warnings]
    return list(dict.fromkeys(said))


def facts_of(report: Report) -> dict[str, str]:
    """Return what a report is about and what it was made with."""
    dates = sorted({visit.date for joint in report.series for visit in joint.visits if visit.date})
    images = {visit.image for joint in report.series for visit in joint.visits}
    spacings = dict.fromkeys(
        f"{visit.spacing:.4g} mm {visit.rests_on}".strip() if visit.spacing else "not known: widths are in px"
        for joint in report.series
        for visit in joint.visits
    )
    return {
        "subject": report.subject or "not named",
        "radiographs": ", ".join([str(len(images)), " to ".join(map(day, dict.fromkeys([*dates[:1], *dates[-1:]])))]),
        "joints": str(len(report.series)),
        "pixel": "; ".join(spacings) or "–",
    }


def versions_of(report: Report) -> dict[str, str]:
    """Return software and weights."""
    return {
        "software": f"{report.software.name} {report.software.version}",
        "weights": report.software.weights_sha256 or "none",
    }


def identifies(report: Report) -> bool:
    """Return whether the pages name the subject."""
    return bool(report.subject)
