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


"""Report as a PDF of A4 pages."""

import io
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_pdf import PdfPages

from scripts.measurement.joint_series import JointSeries, Visit
from scripts.measurement.pdf_sheet import BOTTOM, CONTENT, LEFT, TOP, Sheet
from scripts.measurement.report import NOTICE, TITLE, Overview, Report, VisitPictures
from scripts.measurement.report_plots import ACCENT, QUIET, SIZE, STYLE, across, over_time
from scripts.measurement.report_words import (
    HOW_TO_READ,
    change_row,
    day,
    facts_of,
    joint_name,
    joint_row,
    minimum_words,
    unit_of,
    versions_of,
    visit_name,
    warnings_of,
    width_words,
)
from scripts.physics import LOWER, UPPER

# It tells of each table of a font that it leaves out.
logging.getLogger("fontTools.subset").setLevel(logging.WARNING)

SAID, GAP = 46.0, 4.0
PICTURE = (CONTENT - SAID - 2 * GAP) / 3
"""Width of the words beside a visit's pictures, between them, and of a picture, mm."""
PLOTS = CONTENT * SIZE[1] / SIZE[0]
"""Height of the plots, mm."""
OVERVIEWS = 4
"""Radiographs in a row."""


def report_pdf(report: Report) -> bytes:
    """Return the report as a PDF, the same bytes for the same report."""
    stream = io.BytesIO()
    # A date would make each document another one.
    told = {"Title": TITLE, "Creator": report.software.name, "CreationDate": None}
    with mpl.rc_context(STYLE), PdfPages(stream, metadata=told) as pages:
        sheet = Sheet(pages, NOTICE)
        _head(sheet, report)
        _explained(sheet, report)
        for joint, pictures in zip(report.series, report.pictures, strict=True):
            _joint(sheet, joint, pictures)
        sheet.close()
    return stream.getvalue()


def _head(sheet: Sheet, report: Report) -> None:
    sheet.words(TITLE, size=20, bold=True, after=2)
    sheet.notice(NOTICE)
    _facts(sheet, facts_of(report))
    if report.overviews:
        sheet.y += 4
    for start in range(0, len(report.overviews), OVERVIEWS):
        _overviews(sheet, report.overviews[start : start + OVERVIEWS])
    if report.series:
        rows = [joint_row(joint) for joint in report.series]
        sheet.heading("All joints", room=20)
        sheet.table(
            ("joint", "visits", "first width", "last width", "change, first to last"),
            [(row.name, row.visits, row.first, row.last, row.change) for row in rows],
            widths=(28, 13, 33, 33, 75),
            right=(1, 2, 3),
            bold=[row.sure for row in rows],
        )


def _facts(sheet: Sheet, facts: Mapping[str, str]) -> None:
    for name, value in facts.items():
        top = sheet.y
        sheet.words(name, colour=QUIET)
        below, sheet.y = sheet.y, top
        sheet.words(value, left=LEFT + 26, width=CONTENT - 26)
        sheet.y = max(below, sheet.y)


def _overviews(sheet: Sheet, overviews: Sequence[Overview]) -> None:
    width = (CONTENT - (OVERVIEWS - 1) * GAP) / OVERVIEWS
    tallest = max(width * each.picture.shape[0] / each.picture.shape[1] for each in overviews)
    sheet.room(tallest + 8)
    for number, overview in enumerate(overviews):
        left = LEFT + number * (width + GAP)
        axes = sheet.picture(overview.picture, left, sheet.y, width)
        for turn, (name, (row, column)) in enumerate(sorted(overview.joints.items())):
            x, y = ((at + 0.5) / overview.step - 0.5 for at in (column, row))
            # Neighbours' names are long: in turn above and below.
            above: dict[str, Any] = {"xytext": (0, 5), "va": "bottom"} if turn % 2 else {"xytext": (0, -5), "va": "top"}
            axes.plot(x, y, "o", markersize=6, markerfacecolor="none", markeredgecolor=ACCENT, markeredgewidth=0.9)
            axes.annotate(name, (x, y), textcoords="offset points", color="white", fontsize=5.5, ha="center", **above)
        caption = ", ".join(filter(None, (overview.side.capitalize(), day(overview.date) or overview.image)))
        sheet.at(caption, left, sheet.y + tallest + 1.5, size=7.5, colour=QUIET)
    sheet.y += tallest + 8


