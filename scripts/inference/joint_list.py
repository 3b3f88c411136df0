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

"""Joint lists: rows of a CSV or JSON file or of the command line, and the joints located on an image's own grid."""

import csv
import io
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scripts.errors import InputError
from scripts.physics import FIELD_MM, SMALLEST_SIDE

NEAREST_MM = 5.0
"""Centres of two joints are further apart than this."""

FILES = ("joints.csv", "joints.json")
"""Where joints are looked for in a folder of images, if nothing else is said."""

COLUMNS = ("image", "joint", "x", "y", "left", "top", "right", "bottom", "unit", "angle", "segmentation")
"""Columns of a CSV and keys of a JSON row: a joint is a point ``x``, ``y`` or a box ``left`` to ``bottom``."""

POINT, BOX = ("x", "y"), ("left", "top", "right", "bottom")

_NAME = re.compile(r"[A-Za-z0-9_-]{1,32}")


@dataclass(frozen=True)
class JointRow:
    """One joint, as it was asked for.

    Attributes:
        where: file and row, for refusals.
        image: file name, path in the folder, or SOP Instance UID of the image; empty: of the only image.
        name: of the joint; empty: by its number.
        numbers: x, y, or left, top, right, bottom, from the upper left corner of the image.
        unit: ``"px"`` or ``"mm"``.
        segmentation: file with masks for this image, beside the list; empty: masks are predicted.
        angle: degrees by which the joint's axis, from its lower bone to its upper one, leans to the right, -90..90;
            None: as the bones show it.
        confidence: 0..1, of one that was found; None: somebody has asked for it.
    """

    where: str
    image: str
    name: str
    numbers: tuple[float, ...]
    unit: str
    segmentation: str
    angle: float | None = None
    confidence: float | None = None


@dataclass(frozen=True)
class LocatedJoint:
    """One joint on the grid of its image.

    Attributes:
        name: of the joint.
        box: top, left, bottom, right, px; bottom and right are the first outside.
        centre: row and column of its middle, px; what lies nearer to another joint's centre belongs to that one.
        angle: as in :class:`JointRow`.
        confidence: as in :class:`JointRow`.
    """

    name: str
    box: tuple[int, int, int, int]
    centre: tuple[float, float]
    angle: float | None = None
    confidence: float | None = None


def read_joints(joints: str | Path | Sequence[Any] | None, folder: Path) -> list[JointRow]:
    """Read the list of joints.

    Args:
        joints: a CSV or JSON file; or rows: ``[[x, y], ...]`` or mappings with the keys of :data:`COLUMNS`, as JSON
            text too; nothing: the first of :data:`FILES` in ``folder``, if one is there.
        folder: of the images.

    Returns:
        The rows, in order; none if there is no list.

    Raises:
        InputError: no such file, not CSV or JSON, an unknown column, a row without a point or a box, numbers that
            are none, a unit other than px and mm, an angle out of range, a name that cannot be a file's.
    """
    if joints is None or joints == "":
        found = next((folder / name for name in FILES if (folder / name).is_file()), None)
        return [] if found is None else _read_file(found)
    if isinstance(joints, (str, Path)):
        text = str(joints).strip()
        if text.startswith(("[", "{")):
            return _rows(_json(text, "joints"), "joints")
        return _read_file(Path(joints))
    return _rows(list(joints), "joints")


def select_rows(rows: Sequence[JointRow], image: str, uid: str = "") -> list[JointRow]:
    """Return the rows of one image.

    Args:
        rows: of :func:`read_joints`.
        image: path of the image in its folder, with ``/``.
        uid: its SOP Instance UID.
    """
    names = {"", image, image.rsplit("/", 1)[-1], uid}
    return [row for row in rows if row.image in names]


def check_images(rows: Sequence[JointRow], images: Sequence[str]) -> None:
    """Refuse rows that cannot be of one of the images.

    Args:
        rows: of :func:`read_joints`.
        images: paths in the folder, with ``/``.

    Raises:
        InputError: a row names no image although there are several, or one that is not there, or one of two.
    """
    names = [image.rsplit("/", 1)[-1] for image in images]
    for row in rows:
        if not row.image and len(images) > 1:
            raise InputError(f"{row.where}: names no image, and there are {len(images)}")
        if row.image in images or not row.image or re.fullmatch(r"[0-9]+(\.[0-9]+)+", row.image):
            continue
        if (count := names.count(row.image)) != 1:
            how = "is not there" if count == 0 else f"is there {count} times: name its folder too"
            raise InputError(f"{row.where}: image {row.image} {how}")


def distance_mm(points: Any, centre: tuple[float, float], spacing: tuple[float, float]) -> np.ndarray:
    """Return the distance of points from a centre.

    Args:
        points: rows and columns, px: a pair of numbers or of arrays.
        centre: row and column, px.
        spacing: mm a px, down and across.

    Returns:
        mm, of the shape of the rows.
    """
    return np.hypot((points[0] - centre[0]) * spacing[0], (points[1] - centre[1]) * spacing[1])


