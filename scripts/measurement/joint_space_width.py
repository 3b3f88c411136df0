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

"""Joint space width at one visit: from the phalanx' subchondral line to the outline of the metacarpal head."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, gaussian_filter1d, map_coordinates

from scripts.errors import InputError
from scripts.measurement.joint_image import JointImage, facing_point
from scripts.measurement.joint_series import Point, Width
from scripts.physics import LOWER, UPPER

SIGMA = 1.5
"""Gaussian before edges are sought, px."""

REACH = {UPPER: (-4.0, 26.0), LOWER: (-6.0, 6.0)}
"""Where a bone's edge is sought: px beyond and within its mask. The subchondral line lies within the projected rim."""

WIDTHS = (-2.0, 45.0)
"""Widths at which the subchondral line is sought above the head's outline, px; it is nowhere far below it."""

GHOST = (2.0, 6.0)
"""Widths, px, between which a line in the phalanx' layer begins to count: nearer, it is what the head left there."""

ALONG = 4.0
"""Gaussian, columns, along the subchondral plate."""

LOST = 0.2
"""Share of the columns in which the phalanx may reach so far beyond the head's outline that its plate is not above."""

PLATE, BEFORE = 9.0, 6.0
"""Gaussian, px, against which the subchondral plate is bright; and how far before its middle its edge is sought."""

SPAN = 0.6
"""Share of the columns in which bones face each other that are measured, the middle ones: not the lips."""

STEP = 0.5
"""Px between two samples along the axis."""

CENTRAL = 0.7
"""Share of the measured columns, the middle ones, over which the width is averaged."""

JUMP, WITHIN = 5.5, 6
"""Px by which the width may change within so many columns: a line that jumps more goes over to another edge."""

SYSTEMATIC = 0.35
"""Px by which the mean width differs with the masks that it is looked for along, one standard deviation."""


