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

"""The soft tissue of a hand as a formula: fingers as tapering rods, palm and forearm as slabs with rounded edges."""

import numpy as np
from numpy.random import Generator
from scipy.interpolate import CubicSpline
from scipy.ndimage import distance_transform_edt, gaussian_filter
from skimage.draw import polygon2mask

from scripts.anatomy import Array, Textures, look, smooth_step
from scripts.skeleton import Skeleton

STEP_MM = 0.5
"""Grid on which the distance from the skin is worked out; it is smooth, and read between the grid's points."""
MELT = 1.6
"""Width of the fillet where two fingers meet, in mm."""

# fmt: off
# Radii of the fingers, in mm, at the joints of scripts.skeleton.RAYS from the second on; the last one is the tip's.
RADII = {1: (12.5, 11.0, 8.0), 2: (10.5, 9.9, 8.4, 6.9), 3: (10.5, 10.0, 8.6, 7.1), 4: (10.2, 9.4, 8.1, 6.8),
         5: (9.8, 8.4, 7.2, 6.0)}
# The palm's skin, through which a closed curve is laid, in mm.
PALM = [(-29, 40), (-29.5, 22), (-34, 8), (-43, -9), (-55, -27), (-50, -45), (-42, -47), (-35.5, -58), (-33.5, -72),
        (-30, -84), (-20, -88), (-10, -90), (0, -92), (11, -91), (21, -85), (33, -80), (42, -72), (52, -66), (54.5, -54),
        (52.5, -38), (47, -16), (39, 8), (32.5, 26), (31, 40), (31, 60), (33, 120), (33, 240), (-34, 240), (-34, 120),
        (-30, 60)]
# fmt: on


def inside_skin(skeleton: Skeleton, x: Array, y: Array) -> tuple[Array, Array, Array]:
    """The hand's silhouette on a grid of points.

    Args:
        skeleton: the bones that the soft tissue is laid around.
        x: (W,) columns in mm, evenly spaced.
        y: (H,) rows in mm, spaced alike.

    Returns:
        Distance from the skin in mm, positive inside; distance at which the tissue has its full thickness, in mm;
        attenuation of the full thickness; each (H, W).
    """
    across, down = np.meshgrid(x, y)
    step = x[1] - x[0]
    distances, radii, full = [_palm(x, y, step)], [np.full(across.shape, 11.0)], []
    # The hand grows thicker towards the wrist; the thumb's ball is thickest.
    ball = np.exp(-np.square((across + 32) / 16) - np.square((down + 12) / 22))
    full.append(0.3 + 0.13 * smooth_step(down, -70, 15) + 0.05 * ball)
    for ray, points in skeleton.rays.items():
        tip = points[-1] + (points[-2] - points[-1]) * 0.12
        chain = [*points[1:-1], tip]
        for (start, r0), (end, r1) in zip(
            zip(chain[:-1], RADII[ray][:-1], strict=True), zip(chain[1:], RADII[ray][1:], strict=True), strict=True
        ):
            along = ((across - start[0]) * (end - start)[0] + (down - start[1]) * (end - start)[1]) / np.square(
                end - start
            ).sum()
            along = along.clip(0, 1)
            radius = r0 + (r1 - r0) * along
            away = np.hypot(across - start[0] - along * (end - start)[0], down - start[1] - along * (end - start)[1])
            distances.append(radius - away)
            radii.append(radius)
            full.append(0.155 + 0.0135 * radius)
    stacked = np.stack(distances)
    inside = MELT * np.logaddexp.reduce(stacked / MELT, axis=0) - 0.5
    weights = np.exp((stacked - stacked.max(axis=0)).clip(-60) / 3.0)
    weights /= weights.sum(axis=0)
    return inside, (weights * np.stack(radii)).sum(axis=0), (weights * np.stack(full)).sum(axis=0)


def _palm(x: Array, y: Array, step: float) -> Array:
    """Distance from the palm's skin in mm, positive inside."""
    closed = np.array([*PALM, PALM[0]], float)
    way = np.append(0.0, np.hypot(*np.diff(closed, axis=0).T).cumsum())
    curve = CubicSpline(way, closed, bc_type="periodic")(np.linspace(0, way[-1], 800))
    # A border around the grid, so that the skin is where it is and not where the grid ends.
    pad = round(12 / step)
    shape = (len(y) + 2 * pad, len(x) + 2 * pad)
    mask = polygon2mask(shape, (curve[:, ::-1] - [y[0], x[0]]) / step + pad)
    signed = distance_transform_edt(mask) - distance_transform_edt(~mask)
    return gaussian_filter(signed, 1.0 / step)[pad:-pad, pad:-pad] * step


def tissue(
    inside: Array, radius: Array, full: Array, across: Array, down: Array, person: Generator, texture: Textures
) -> Array:
    """Attenuation of a hand without its bones, in front of air, of what :func:`inside_skin` answers.

    Args:
        inside: distance from the skin, in mm.
        radius: distance at which the tissue has its full thickness, in mm.
        full: attenuation of the full thickness.
        across: the points' x, in mm.
        down: the points' y, in mm.
        person: decides the air's brightness and the fat.
        texture: decides where fat and muscle lie.
    """
    air = person.uniform(0.06, 0.085)
    thickness = np.sqrt(1 - np.square(1 - (inside / radius).clip(0.0, 1.0)))
    fat = 0.045 * look(texture.density, across * 5.0, down * 5.0) * smooth_step(inside, 1.0, 5.0)
    # Under the skin lies fat, which is darker than what is under it.
    under = -0.1 * np.exp(-np.square((inside - 3.0) / 1.3))
    skin = 0.03 * np.exp(-np.square((inside - 0.5) / 0.4)) * (inside > 0)
    return air + full * thickness * (1 + fat + under) + skin
