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

"""The pixel grid of a drawn hand: bones and soft tissue, as formulas in mm, drawn in the image's pixels."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter
from skimage.measure import block_reduce
from torch.nn.functional import interpolate

from scripts.phantoms.hand_skeleton import LongBone, PlainBone, Skeleton
from scripts.phantoms.hand_soft_tissue import STEP_MM, inside_skin, tissue
from scripts.phantoms.joint import BLUR, filled
from scripts.phantoms.joint_anatomy import Array, Textures
from scripts.physics import FIELD_MM, LOWER, UPPER

CENTRE_MM = (-3.0, -58.0)
"""x, y of the image's centre in the frame of :mod:`scripts.phantoms.hand_skeleton`."""
FINE = 2
"""Bones' outlines are drawn that much finer than the image."""


@dataclass(frozen=True)
class Grid:
    """The image's pixels in the frame of the skeleton."""

    rows: int
    columns: int
    spacing: float

    @property
    def origin(self) -> Array:
        """Return column, row of x = y = 0."""
        return np.array([(self.columns - 1) / 2, (self.rows - 1) / 2]) - np.array(CENTRE_MM) / self.spacing

    def field(self, name: str, centre: Array) -> tuple[slice, slice]:
        """Return the square of 23 mm around a joint."""
        side = round(FIELD_MM / self.spacing)
        left, top = np.round(self.origin + centre / self.spacing - side / 2).astype(int).tolist()
        if left < 0 or top < 0 or left + side > self.columns or top + side > self.rows:
            raise ValueError(f"size: {name} is outside {self.rows}x{self.columns} px of {self.spacing} mm")
        return slice(top, top + side), slice(left, left + side)


@dataclass(frozen=True)
class DrawnBone:
    """A bone in the part of the image that it is in."""

    field: tuple[slice, slice]
    attenuation: Array
    mask: NDArray[np.bool_]


def draw_bone(bone: LongBone | PlainBone, grid: Grid, person: Generator, texture: Textures) -> DrawnBone | None:
    """Draw one bone, blurred as the detector does; None if the image does not show it."""
    outline = bone.outline() / grid.spacing + grid.origin
    low = np.maximum(np.floor(outline.min(axis=0)).astype(int) - 4, 0)
    high = np.minimum(np.ceil(outline.max(axis=0)).astype(int) + 5, (grid.columns, grid.rows))
    if (low >= high).any():
        return None
    # Only the outline is finer than the image: what is inside is smooth.
    inside = filled((outline - low + 0.5) * FINE - 0.5, tuple((high - low)[::-1] * FINE))
    depth = distance_transform_edt(inside).astype(np.float32) - 0.5
    share, depth = block_reduce(inside, FINE, np.mean), block_reduce(depth.clip(0), FINE, np.mean)
    row, column = share.nonzero()
    points = ((np.stack([column, row], axis=1) + low - grid.origin) * grid.spacing).astype(np.float32)
    sharp = np.zeros(share.shape, np.float32)
    sharp[row, column] = bone.attenuation(points, depth[row, column] * (grid.spacing / FINE), person, texture)
    shown = (slice(low[1], high[1]), slice(low[0], high[0]))
    return DrawnBone(shown, gaussian_filter(sharp * share.astype(np.float32), BLUR, truncate=3), share > 0.5)


def draw_soft_tissue(skeleton: Skeleton, grid: Grid, person: Generator, texture: Textures) -> Array:
    """Draw the attenuation (rows, columns) of soft tissue and air."""
    shape = (grid.rows, grid.columns)
    first, last = -grid.origin * grid.spacing, (np.array(shape[::-1]) - 1 - grid.origin) * grid.spacing
    x, y = (np.linspace(first[i], last[i], int((last[i] - first[i]) / STEP_MM) + 2) for i in (0, 1))
    coarse = torch.from_numpy(np.stack([*inside_skin(skeleton, x, y), *np.meshgrid(x, y)])).float()
    fine = interpolate(coarse[None], size=shape, mode="bilinear", align_corners=True)[0].numpy()
    return tissue(fine[:3], fine[3:], person, texture)


def cut(pair: list[DrawnBone], field: tuple[slice, slice]) -> tuple[Array, NDArray[np.bool_]]:
    """Return two bones' attenuation, zero outside their masks, and the masks, in a field of the image, (2, h, w)."""
    shape = tuple(part.stop - part.start for part in field)
    bones, masks = np.zeros((2, *shape), np.float32), np.zeros((2, *shape), bool)
    for channel, bone in ((LOWER, pair[LOWER]), (UPPER, pair[UPPER])):
        common = [(max(a.start, b.start), min(a.stop, b.stop)) for a, b in zip(bone.field, field, strict=True)]
        here, there = (
            tuple(
                slice(start - part.start, stop - part.start) for (start, stop), part in zip(common, parts, strict=True)
            )
            for parts in (field, bone.field)
        )
        masks[channel][here] = bone.mask[there]
        bones[channel][here] = bone.attenuation[there] * bone.mask[there]
    return bones, masks
