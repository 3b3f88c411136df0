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
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import distance_transform_edt, gaussian_filter
from skimage.measure import block_reduce
from torch import Tensor
from torch.nn.functional import interpolate

from scripts.anatomy import UNITS, Array, Textures, draw_textures, smooth_step
from scripts.phantom import BLUR, FIELD_MM, filled
from scripts.radiograph import LOWER, UPPER, attenuation, gray_level
from scripts.silhouette import STEP_MM, inside_skin, tissue
from scripts.skeleton import LongBone, PlainBone, draw_skeleton

FILM_MM = (250.0, 200.0)
"""Height and width of a whole radiograph; a hand of 190 mm and the end of its forearm fill it."""
CENTRE_MM = (-3.0, -58.0)
"""x, y of the image's centre in the frame of :mod:`scripts.skeleton`."""
JOINTS = ("MCP1", "MCP2", "MCP3", "MCP4", "MCP5")
"""The joints whose truth is known, thumb to little finger."""
LETTER_MM = (72.0, -98.0, 9.0)
"""Across, down of the lead letter from the image's centre, on a right hand, and its height, in mm."""
LEAD = 1.9
"""Attenuation of the letter."""
FEATHER = 0.06
"""Share of a pasted field's side over which it fades into the hand."""


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

    Its metacarpophalangeal joints are drawn by the formulas of :mod:`scripts.anatomy`, as those of
    :func:`scripts.phantom.draw_joint` are, and their truth holds as theirs does: ``recompose(layers, soft_tissue,
    masks)`` is the image inside the masks to float32 rounding. What is neither bone of a joint counts as its soft tissue.

    Args:
        seed: the same seed draws the same bytes; the two hands of one seed are mirror images but for small differences.
        spacing: mm a px, 0.08 to 0.2.
        size: rows, columns; 250 x 200 mm if not given. A smaller image shows the middle of the hand.
        hand: ``"right"`` or ``"left"``.
        overlaps: joint -> thickest column of its overlap along the joint's axis, in 1/256 of 23 mm; negative: width of
            the gap. Drawn for the joints that are not named.
        noise: standard deviation of the attenuation behind air, as in :func:`scripts.phantom.draw_joint`.

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
    # As on radiographs: a few px mostly, seldom more than 18.
    asked = {name: float(min(person.gamma(3.0, 2.5), 24.0)) for name in JOINTS} | dict(overlaps or {})
    for name, overlap in asked.items():
        if name not in JOINTS or not -40 <= overlap <= 40:
            raise ValueError(f"overlap of {name} is {overlap}, -40 to 40 of {', '.join(JOINTS)} expected")
    skeleton = draw_skeleton(person, one_hand, asked)
    texture = draw_textures(one_hand)

    origin = np.array([(columns - 1) / 2, (rows - 1) / 2]) - np.array(CENTRE_MM) / spacing  # px of x = y = 0
    soft = _soft(skeleton, origin, (rows, columns), spacing, person, texture)
    side = round(FIELD_MM / spacing)
    boxes = {}
    for name in JOINTS:
        left, top = np.round(origin + skeleton.joints[name][0] / spacing - side / 2).astype(int).tolist()
        if left < 0 or top < 0 or left + side > columns or top + side > rows:
            raise ValueError(f"size is {rows}x{columns} px of {spacing} mm, too small to hold the joint {name}")
        boxes[name] = (top, left, top + side, left + side)

    total = np.zeros((rows, columns), np.float32)
    drawn: dict[str, _Drawn] = {}
    for number, (name, bone) in enumerate(skeleton.bones.items()):
        shifted = Textures(*(np.roll(tile, (97 * number, 61 * number), (0, 1)) for tile in texture))
        piece = _draw(bone, origin, (rows, columns), spacing, person, shifted)
        if piece:
            total[piece.place] += piece.attenuation
            drawn[name] = piece

    grain = gaussian_filter(one_hand.standard_normal(total.shape, np.float32), 0.5, truncate=3)
    grain /= grain.std()
    truth: dict[str, tuple] = {}
    for name, (top, left, bottom, right) in boxes.items():
        field = np.s_[top:bottom, left:right]
        pair = [drawn[f"MC{name[-1]}"].cut(field), drawn[f"PP{name[-1]}"].cut(field)]
        masks = np.stack([mask for _, mask in pair])
        # One k for the overlap (or the gap): the soft tissue fades into its mean there.
        place = masks.all(axis=0)
        if not place.any():
            place = np.zeros_like(place)
            middle = side // 2
            place[middle - 1 : middle + 2, middle - side // 13 : middle + side // 13] = True
        k = soft[field][place].mean(dtype=np.float64)
        far = distance_transform_edt(~place) * spacing / (FIELD_MM / UNITS)
        soft[field] += (k - soft[field]) * smooth_step(-far, -24, 0).astype(np.float32)
        truth[name] = (field, np.stack([bone for bone, _ in pair]), masks, k)
    total += soft
    total += grain * noise * np.exp(total / 2)
    np.maximum(total, 0.0, out=total)

    layers = {}
    for name, (field, bones, masks, k) in truth.items():
        both = masks.all(axis=0)
        scale = noise * np.exp((k + bones.sum(axis=0)) / 2)
        other = gaussian_filter(one_hand.standard_normal(both.shape), 0.5, truncate=3)
        other /= other.std()
        noisy = np.stack(
            [bones[channel] + scale * (grain[field] + sign * other) / 2 for channel, sign in ((LOWER, -1), (UPPER, 1))]
        )
        noisy = np.maximum(noisy, -k / 2)
        total[field] = np.where(both, k + noisy.sum(axis=0), total[field])
        layers[name] = np.where(both, k + noisy, total[field]), masks
    image = gray_level(torch.from_numpy(total))[None]
    joints = {}
    for name, (values, masks) in layers.items():
        top, left, bottom, right = boxes[name]
        inside = torch.from_numpy(masks)
        gray = torch.where(inside.all(dim=0), gray_level(torch.from_numpy(values)).float(), image[:, top:bottom, left:right])
        joints[name] = Joint(
            (left + side // 2, top + side // 2),
            boxes[name],
            inside,
            gray * inside,
            gray_level(torch.tensor(truth[name][3])).item(),
        )
    drawn_hand = Hand(image, joints, spacing, "right")
    if hand == "left":
        drawn_hand = _mirrored(drawn_hand)
    _mark(drawn_hand)
    return drawn_hand


@dataclass(frozen=True)
class _Drawn:
    place: tuple[slice, slice]
    attenuation: Array
    mask: NDArray[np.bool_]

    def cut(self, field: tuple[slice, slice]) -> tuple[Array, NDArray[np.bool_]]:
        """Attenuation, zero outside the mask, and mask in a field of the image."""
        shape = tuple(part.stop - part.start for part in field)
        bone, mask = np.zeros(shape, np.float32), np.zeros(shape, bool)
        common = [(max(a.start, b.start), min(a.stop, b.stop)) for a, b in zip(self.place, field, strict=True)]
        here = tuple(slice(start - part.start, stop - part.start) for (start, stop), part in zip(common, field))
        there = tuple(slice(start - part.start, stop - part.start) for (start, stop), part in zip(common, self.place))
        mask[here] = self.mask[there]
        bone[here] = self.attenuation[there] * self.mask[there]
        return bone, mask


def _draw(bone, origin, shape, spacing, person, texture):
    """One bone in the part of the image that it is in; None if it is outside."""
    outline = bone.outline() / spacing + origin
    low = np.maximum(np.floor(outline.min(axis=0)).astype(int) - 4, 0)
    high = np.minimum(np.ceil(outline.max(axis=0)).astype(int) + 5, shape[::-1])
    if (low >= high).any():
        return None
    columns, rows = (high - low).tolist()
    fine = 2
    inside = filled((outline - low + 0.5) * fine - 0.5, (rows * fine, columns * fine))
    # Drawn at the image's own grid, along an outline that is twice as fine.
    depth = block_reduce(distance_transform_edt(inside).astype(np.float32), fine, np.mean) / fine * spacing
    share = block_reduce(inside, fine, np.mean)
    where = share > 0
    row, column = np.nonzero(where)
    points = ((np.stack([column, row], axis=1) + low - origin) * spacing).astype(np.float32)
    sharp = np.zeros((rows, columns), np.float32)
    sharp[where] = share[where] * bone.attenuation(points, depth[where] - 0.25 / fine * spacing, person, texture)
    place = (slice(low[1], high[1]), slice(low[0], high[0]))
    return _Drawn(place, gaussian_filter(sharp, BLUR, truncate=3), share > 0.5)


def _soft(skeleton, origin, shape, spacing, person, texture) -> Array:
    """Attenuation (H, W) of the soft tissue and the air."""
    first, last = -origin * spacing, (np.array(shape[::-1]) - 1 - origin) * spacing
    counts = np.ceil((last - first) / STEP_MM).astype(int) + 1
    x, y = (np.linspace(first[axis], last[axis], counts[axis]) for axis in (0, 1))
    across, down = np.meshgrid(x, y)
    fields = torch.from_numpy(np.stack([*inside_skin(skeleton, x, y), across, down])).float()
    fine = interpolate(fields[None], size=shape, mode="bilinear", align_corners=True)[0].numpy()
    return tissue(*fine, person, texture)


def _mirrored(hand: Hand) -> Hand:
    width = hand.image.shape[-1]
    joints = {
        name: replace(
            joint,
            centre=(width - joint.box[3] + (joint.box[3] - joint.box[1]) // 2, joint.centre[1]),
            box=(joint.box[0], width - joint.box[3], joint.box[2], width - joint.box[1]),
            masks=joint.masks.flip(-1),
            layers=joint.layers.flip(-1),
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
