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

"""Whole-hand radiographs drawn by the program itself, with the truth of their five metacarpophalangeal joints."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import distance_transform_edt, gaussian_filter
from skimage.measure import block_reduce
from torch import Tensor
from torch.nn.functional import interpolate

from scripts.phantoms.hand_skeleton import LongBone, PlainBone, Skeleton, draw_skeleton
from scripts.phantoms.hand_soft_tissue import STEP_MM, inside_skin, tissue
from scripts.phantoms.joint import BLUR, FIELD_MM, filled
from scripts.phantoms.joint_anatomy import UNITS, Array, Textures, draw_overlap, draw_textures, smooth_step
from scripts.physics import LOWER, UPPER, attenuation, gray_level

FILM_MM = (250.0, 200.0)
"""Height and width of a whole radiograph; a hand of 190 mm and the end of its forearm fill it."""
CENTRE_MM = (-3.0, -58.0)
"""x, y of the image's centre in the frame of :mod:`scripts.phantoms.hand_skeleton`."""
JOINTS = ("MCP1", "MCP2", "MCP3", "MCP4", "MCP5")
"""The joints whose truth is known, thumb to little finger."""
LETTER_MM = (72.0, -98.0, 9.0)
"""Across, down of the lead letter from the image's centre, on a right hand, and its height, in mm."""
LEAD = 1.9
"""Attenuation of the letter."""
FINE = 2
"""Bones' outlines are drawn that much finer than the image."""


@dataclass(frozen=True)
class Joint:
    """One joint of a drawn hand and its truth, cut out as a square of 23 mm.

    Attributes:
        centre: x, y in px: column and row of the middle of the joint.
        box: top, left, bottom, right of the square in px; bottom and right are the first outside.
        masks: (2, h, w) bool, lower and upper bone.
        layers: (2, h, w) float32, each bone as if imaged alone, zero outside its mask; None if nobody knows them.
        soft_tissue: k, gray level 0..1 of the soft tissue in the overlap, or in the gap; None if nobody knows it.
    """

    centre: tuple[int, int]
    box: tuple[int, int, int, int]
    masks: Tensor
    layers: Tensor | None
    soft_tissue: float | None


@dataclass(frozen=True)
class Hand:
    """One drawn hand.

    Attributes:
        image: (1, H, W) float32, gray levels 0..1, bright = more attenuation.
        joints: name -> truth, of :data:`JOINTS`.
        spacing: mm a px.
        side: ``"right"`` or ``"left"``.
    """

    image: Tensor
    joints: dict[str, Joint]
    spacing: float
    side: Literal["right", "left"]


