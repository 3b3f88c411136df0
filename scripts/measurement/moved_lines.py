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

"""Widths whose lines a reader has moved, and the changes that follow from them."""

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from scripts.errors import InputError
from scripts.measurement.joint_image import axis_of
from scripts.measurement.joint_series import Change, JointSeries, Point, Visit, Width

Line = tuple[Point, Point]
"""Ends on the phalanx and on the metacarpal head, row and column, px of the source image."""

BY_WIDTHS = "lines were moved by a reader: the change is that of the widths, not of the bones' displacements"

FARTHEST_PX = 200.0
"""How far an end may be moved, px."""


def move_lines(series: JointSeries, lines: Mapping[str, Line]) -> JointSeries:
    """Measure a joint anew with lines that a reader has moved.

    The phalanx' subchondral line and the outline of the metacarpal head follow the ends of the line of the smallest
    width, along the joint's axis; the mean width with them. Changes from or to such a visit become those of the widths.

    Args:
        series: as it was measured.
        lines: image of a visit -> the line of its smallest width, as it is now.

    Raises:
        InputError: a visit that is not there or has no width; ends that are far away, or on the wrong side.
    """
    images = [visit.image for visit in series.visits]
    for image in lines:
        if image not in images:
            raise InputError(f"lines: expected images of visits, got {image[:64]!r}")
    visits = [_moved(visit, lines[visit.image]) if visit.image in lines else visit for visit in series.visits]
    edited = {number for number, visit in enumerate(visits) if visit.image in lines}
    changes = [
        _by_widths(change, visits[change.first], visits[change.second])
        if edited & {change.first, change.second}
        else change
        for change in series.changes
    ]
    return replace(series, visits=tuple(visits), changes=tuple(changes))


def _moved(visit: Visit, line: Line) -> Visit:
    width = visit.width
    if width is None:
        raise InputError(f"lines: image {visit.image} has no width whose line could be moved")
    axis = axis_of(visit.angle)
    if any(math.dist(end, before) > FARTHEST_PX for end, before in zip(line, width.minimum_line, strict=True)):
        raise InputError(f"lines: expected ends within {FARTHEST_PX:g} px of where they were, got one farther away")
    up, down = (float(axis @ np.subtract(end, before)) for end, before in zip(line, width.minimum_line, strict=True))
    smallest = float(axis @ np.subtract(*line))
    wider = up - down
    if smallest < 0 and width.minimum >= 0:
        raise InputError("lines: expected the end on the phalanx above that on the metacarpal, got it below")
    moved = Width(
        mean=width.mean + wider,
        minimum=smallest,
        minimum_line=line,
        curve=tuple((place, size + wider) for place, size in width.curve),
        upper_line=tuple(_along(point, axis, up) for point in width.upper_line),
        lower_line=tuple(_along(point, axis, down) for point in width.lower_line),
        standard_error=width.standard_error,
        edited=True,
    )
    return replace(visit, width=moved)


def _by_widths(change: Change, first: Visit, second: Visit) -> Change:
    """Return the change of the mean widths, in px of the first visit."""
    if first.width is None or second.width is None:
        return change
    scale = (second.spacing or 1.0) / (first.spacing or 1.0) if first.spacing and second.spacing else 1.0
    px = second.width.mean * scale - first.width.mean
    error = math.hypot(second.width.standard_error * scale, first.width.standard_error)
    return Change(
        first=change.first,
        second=change.second,
        px=px,
        mm=first.mm(px) if second.spacing else None,
        standard_error=error,
        standard_error_mm=first.mm(error) if second.spacing else None,
        warnings=(BY_WIDTHS,),
    )


def _along(point: Point, axis: np.ndarray, far: float) -> Point:
    row, column = np.add(point, far * axis)
    return float(row), float(column)
