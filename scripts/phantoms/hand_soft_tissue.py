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

"""Soft tissue of a hand as a formula: fingers as tapering rods, palm and forearm as slabs with rounded edges."""

from itertools import pairwise

import numpy as np
from numpy.random import Generator
from scipy.interpolate import CubicSpline
from scipy.ndimage import distance_transform_edt, gaussian_filter
from scipy.special import logsumexp, softmax

from scripts.phantoms.hand_skeleton import Skeleton
from scripts.phantoms.joint import filled
from scripts.phantoms.joint_anatomy import Array, Textures, look, smooth_step

STEP_MM = 0.5
"""Grid on which the distance from the skin is computed; values between the grid's points are interpolated."""
MELT_MM = 1.6
"""Size of the fillet where two fingers meet."""
BLEND_MM = 3.0
"""Way over which the thickness of one part goes over into that of the next."""

# fmt: off
# Radii of the fingers, in mm, at the joints of scripts.phantoms.hand_skeleton.RAYS from the second on; the last one
# is the tip's.
RADII = {1: (12.5, 11.0, 8.0), 2: (10.5, 9.9, 8.4, 6.9), 3: (10.5, 10.0, 8.6, 7.1), 4: (10.2, 9.4, 8.1, 6.8),
         5: (9.8, 8.4, 7.2, 6.0)}
# The palm's skin, through which a closed curve is laid, in mm.
PALM = [(-29, 40), (-29.5, 22), (-34, 8), (-43, -9), (-55, -27), (-50, -45), (-42, -47), (-35.5, -58), (-33.5, -72),
        (-30, -84), (-20, -88), (-10, -90), (0, -92), (11, -91), (21, -85), (33, -80), (42, -72), (52, -66),
        (54.5, -54), (52.5, -38), (47, -16), (39, 8), (32.5, 26), (31, 40), (31, 60), (33, 120), (33, 240), (-34, 240),
        (-34, 120), (-30, 60)]
# fmt: on


def inside_skin(skeleton: Skeleton, x: Array, y: Array) -> Array:
    """Return the hand's silhouette and its thickness, on a grid of points.

    Args:
        skeleton: the bones that the soft tissue is laid around.
        x: (W,) columns in mm, evenly spaced.
        y: (H,) rows in mm, spaced nearly alike.

    Returns:
        (3, H, W): distance from the skin in mm, positive inside; distance at which the tissue has its full thickness,
        in mm; attenuation of the full thickness.
    """
    across, down = np.meshgrid(x, y)
    # The hand grows thicker towards the wrist; the thumb's ball is thickest.
    ball = np.exp(-np.square((across + 32) / 16) - np.square((down + 12) / 22))
    thick = 0.22 + 0.17 * smooth_step(down, -70, 15) + 0.06 * ball
    parts = [(_palm(x, y), np.full(across.shape, 11.0), thick)]
    for ray, joints in skeleton.rays.items():
        tip = joints[-1] + 0.12 * (joints[-2] - joints[-1])
        chain = list(zip([*joints[1:-1], tip], RADII[ray], strict=True))
        for (start, broad), (end, narrow) in pairwise(chain):
            way, from_start = end - start, np.stack([across, down], axis=-1) - start
            share = (from_start @ way / (way @ way)).clip(0.0, 1.0)
            radius = broad + (narrow - broad) * share
            away = np.hypot(*np.moveaxis(from_start - share[..., None] * way, -1, 0))
            parts.append((radius - away, radius, 0.1 + 0.0115 * radius))
    inside, *sizes = (np.stack(values) for values in zip(*parts, strict=True))
    weights = softmax(inside / BLEND_MM, axis=0)
    return np.stack(
        [MELT_MM * logsumexp(inside / MELT_MM, axis=0) - 0.5, *((weights * size).sum(axis=0) for size in sizes)]
    )


def _palm(x: Array, y: Array) -> Array:
    """Return the distance from the palm's skin in mm, positive inside, (H, W)."""
    step = (x[-1] - x[0]) / (len(x) - 1)
    closed = np.array([*PALM, PALM[0]], float)
    way = np.append(0.0, np.hypot(*np.diff(closed, axis=0).T).cumsum())
    curve = CubicSpline(way, closed, bc_type="periodic")(np.linspace(0, way[-1], 800))
    # A border around the grid, so that the skin does not follow the end of the grid.
    pad = round(12 / step)
    shape = (len(y) + 2 * pad, len(x) + 2 * pad)
    mask = filled((curve - [x[0], y[0]]) / step + pad, shape)
    signed = distance_transform_edt(mask) - distance_transform_edt(~mask)
    return gaussian_filter(signed, 1.0 / step)[pad:-pad, pad:-pad] * step


def tissue(skin: Array, points: Array, person: Generator, texture: Textures) -> Array:
    """Return the attenuation of a hand without its bones, in front of air.

    Args:
        skin: (3, H, W), see :func:`inside_skin`.
        points: (2, H, W), x, y in mm.
        person: decides the air's brightness.
        texture: decides where fat and muscle lie.
    """
    inside, radius, full = skin
    thickness = np.sqrt(1 - np.square(1 - (inside / radius).clip(0.0, 1.0)))
    fat = 0.045 * look(texture.density, *(5.0 * points)) * smooth_step(inside, 1.0, 5.0)
    # Under the skin lies fat, which is darker than the tissue below it.
    under = 0.1 * np.exp(-np.square((inside - 3.0) / 1.3))
    edge = 0.03 * np.exp(-np.square((inside - 0.5) / 0.4)) * (inside > 0)
    return person.uniform(0.06, 0.085) + full * thickness * (1 + fat - under) + edge
