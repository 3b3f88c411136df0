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

"""Whole-hand radiographs, drawn by formulas, with the truth of their five metacarpophalangeal joints."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import distance_transform_edt, gaussian_filter
from torch import Tensor

from scripts.phantoms.hand_grid import DrawnBone, Grid, cut, draw_bone, draw_soft_tissue
from scripts.phantoms.hand_skeleton import Skeleton, draw_skeleton
from scripts.phantoms.joint import check_hand
from scripts.phantoms.joint_anatomy import UNITS, Array, Textures, draw_overlap, draw_textures, smooth_step
from scripts.physics import FIELD_MM, attenuation, gray_level

FILM_MM = (250.0, 200.0)
"""Height and width of a whole radiograph; a hand of 190 mm and the end of its forearm fill it."""
JOINTS = ("MCP1", "MCP2", "MCP3", "MCP4", "MCP5")
"""Joints with a known truth, thumb to little finger."""
LETTER_MM = (72.0, -98.0, 9.0)
"""Across, down of the lead letter from the image's centre, on a right hand, and its height, in mm."""
LEAD = 1.9
"""Attenuation of the letter."""


@dataclass(frozen=True)
class Joint:
    """One joint of a drawn hand and its truth, cut out as a square of 23 mm.

    Attributes:
        centre: x, y in px: column and row of the middle of the joint.
        box: top, left, bottom, right of the square in px; bottom and right are the first outside.
        masks: (2, h, w) bool, lower and upper bone.
        layers: (2, h, w) float32, each bone as if imaged alone, zero outside its mask; None if they are unknown.
        soft_tissue: k, gray level 0..1 of the soft tissue in the overlap, or in the gap; None if it is unknown.
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
    exposure: int = 0,
) -> Hand:
    """Draw one hand, seen from its back, with a lead letter for right or left.

    Its metacarpophalangeal joints are drawn by the formulas of :func:`scripts.phantoms.joint.draw_joint`, and their
    truth is as exact: ``recompose(layers, soft_tissue, masks)`` is the image inside the masks to float32 rounding. All
    that is neither bone of a joint counts as its soft tissue.

    Args:
        seed: the same seed draws the same bytes; the two hands of one seed are mirror images but for small differences.
        spacing: mm a px, 0.08 to 0.2.
        size: rows, columns; 250 x 200 mm if not given. A smaller image shows the middle of the hand.
        hand: ``"right"`` or ``"left"``.
        overlaps: joint -> thickest column of its overlap along the joint's axis, in 1/256 of 23 mm; negative: width of
            the gap. Drawn for the joints that are not named.
        noise: standard deviation of the attenuation behind air, as in :func:`scripts.phantoms.joint.draw_joint`.
        exposure: another number is another radiograph of the same hand, with noise of its own.

    Returns:
        The image and the truth of its joints.

    Raises:
        ValueError: an argument outside its range; an image that does not hold the five joints.
    """
    if not 0.08 <= spacing <= 0.2:
        raise ValueError(f"spacing: expected 0.08 to 0.2 mm, got {spacing}")
    check_hand(hand, noise)
    rows, columns = size or (round(FILM_MM[0] / spacing), round(FILM_MM[1] / spacing))
    person, one_hand = np.random.default_rng([seed, 20]), np.random.default_rng([seed, 21, hand == "left"])
    asked = {name: draw_overlap(person) for name in JOINTS} | dict(overlaps or {})
    for name, overlap in asked.items():
        if name not in JOINTS or not -40 <= overlap <= 40:
            raise ValueError(f"overlaps: expected -40 to 40 of {', '.join(JOINTS)}, got {overlap} of {name}")
    skeleton, texture = draw_skeleton(person, one_hand, asked), draw_textures(one_hand)
    grid = Grid(rows, columns, spacing)
    fields = {name: grid.field(name, skeleton.joints[name]) for name in JOINTS}
    soft = draw_soft_tissue(skeleton, grid, person, texture)
    total, drawn = _draw_bones(skeleton, grid, person, texture)
    pairs = {name: cut([drawn[f"MC{name[-1]}"], drawn[f"PP{name[-1]}"]], field) for name, field in fields.items()}
    k = {name: _flatten(soft[fields[name]], masks, spacing) for name, (_, masks) in pairs.items()}

    total += soft
    quanta = np.random.default_rng([seed, 22, exposure]) if exposure else one_hand
    alone = _expose(total, fields, pairs, k, noise, quanta)
    image = gray_level(torch.from_numpy(total))[None]
    joints = {name: _joint(image, fields[name], pairs[name][1], alone[name], k[name]) for name in JOINTS}
    result = Hand(image, joints, spacing, "right")
    if hand == "left":
        result = _mirrored(result)
    _mark(result)
    return result


def _draw_bones(
    skeleton: Skeleton, grid: Grid, person: Generator, texture: Textures
) -> tuple[Array, dict[str, DrawnBone]]:
    """Return the attenuation of all bones together, (rows, columns), and each bone that the image shows."""
    total = np.zeros((grid.rows, grid.columns), np.float32)
    drawn: dict[str, DrawnBone] = {}
    for number, (name, bone) in enumerate(skeleton.bones.items()):
        # Each bone looks at another part of the texture.
        moved = Textures(*(np.roll(tile, (97 * number, 61 * number), (0, 1)) for tile in texture))
        piece = draw_bone(bone, grid, person, moved)
        if piece is not None:
            total[piece.field] += piece.attenuation
            drawn[name] = piece
    return total, drawn


def _expose(
    total: Array,
    fields: Mapping[str, tuple[slice, slice]],
    pairs: Mapping[str, tuple[Array, NDArray[np.bool_]]],
    k: Mapping[str, float],
    noise: float,
    quanta: Generator,
) -> dict[str, Array]:
    """Add the detector's noise to ``total``, in place; return each joint's bones alone, with their share of noise."""
    grain = _grain(quanta, total.shape)
    total += noise * np.exp(total / 2) * grain
    np.maximum(total, 0.0, out=total)
    alone = {}
    for name, field in fields.items():
        bones, masks = pairs[name]
        alone[name] = k[name] + _share_noise(bones, k[name], grain[field], noise, quanta)
        total[field] = np.where(masks.all(axis=0), alone[name].sum(axis=0) - k[name], total[field])
    return alone


def _joint(image: Tensor, field: tuple[slice, slice], mask: NDArray[np.bool_], alone: Array, k: float) -> Joint:
    """Return one joint of an image, from its field, masks and the attenuation (2, h, w) of each bone alone."""
    down, across = field
    masks = torch.from_numpy(mask)
    layers = torch.where(masks.all(dim=0), gray_level(torch.from_numpy(alone)).float(), image[:, down, across])
    centre = ((across.start + across.stop) // 2, (down.start + down.stop) // 2)
    box = (down.start, across.start, down.stop, across.stop)
    return Joint(centre, box, masks, layers * masks, gray_level(torch.tensor(k)).item())


def _flatten(soft: Array, masks: NDArray[np.bool_], spacing: float) -> float:
    """Fade the soft tissue of a field into its mean in the overlap, or in the gap; return that mean.

    ``soft`` is changed.
    """
    unit = spacing / FIELD_MM * UNITS
    flat = masks.all(axis=0)
    if not flat.any():
        row, column = np.indices(flat.shape) - (np.array(flat.shape).reshape(2, 1, 1) - 1) / 2
        flat = (np.abs(row) * unit < 3) & (np.abs(column) * unit < 20)
    k = float(soft[flat].mean(dtype=np.float64))
    soft += (k - soft) * smooth_step(-distance_transform_edt(~flat).astype(np.float32) * unit, -24, 0)
    return k


def _share_noise(bones: Array, k: float, grain: Array, noise: float, quanta: Generator) -> Array:
    """Return two bones (2, h, w) with half of the variance of the image's noise each; both add up to that noise."""
    other = _grain(quanta, grain.shape)
    halves = np.stack([grain + other, grain - other]) / 2
    return np.maximum(bones + noise * np.exp((k + bones.sum(axis=0)) / 2) * halves, -k / 2)


def _grain(quanta: Generator, shape: tuple[int, ...]) -> Array:
    """Draw detector noise of standard deviation 1."""
    grain = gaussian_filter(quanta.standard_normal(shape, np.float32), 0.5, truncate=3)
    return grain / grain.std()


def _mirrored(hand: Hand) -> Hand:
    """Return the left hand that mirrors a drawn right one."""
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
    """Add the lead letter for right or left, if the image is wide enough for it."""
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
    corner = hand.image[0, row - size : row + size, column - size : column + size]
    corner.copy_(gray_level(attenuation(corner) + lead))