@dataclass(frozen=True)
class _Frame:
    """Coordinates of a joint: up its axis and to the right of it, px from its middle."""

    joint: JointImage
    centre: Point

    def points(self, up: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Return rows and columns (2, ...) of the region."""
        shape = (2, *[1] * up.ndim)
        return np.asarray(
            np.reshape(self.centre, shape)
            + self.joint.axis.reshape(shape) * up
            + self.joint.across.reshape(shape) * right
        )

    def source(self, up: float, right: float) -> Point:
        """Return a point of the source image."""
        row, column = self.points(np.array(up), np.array(right))
        return self.joint.source((float(row), float(column)))


def joint_space_width(joint: JointImage) -> Width:
    """Measure the width along the axis, in columns across the joint.

    From the outline of the metacarpal head, the steepest slope near its mask's edge, to the edge of the phalanx'
    subchondral plate above it. Each is the cheapest path through all columns, then the slope's peak between samples.

    Raises:
        InputError: the bones do not face each other in the region; the phalanx lies before the head; a line jumps from
            one edge to another.
    """
    if not joint.masks.any(axis=(1, 2)).all():
        raise InputError("joint space width: expected two bones, got one")
    frame = _Frame(joint, facing_point(joint.masks, joint.axis))
    up, right = _grid(joint)
    edges = {bone: _mask_edge(joint.masks[bone], frame, up, right, bone) for bone in (LOWER, UPPER)}
    both = np.isfinite(edges[LOWER]) & np.isfinite(edges[UPPER])
    if both.sum() < 16:
        raise InputError(f"joint space width: expected bones that face each other over 16 px, got {both.sum()}")
    run = _longest(both)
    cut = round((run.stop - run.start) * (1 - SPAN) / 2)
    run = slice(run.start + cut, run.stop - cut)
    right = right[run]
    head = _head_line(joint.layers[LOWER], frame, edges[LOWER][run], right)
    plate = _plate_line(joint.layers[UPPER], frame, edges[UPPER][run], head, right)
    width = (plate - head)[_central(len(right))]
    jump = float(np.abs(width[WITHIN:] - width[:-WITHIN]).max(initial=0.0))
    if jump > JUMP:
        raise InputError(
            f"joint space width: expected lines that are smooth, got one that jumps by {jump:.0f} px within {WITHIN}"
        )
    return _width(frame, right, plate, head)


def _grid(joint: JointImage) -> tuple[np.ndarray, np.ndarray]:
    half = min(joint.masks.shape[1:]) / 2
    return np.arange(-0.5 * half, 0.5 * half, STEP), np.arange(-0.6 * half, 0.6 * half + 1)


def _central(columns: int) -> slice:
    """Return the columns over which the width is averaged."""
    cut = round(columns * (1 - CENTRAL) / 2)
    return slice(cut, columns - cut)


def _longest(flags: np.ndarray) -> slice:
    """Return the longest run of flags."""
    ends = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(int), [0]])))
    runs = ends.reshape(-1, 2)
    start, stop = runs[(runs[:, 1] - runs[:, 0]).argmax()]
    return slice(int(start), int(stop))


def _mask_edge(mask: np.ndarray, frame: _Frame, up: np.ndarray, right: np.ndarray, bone: int) -> np.ndarray:
    """Return how far up the axis a mask's facing edge lies in each column; NaN where there is none."""
    where = frame.points(*np.meshgrid(up, right, indexing="ij"))
    inside = map_coordinates(mask.astype(np.float32), where, order=1, mode="constant") > 0.5
    order = up if bone == UPPER else up[::-1]
    inside = inside if bone == UPPER else inside[::-1]
    edge = np.where(inside.any(axis=0), order[inside.argmax(axis=0)], np.nan)
    # A bone that fills the column from its very end has no edge there.
    return np.where(edge == order[0], np.nan, edge)


def _head_line(layer: np.ndarray, frame: _Frame, edge: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return how far up the axis the head's outline lies in each column: its steepest slope near the mask's edge."""
    beyond, within = REACH[LOWER]
    start = gaussian_filter1d(edge, 2.0, mode="nearest")
    up = start[None] - np.arange(beyond, within + STEP, STEP)[:, None]
    slope = -_slope(layer, frame, up, right)
    return _between(up, slope, _path(_cost(slope)))


def _plate_line(layer: np.ndarray, frame: _Frame, edge: np.ndarray, head: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return how far up the axis the phalanx' subchondral line lies in each column.

    It is the edge of the subchondral plate, the brightest line behind the bone's base: the projected rim before it, a
    lip of the bone, does not bear on the joint. Both surfaces of a joint are alike, so that the width changes little
    from column to column: the path is one through widths, and none lies within the head.
    """
    (narrowest, widest), (none, full) = WIDTHS, GHOST
    up = head[None] + np.arange(narrowest, widest + STEP, STEP)[:, None]
    beyond, within = (gaussian_filter1d(edge, 2.0, mode="nearest") + reach for reach in REACH[UPPER])
    bright = gaussian_filter(layer, SIGMA)
    plate = (bright - gaussian_filter(layer, PLATE)).clip(min=0.0) * (bright - bright.min())
    ridge = gaussian_filter1d(map_coordinates(plate, frame.points(up, _beside(right, up)), order=1), ALONG, axis=1)
    counts = np.where((up >= beyond) & (up <= within), np.clip((up - head - none) / (full - none), 0.0, 1.0), 0.0)
    if (counts.max(axis=0) > 0).mean() < 1 - LOST:
        raise InputError("joint space width: expected a phalanx above the head, got one that lies before it")
    middle = _path(_cost(ridge * counts))
    before = np.abs(np.arange(len(up))[:, None] - (middle - BEFORE / STEP / 2)) <= BEFORE / STEP / 2
    slope = np.where(before, _slope(layer, frame, up, right), 0.0)
    return _between(up, slope, _path(_cost(slope)))


def _beside(right: np.ndarray, up: np.ndarray) -> np.ndarray:
    return np.broadcast_to(right, up.shape)


def _slope(layer: np.ndarray, frame: _Frame, up: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return the slope of a layer up the axis, smoothed across it."""
    where = frame.points(up, _beside(right, up))
    down, across = (
        map_coordinates(gaussian_filter(layer, SIGMA, order=order, mode="nearest"), where, order=3)
        for order in ((1, 0), (0, 1))
    )
    axis = frame.joint.axis
    return np.asarray(gaussian_filter1d(axis[0] * down + axis[1] * across, 1.5, axis=1))


def _between(up: np.ndarray, slope: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the place of the peak of the slope near a path, between samples, smoothed."""
    rows, columns = np.clip(rows, 1, len(up) - 2), np.arange(up.shape[1])
    before, at, after = (slope[rows + offset, columns] for offset in (-1, 0, 1))
    bend = before - 2 * at + after
    shift = np.where(bend < 0, np.clip(0.5 * (before - after) / np.where(bend == 0, 1, bend), -1, 1), 0.0)
    return np.asarray(gaussian_filter1d(up[rows, columns] + shift * (up[1] - up[0]), 1.5, mode="nearest"))


def _cost(wanted: np.ndarray) -> np.ndarray:
    """Return the cost of a path that looks for large values."""
    return np.asarray(1.0 / (0.05 + np.maximum(wanted, 0.0) / max(1e-9, float(np.quantile(wanted, 0.98)))))


def _path(cost: np.ndarray, smoothness: float = 0.6) -> np.ndarray:
    """Return the row of each column on the cheapest path from the left to the right, at most two rows a column."""
    rows, columns = cost.shape
    total, back = cost[:, 0].copy(), np.zeros(cost.shape, int)
    steps = np.arange(-2, 3)
    for column in range(1, columns):
        padded = np.pad(total, 2, constant_values=np.inf)
        options = np.stack([padded[2 + step : 2 + step + rows] + smoothness * abs(step) for step in steps])
        best = options.argmin(axis=0)
        back[:, column] = np.arange(rows) + steps[best]
        total = options[best, np.arange(rows)] + cost[:, column]
    path = np.zeros(columns, int)
    path[-1] = total.argmin()
    for column in range(columns - 1, 0, -1):
        path[column - 1] = back[path[column], column]
    return path


def _width(frame: _Frame, right: np.ndarray, upper: np.ndarray, lower: np.ndarray) -> Width:
    width, central = upper - lower, _central(len(right))
    least = central.start + int(width[central].argmin())
    trend = np.polyval(np.polyfit(right[central], width[central], 2), right[central])
    rough = float((width[central] - trend).std()) / math.sqrt(max(1.0, len(trend) / 8))
    # Px of the source image, as all lengths of a visit.
    px = 1.0 / frame.joint.factor
    return Width(
        mean=px * float(width[central].mean()),
        minimum=px * float(width[least]),
        minimum_line=(frame.source(upper[least], right[least]), frame.source(lower[least], right[least])),
        curve=[(px * float(place), px * float(each)) for place, each in zip(right, width, strict=True)],
        upper_line=[frame.source(a, b) for a, b in zip(upper, right, strict=True)],
        lower_line=[frame.source(a, b) for a, b in zip(lower, right, strict=True)],
        standard_error=px * math.hypot(rough, SYSTEMATIC),
    )
