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


"""Report as one HTML page that asks nothing of a network and can be printed."""

import base64
import hashlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, select_autoescape
from markupsafe import Markup
from PIL import Image

from scripts.measurement.joint_series import JointSeries, Point
from scripts.measurement.report import NOTICE, TITLE, Overview, Report, VisitPictures
from scripts.measurement.report_plots import as_svg
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

HERE = Path(__file__).parent


def report_page(report: Report) -> str:
    """Return the page of a report."""
    style = Markup((HERE / "report.css").read_text())
    environment = Environment(loader=FileSystemLoader(HERE), autoescape=select_autoescape(), trim_blocks=True)
    style_hash = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return environment.get_template("report.html").render(
        title=TITLE,
        notice=NOTICE,
        style=style,
        policy=f"default-src 'none'; img-src data:; style-src 'sha256-{style_hash}'",
        facts=facts_of(report),
        versions=versions_of(report),
        overviews=[overview_part(overview) for overview in report.overviews],
        rows=[joint_row(joint) for joint in report.series],
        joints=[joint_part(joint, own) for joint, own in zip(report.series, report.pictures, strict=True)],
        refused=report.refused,
        how_to_read=HOW_TO_READ,
    )


def overview_part(overview: Overview) -> dict[str, Any]:
    """Return what the template shows of a radiograph."""
    rows, columns = overview.picture.shape
    radius, letters = columns / 22, columns / 20
    joints = [
        {
            "name": name,
            "x": (column + 0.5) / overview.step,
            "y": (row + 0.5) / overview.step,
            # Neighbours' names are long: in turn above and below.
            "name_y": (row + 0.5) / overview.step + (-1.4 * radius if number % 2 else 1.4 * radius + 0.75 * letters),
        }
        for number, (name, (row, column)) in enumerate(sorted(overview.joints.items()))
    ]
    caption = ", ".join(filter(None, (overview.side.capitalize(), day(overview.date) or overview.image)))
    return {
        "caption": caption,
        "picture": data_uri(overview.picture),
        "width": columns,
        "height": rows,
        "joints": joints,
        "radius": radius,
        "letters": letters,
    }


def joint_part(joint: JointSeries, pictures: Sequence[VisitPictures | None]) -> dict[str, Any]:
    """Return what the template shows of a joint."""
    unit = unit_of(joint)
    visits = []
    for visit, own in zip(joint.visits, pictures, strict=True):
        width = visit.width
        lines = [] if width is None or own is None else [width.upper_line, width.lower_line]
        shortest = [] if width is None or own is None else [width.minimum_line]
        visits.append(
            {
                "name": visit_name(visit, joint),
                "width": width_words(visit, unit),
                "minimum": minimum_words(visit, unit),
                "refused": visit.refused,
                "pictures": [] if own is None else pictures_part(own),
                "lines": [points(line, own.origin) for line in lines if own is not None],
                "shortest": [points(line, own.origin) for line in shortest if own is not None],
            }
        )
    plots = data_uri_of(as_svg(joint).encode(), "image/svg+xml") if any(visit.width for visit in joint.visits) else ""
    return {
        "name": joint_name(joint),
        "visits": visits,
        "plots": plots,
        "changes": [change_row(change, joint) for change in joint.changes],
        "warnings": warnings_of(joint),
    }


def pictures_part(own: VisitPictures) -> list[dict[str, Any]]:
    """Return the pictures of a visit: the original, and the layers if there are any."""
    shown = {"radiograph": own.original}
    if own.layers is not None:
        shown |= {"upper layer": own.layers[UPPER], "lower layer": own.layers[LOWER]}
    return [
        {"caption": caption, "picture": data_uri(levels), "width": levels.shape[1], "height": levels.shape[0]}
        for caption, levels in shown.items()
    ]


def points(line: Sequence[Point], origin: tuple[int, int]) -> str:
    """Return a line of the radiograph as the points of an SVG polyline in its region."""
    return " ".join(f"{column - origin[1] + 0.5:.2f},{row - origin[0] + 0.5:.2f}" for row, column in line)


def data_uri(levels: np.ndarray) -> str:
    """Return a picture, uint8, as an address that holds it."""
    stream = io.BytesIO()
    Image.fromarray(levels).save(stream, "PNG", optimize=True)
    return data_uri_of(stream.getvalue(), "image/png")


def data_uri_of(content: bytes, kind: str) -> str:
    """Return content as an address that holds it."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