def _explained(sheet: Sheet, report: Report) -> None:
    if report.refused:
        sheet.heading("Not used", room=20)
        sheet.sentences(report.refused)
    sheet.heading("How to read this", room=60)
    for paragraph in HOW_TO_READ:
        sheet.words(paragraph, after=1)
    sheet.y += 2
    _facts(sheet, versions_of(report))


def _joint(sheet: Sheet, joint: JointSeries, pictures: Sequence[VisitPictures | None]) -> None:
    tallest = [_height(own) for own in pictures]
    plotted = any(visit.width for visit in joint.visits)
    # A joint that a page can hold is not torn.
    whole = 10 + sum(tallest) + (PLOTS if plotted else 0) + 6 * len(joint.changes) + 4.6 * len(warnings_of(joint))
    sheet.heading(joint_name(joint), room=whole if whole < BOTTOM - TOP else 14 + max([0.0, *tallest]))
    for visit, own, height in zip(joint.visits, pictures, tallest, strict=True):
        _visit(sheet, joint, visit, own, height)
    if plotted:
        sheet.room(PLOTS)
        half = (CONTENT - 22) / 2
        for number, draw in enumerate((over_time, across)):
            draw(sheet.axes(LEFT + 8 + number * (half + 14), sheet.y + 5, half, PLOTS - 14), joint)
        sheet.y += PLOTS
    if joint.changes:
        rows = [change_row(change, joint) for change in joint.changes]
        sheet.table(
            ("change between", "joint space", "reliability"),
            [(row.between, row.words, row.reliability) for row in rows],
            widths=(62, 98, 22),
            right=(2,),
            bold=[row.sure for row in rows],
        )
    sheet.sentences(warnings_of(joint))


def _height(own: VisitPictures | None) -> float:
    """Return the height of a visit's row, mm."""
    return 22.0 if own is None else max(22.0, PICTURE * own.original.shape[0] / own.original.shape[1]) + 6.5


def _visit(sheet: Sheet, joint: JointSeries, visit: Visit, own: VisitPictures | None, height: float) -> None:
    sheet.room(height)
    top, unit = sheet.y, unit_of(joint)
    sheet.words(visit_name(visit, joint), width=SAID, bold=True, after=1)
    if visit.refused:
        sheet.words(f"not measured: {visit.refused}", width=SAID - 4, colour=QUIET)
    else:
        sheet.words(f"width {width_words(visit, unit)}", width=SAID)
        sheet.words(f"minimum {minimum_words(visit, unit)}", width=SAID)
    if own is not None:
        shown = {"radiograph": own.original}
        if own.layers is not None:
            shown |= {"upper layer": own.layers[UPPER], "lower layer": own.layers[LOWER]}
        for number, (caption, levels) in enumerate(shown.items()):
            left = LEFT + SAID + number * (PICTURE + GAP)
            axes = sheet.picture(levels, left, top, PICTURE)
            if number == 0 and visit.width is not None:
                for line in (visit.width.upper_line, visit.width.lower_line):
                    axes.plot(*_points(line, own.origin), color=ACCENT, linewidth=0.7)
                axes.plot(*_points(visit.width.minimum_line, own.origin), color="white", linewidth=0.7)
            sheet.at(caption, left, top + height - 5.5, size=7, colour=QUIET)
    sheet.y = max(top + height, sheet.y + 2)


def _points(line: Sequence[tuple[float, float]], origin: tuple[int, int]) -> tuple[list[float], list[float]]:
    return [column - origin[1] for _, column in line], [row - origin[0] for row, _ in line]