def locate(
    rows: Sequence[JointRow], *, size: tuple[int, int], spacing: tuple[float, float], field_mm: float = FIELD_MM
) -> list[LocatedJoint]:
    """Locate the region of each joint: a square of ``field_mm`` around a point, or the box that is given.

    A region ends where the image ends.

    Args:
        rows: of one image.
        size: its rows and columns.
        spacing: mm a px, down and across.
        field_mm: side of the region around a point, mm.

    Raises:
        InputError: a point or a box outside the image, a region of less than 64 px a side, two joints of one name,
            two joints that are one.
        ValueError: ``field_mm`` is not 5 to 100.
    """
    if not 5 <= field_mm <= 100:
        raise ValueError(f"field_mm: expected 5 to 100, got {field_mm}")
    located: list[LocatedJoint] = []
    for number, row in enumerate(rows, 1):
        name = row.name or f"joint{number}"
        across, down = (1.0, 1.0) if row.unit == "px" else (spacing[1], spacing[0])
        if len(row.numbers) == len(POINT):
            column, line = row.numbers[0] / across, row.numbers[1] / down
            if not (0 <= line < size[0] and 0 <= column < size[1]):
                raise InputError(f"{row.where}: {name} at {_at(row)} lies outside the image, {_size(size)}")
            half = field_mm / spacing[0] / 2, field_mm / spacing[1] / 2
            edges = (line - half[0], column - half[1], line + half[0], column + half[1])
        else:
            left, top, right, bottom = (value / by for value, by in zip(row.numbers, (across, down) * 2, strict=True))
            if not (0 <= left < right <= size[1] and 0 <= top < bottom <= size[0]):
                raise InputError(f"{row.where}: the box {_at(row)} of {name} is no box in the image, {_size(size)}")
            edges = (top, left, bottom, right)
            line, column = (top + bottom) / 2, (left + right) / 2
        top_row, left_column = (max(0, round(edge)) for edge in edges[:2])
        bottom_row, right_column = (min(round(edge), side) for edge, side in zip(edges[2:], size, strict=True))
        height, width = bottom_row - top_row, right_column - left_column
        if min(height, width) < SMALLEST_SIDE:
            raise InputError(
                f"{row.where}: expected a region of at least {SMALLEST_SIDE} px a side, got {height} rows x "
                f"{width} columns for {name}"
            )
        box = (top_row, left_column, bottom_row, right_column)
        joint = LocatedJoint(name, box, (line, column), row.angle, row.confidence)
        for other in located:
            if other.name == name:
                raise InputError(f"{row.where}: {name} is the name of two joints of one image")
            apart = distance_mm(joint.centre, other.centre, spacing)
            if apart < NEAREST_MM:
                raise InputError(f"{row.where}: {name} lies {apart:.1f} mm from {other.name}, one joint is asked twice")
        located.append(joint)
    return located


def _read_file(path: Path) -> list[JointRow]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise InputError(f"joints {path}: cannot be read ({why})") from error
    if path.suffix.lower() == ".json":
        return _rows(_json(text, path.name), path.name)
    lines = list(csv.DictReader(io.StringIO(text)))
    for number, line in enumerate(lines, 2):
        if None in line or None in line.values():
            raise InputError(f"{path.name}, line {number}: has not as many values as there are columns")
    return _rows(lines, path.name, first=2, unit="line")


def _json(text: str, where: str) -> list[Any]:
    try:
        rows = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{where}: not JSON ({error.msg}, line {error.lineno})") from error
    if isinstance(rows, Mapping):
        rows = [rows]
    if not isinstance(rows, list):
        raise InputError(f"{where}: expected a list of joints, got one value")
    return rows


def _rows(rows: Sequence[Any], where: str, first: int = 1, unit: str = "row") -> list[JointRow]:
    if not rows:
        raise InputError(f"{where}: names no joint")
    if len(rows) == len(POINT) and all(isinstance(value, (int, float)) for value in rows):
        rows = [rows]
    return [_row(row, f"{where}, {unit} {number}") for number, row in enumerate(rows, first)]


def _row(row: Any, where: str) -> JointRow:
    if isinstance(row, Sequence) and not isinstance(row, str) and len(row) in (len(POINT), len(BOX)):
        row = dict(zip(POINT if len(row) == len(POINT) else BOX, row, strict=True))
    if not isinstance(row, Mapping):
        raise InputError(f"{where}: expected {', '.join(POINT)} or {', '.join(BOX)}, got other values")
    given = {str(key).strip(): value for key, value in row.items() if value is not None and str(value).strip() != ""}
    unknown = sorted(set(given) - set(COLUMNS))
    if unknown:
        raise InputError(f"{where}: expected one of {', '.join(COLUMNS)}, got {unknown[0]}")
    keys = POINT if set(POINT) <= set(given) else BOX
    if not set(keys) <= set(given) or (set(given) & set(POINT) and set(given) & set(BOX)):
        raise InputError(
            f"{where}: expected either {', '.join(POINT)} or {', '.join(BOX)}, got {', '.join(given) or 'nothing'}"
        )
    name, length = str(given.get("joint", "")).strip(), str(given.get("unit", "px")).strip()
    if name and not _NAME.fullmatch(name):
        raise InputError(f"{where}: joint: expected up to 32 letters, digits, - and _, got {name!r}")
    if length not in ("px", "mm"):
        raise InputError(f"{where}: unit: expected px or mm, got {length!r}")
    return JointRow(
        where=where,
        image=str(given.get("image", "")).strip().replace("\\", "/"),
        name=name,
        numbers=tuple(_number(given[key], f"{where}: {key}") for key in keys),
        unit=length,
        segmentation=str(given.get("segmentation", "")).strip(),
        angle=_angle(given["angle"], where) if "angle" in given else None,
    )


def _number(value: Any, what: str) -> float:
    try:
        parsed = float(value)
    except (TypeError, ValueError):
        parsed = math.nan
    if not math.isfinite(parsed) or isinstance(value, bool):
        raise InputError(f"{what}: expected a number, got {value!r}")
    return parsed


def _angle(value: Any, where: str) -> float:
    angle = _number(value, f"{where}: angle")
    if abs(angle) > 90:
        raise InputError(f"{where}: angle: expected -90 to 90 degrees, got {angle:g}")
    return angle


def _at(row: JointRow) -> str:
    return ", ".join(f"{number:g}" for number in row.numbers) + f" {row.unit}"


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]} rows x {size[1]} columns"
