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

"""Two visits of a joint as pictures on one grid, aligned on the metacarpal, for the eye to compare."""

import base64
import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image
from scipy.ndimage import map_coordinates

from scripts.measurement.joint_image import GRID, JointImage
from scripts.measurement.joint_series import Point, Visit
from scripts.measurement.narrowing import bones_of
from scripts.measurement.registration import register
from scripts.physics import FIELD_MM, LOWER, UPPER
from serving.visit_joints import VisitJoint

SIDE = 384
"""Px of a picture's side: more than most joints have, so that a shift of half a pixel is seen."""


def compare(first: VisitJoint, second: VisitJoint, widths: Sequence[Visit]) -> dict[str, Any]:
    """Draw two visits of a joint on one grid: that of the second one, its axis upright.

    Args:
        first, second: the joint at the earlier and at the later visit.
        widths: both visits, measured: their lines are told on the same grid.

    Returns:
        For the client: ``side`` of the pictures and ``mm_per_px`` (None where no spacing is known); ``visits``, each
        with its ``image``, ``date``, the pictures ``original``, ``upper`` and ``lower`` as data URLs (PNG, 8 bits),
        ``lines`` (``upper``, ``lower``, ``minimum``: columns and rows of the grid) and ``to_image``, the affine from
        columns and rows of the grid to those of the source image.
    """
    upright = _Affine.about(second.image.centre, second.image.angle, GRID / SIDE)
    aligned = upright if first is second else _aligned(first.image, second.image).after(upright)
    visits = [
        _drawn(joint, measured, affine)
        for joint, measured, affine in zip((first, second), widths, (aligned, upright), strict=True)
    ]
    known = second.visit.spacing is not None
    return {"side": SIDE, "mm_per_px": FIELD_MM / SIDE if known else None, "visits": visits}


class _Affine:
    """Affine of points (row, column): ``matrix @ point + shift``."""

    def __init__(self, matrix: np.ndarray, shift: np.ndarray) -> None:
        self.matrix, self.shift = matrix, shift

    @classmethod
    def about(cls, centre: Point, angle: float, step: float) -> "_Affine":
        """Map the pictures' grid to the measuring one: its middle to a point, its columns along an axis that leans."""
        matrix = step * _rotation(angle)
        return cls(matrix, np.array(centre) - matrix @ np.full(2, (SIDE - 1) / 2))

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Map points (2, ...)."""
        shape = (2, *[1] * (points.ndim - 1))
        return np.tensordot(self.matrix, points, 1) + self.shift.reshape(shape)

    def after(self, first: "_Affine") -> "_Affine":
        """Return the affine that maps by another one first, then by this one."""
        return _Affine(self.matrix @ first.matrix, self.matrix @ first.shift + self.shift)

    @property
    def inverse(self) -> "_Affine":
        """The way back."""
        matrix = np.linalg.inv(self.matrix)
        return _Affine(matrix, -matrix @ self.shift)


def _rotation(degrees: float) -> np.ndarray:
    """Return the matrix that turns vectors (down, across) to the right, as a picture is seen."""
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return np.array([[cosine, sine], [-sine, cosine]])


def _aligned(first: JointImage, second: JointImage) -> _Affine:
    """Map points of the second visit's measuring grid to the first one's, as the metacarpal lies in both."""
    fixed, moving = bones_of(second), bones_of(first)
    upper = register(fixed[UPPER], moving[UPPER], turn=first.angle - second.angle)
    lower = register(fixed[LOWER], moving[LOWER], like=upper)
    matrix = _rotation(lower.turn)
    shift = np.array(first.centre) + lower.shift - matrix @ np.array(second.centre)
    return _Affine(matrix, shift)


def _to_source(joint: JointImage) -> _Affine:
    """Map points of the measuring grid to those of the source image, see :meth:`JointImage.source`."""
    return _Affine(np.eye(2) / joint.factor, np.array(joint.origin) + 0.5 / joint.factor - 0.5)


def _drawn(joint: VisitJoint, measured: Visit, affine: _Affine) -> dict[str, Any]:
    """Return the pictures and lines of one visit on the grid that an affine maps to its region."""
    to_source = _to_source(joint.image).after(affine)
    where = to_source(np.indices((SIDE, SIDE)).astype(np.float64))
    region = joint.region.region
    span, inside = region.white - region.black, where - np.reshape(joint.image.origin, (2, 1, 1))
    pictures = {
        "original": _sampled(joint.levels, where),
        "upper": _sampled(joint.region.layers[UPPER].numpy(), inside),
        "lower": _sampled(joint.region.layers[LOWER].numpy(), inside),
    }
    # Columns before rows, as pictures have them.
    rows = zip(to_source.matrix[::-1, ::-1], to_source.shift[::-1], strict=True)
    return {
        "image": measured.image,
        "date": measured.date,
        **{name: _png((levels - region.black) / span) for name, levels in pictures.items()},
        "lines": {name: _on_grid(line, to_source.inverse) for name, line in _lines(measured).items()},
        "to_image": [[*(float(value) for value in row), float(at)] for row, at in rows],
    }


def _lines(measured: Visit) -> dict[str, Sequence[Point]]:
    width = measured.width
    if width is None:
        return {}
    return {"upper": width.upper_line, "lower": width.lower_line, "minimum": width.minimum_line}


def _on_grid(line: Sequence[Point], back: _Affine) -> list[list[float]]:
    """Return points of the source image as columns and rows of the grid."""
    rows, columns = back(np.array(line).T)
    return [[round(float(column), 2), round(float(row), 2)] for row, column in zip(rows, columns, strict=True)]


def _sampled(levels: np.ndarray, where: np.ndarray) -> np.ndarray:
    return np.asarray(map_coordinates(levels.astype(np.float32), where, order=1, mode="constant", cval=0.0))


def _png(gray: np.ndarray) -> str:
    file = io.BytesIO()
    Image.fromarray(np.rint(gray.clip(0, 1) * 255).astype(np.uint8)).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