def draw_hand(
    seed: int,
    *,
    spacing: float = 0.1,
    size: tuple[int, int] | None = None,
    hand: Literal["right", "left"] = "right",
    overlaps: Mapping[str, float] | None = None,
    noise: float = 0.014,
) -> Hand:
    """Draw one hand, seen from its back, with a lead letter that says which.

    Its metacarpophalangeal joints are drawn by the formulas of :mod:`scripts.phantoms.joint_anatomy`, as those of
    :func:`scripts.phantoms.joint.draw_joint` are, and their truth holds as theirs does: ``recompose(layers,
    soft_tissue, masks)`` is the image inside the masks to float32 rounding. What is neither bone of a joint is its soft
    tissue.

    Args:
        seed: the same seed draws the same bytes; the two hands of one seed are mirror images but for small differences.
        spacing: mm a px, 0.08 to 0.2.
        size: rows, columns; 250 x 200 mm if not given. A smaller image shows the middle of the hand.
        hand: ``"right"`` or ``"left"``.
        overlaps: joint -> thickest column of its overlap along the joint's axis, in 1/256 of 23 mm; negative: width of
            the gap. Drawn for the joints that are not named.
        noise: standard deviation of the attenuation behind air, as in :func:`scripts.phantoms.joint.draw_joint`.

    Returns:
        The image and the truth of its joints.

    Raises:
        ValueError: an argument outside its range; an image that does not hold the five joints.
    """
    if not 0.08 <= spacing <= 0.2:
        raise ValueError(f"spacing is {spacing} mm, 0.08 to 0.2 expected")
    if hand not in ("left", "right"):
        raise ValueError(f"hand is {hand!r}, 'left' or 'right' expected")
    if not 0 <= noise <= 0.2:
        raise ValueError(f"noise is {noise}, 0 to 0.2 expected")
    rows, columns = size or (round(FILM_MM[0] / spacing), round(FILM_MM[1] / spacing))
    person, one_hand = np.random.default_rng([seed, 20]), np.random.default_rng([seed, 21, hand == "left"])
    asked = {name: draw_overlap(person) for name in JOINTS} | dict(overlaps or {})
    for name, overlap in asked.items():
        if name not in JOINTS or not -40 <= overlap <= 40:
            raise ValueError(f"overlap of {name} is {overlap}, -40 to 40 of {', '.join(JOINTS)} expected")
    skeleton = draw_skeleton(person, one_hand, asked)
    texture = draw_textures(one_hand)

    grid = _Grid(rows, columns, spacing)
    fields = {name: grid.field(name, skeleton.joints[name]) for name in JOINTS}
    soft = _draw_soft_tissue(skeleton, grid, person, texture)
    total = np.zeros((rows, columns), np.float32)
    drawn: dict[str, _Drawn] = {}
    for number, (name, bone) in enumerate(skeleton.bones.items()):
        # Each bone looks at another part of the texture.
        moved = Textures(*(np.roll(tile, (97 * number, 61 * number), (0, 1)) for tile in texture))
        piece = _draw_bone(bone, grid, person, moved)
        if piece is not None:
            total[piece.place] += piece.attenuation
            drawn[name] = piece
    pairs = {name: _cut([drawn[f"MC{name[-1]}"], drawn[f"PP{name[-1]}"]], field) for name, field in fields.items()}
    k = {name: _flatten(soft[fields[name]], masks, spacing) for name, (_, masks) in pairs.items()}

    total += soft
    grain = _grain(one_hand, total.shape)
    total += noise * np.exp(total / 2) * grain
    np.maximum(total, 0.0, out=total)
    alone = {}
    for name, field in fields.items():
        bones, masks = pairs[name]
        alone[name] = k[name] + _share_noise(bones, k[name], grain[field], noise, one_hand)
        total[field] = np.where(masks.all(axis=0), alone[name].sum(axis=0) - k[name], total[field])
    image = gray_level(torch.from_numpy(total))[None]
    joints = {}
    for name, (down, across) in fields.items():
        inside = torch.from_numpy(pairs[name][1])
        both = gray_level(torch.from_numpy(alone[name])).float()
        layers = torch.where(inside.all(dim=0), both, image[:, down, across])
        centre = ((across.start + across.stop) // 2, (down.start + down.stop) // 2)
        box = (down.start, across.start, down.stop, across.stop)
        joints[name] = Joint(centre, box, inside, layers * inside, gray_level(torch.tensor(k[name])).item())
    result = Hand(image, joints, spacing, "right")
    if hand == "left":
        result = _mirrored(result)
    _mark(result)
    return result


@dataclass(frozen=True)
class _Grid:
    """The image's pixels in the frame of the skeleton."""

    rows: int
    columns: int
    spacing: float

    @property
    def origin(self) -> Array:
        """Column, row of x = y = 0."""
        return np.array([(self.columns - 1) / 2, (self.rows - 1) / 2]) - np.array(CENTRE_MM) / self.spacing

    def field(self, name: str, centre: Array) -> tuple[slice, slice]:
        """The square of 23 mm around a joint."""
        side = round(FIELD_MM / self.spacing)
        left, top = np.round(self.origin + centre / self.spacing - side / 2).astype(int).tolist()
        if left < 0 or top < 0 or left + side > self.columns or top + side > self.rows:
            raise ValueError(f"size is {self.rows}x{self.columns} px of {self.spacing} mm, {name} is outside")
        return slice(top, top + side), slice(left, left + side)


@dataclass(frozen=True)
class _Drawn:
    """A bone in the part of the image that it is in."""

    place: tuple[slice, slice]
    attenuation: Array
    mask: NDArray[np.bool_]


def _draw_bone(bone: LongBone | PlainBone, grid: _Grid, person: Generator, texture: Textures) -> _Drawn | None:
    """One bone, blurred as the detector does; None if the image does not show it."""
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
    place = (slice(low[1], high[1]), slice(low[0], high[0]))
    return _Drawn(place, gaussian_filter(sharp * share.astype(np.float32), BLUR, truncate=3), share > 0.5)


def _draw_soft_tissue(skeleton: Skeleton, grid: _Grid, person: Generator, texture: Textures) -> Array:
    """Attenuation (rows, columns) of soft tissue and air."""
    shape = (grid.rows, grid.columns)
    first, last = -grid.origin * grid.spacing, (np.array(shape[::-1]) - 1 - grid.origin) * grid.spacing
    x, y = (np.linspace(first[i], last[i], int((last[i] - first[i]) / STEP_MM) + 2) for i in (0, 1))
    coarse = torch.from_numpy(np.stack([*inside_skin(skeleton, x, y), *np.meshgrid(x, y)])).float()
    fine = interpolate(coarse[None], size=shape, mode="bilinear", align_corners=True)[0].numpy()
    return tissue(fine[:3], fine[3:], person, texture)


def _cut(pair: list[_Drawn], field: tuple[slice, slice]) -> tuple[Array, NDArray[np.bool_]]:
    """Attenuation of two bones, zero outside their masks, and the masks, in a field of the image, (2, h, w) each."""
    shape = tuple(part.stop - part.start for part in field)
    bones, masks = np.zeros((2, *shape), np.float32), np.zeros((2, *shape), bool)
    for channel, bone in ((LOWER, pair[LOWER]), (UPPER, pair[UPPER])):
        common = [(max(a.start, b.start), min(a.stop, b.stop)) for a, b in zip(bone.place, field, strict=True)]
        here, there = (
            tuple(
                slice(start - part.start, stop - part.start) for (start, stop), part in zip(common, parts, strict=True)
            )
            for parts in (field, bone.place)
        )
        masks[channel][here] = bone.mask[there]
        bones[channel][here] = bone.attenuation[there] * bone.mask[there]
    return bones, masks


def _flatten(soft: Array, masks: NDArray[np.bool_], spacing: float) -> float:
    """Let the soft tissue of a field fade, in place, into its mean in the overlap, or in the gap; that mean."""
    unit = spacing / FIELD_MM * UNITS
    place = masks.all(axis=0)
    if not place.any():
        row, column = np.indices(place.shape) - (np.array(place.shape).reshape(2, 1, 1) - 1) / 2
        place = (np.abs(row) * unit < 3) & (np.abs(column) * unit < 20)
    k = float(soft[place].mean(dtype=np.float64))
    soft += (k - soft) * smooth_step(-distance_transform_edt(~place).astype(np.float32) * unit, -24, 0)
    return k


def _share_noise(bones: Array, k: float, grain: Array, noise: float, quanta: Generator) -> Array:
    """Two bones (2, h, w) with half of the variance of the image's noise each, to which both noises add up."""
    other = _grain(quanta, grain.shape)
    halves = np.stack([grain + other, grain - other]) / 2
    return np.maximum(bones + noise * np.exp((k + bones.sum(axis=0)) / 2) * halves, -k / 2)


def _grain(quanta: Generator, shape: tuple[int, ...]) -> Array:
    """Detector noise of standard deviation 1."""
    grain = gaussian_filter(quanta.standard_normal(shape, np.float32), 0.5, truncate=3)
    return grain / grain.std()


def _mirrored(hand: Hand) -> Hand:
    """The left hand that mirrors a drawn right one."""
    width = hand.image.shape[-1]
    joints = {
        name: replace(
            joint,
            centre=(width - joint.box[3] + (joint.box[3] - joint.box[1]) // 2, joint.centre[1]),
            box=(joint.box[0], width - joint.box[3], joint.box[2], width - joint.box[1]),
            masks=joint.masks.flip(-1),
            layers=None if joint.layers is None else joint.layers.flip(-1),
        )
        for name, joint in hand.joints.items()
    }
    return replace(hand, image=hand.image.flip(-1), joints=joints, side="left")


def _mark(hand: Hand) -> None:
    """Add the lead letter that says which hand it is, where the image is wide enough for it."""
    height, width = hand.image.shape[1:]
    column, row = (round(value / hand.spacing) for value in (LETTER_MM[0], LETTER_MM[1]))
    size = round(LETTER_MM[2] / hand.spacing)
    column = width // 2 + (column if hand.side == "right" else -column)
    row += height // 2
    if not (size < column < width - size and size < row < height - size):
        return
    canvas = Image.new("L", (2 * size, 2 * size))
    font = ImageFont.load_default(size * 1.3)
    ImageDraw.Draw(canvas).text((size, size), "R" if hand.side == "right" else "L", fill=255, font=font, anchor="mm")
    lead = torch.from_numpy(np.asarray(canvas, np.float32) / 255) * LEAD
    place = hand.image[0, row - size : row + size, column - size : column + size]
    place.copy_(gray_level(attenuation(place) + lead))
