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

"""Radiographs of finger joints, drawn by formulas, with the truth: two bones, soft tissue, quantum noise."""

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import fire
import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.ndimage import distance_transform_edt, gaussian_filter
from skimage.measure import block_reduce
from torch import Tensor

from scripts.phantoms.joint_anatomy import (
    UNITS,
    Array,
    draw_bones,
    draw_overlap,
    draw_textures,
    metacarpal,
    phalanx,
    smooth_step,
    soft_tissue,
)
from scripts.physics import FIELD_MM, LARGEST_SIDE, LOWER, SMALLEST_SIDE, UPPER, gray_level

BLUR = 0.7
"""Detector blur, standard deviation in px."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Phantom:
    """One drawn joint and its truth.

    Attributes:
        image: (1, H, W) float32, gray levels 0..1, bright = more attenuation; both bones, soft tissue and noise.
        layers: (2, H, W) float32, each bone as if imaged alone in the same soft tissue, zero outside its mask.
        masks: (2, H, W) bool.
        soft_tissue: k, gray level 0..1 of the soft tissue in the overlap; in the joint's gap if there is no overlap.
        spacing: mm a px.
    """

    image: Tensor
    layers: Tensor
    masks: Tensor
    soft_tissue: float
    spacing: float


def draw_joint(
    seed: int,
    *,
    size: int | tuple[int, int] = UNITS,
    overlap: float = 6.0,
    hand: Literal["left", "right"] = "right",
    noise: float = 0.014,
    exposure: int = 0,
) -> Phantom:
    """Draw one metacarpophalangeal joint: the base of a proximal phalanx above a metacarpal head.

    ``recompose(layers, soft_tissue, masks)`` is the image inside the masks to float32 rounding, noise included. For
    that the soft tissue is flat in the overlap and varies from 24 units on; attenuation that blur carries over a bone's
    outline counts as soft tissue; in the overlap each layer has half of the variance of the image's noise.

    Args:
        seed: the same seed draws the same bytes; the two hands of one seed are mirror images but for small differences.
        size: side, or height and width, in px, each 64..1024; the shorter side shows 23 mm.
        overlap: thickest column of the overlap, in units of 1/256 of the shorter side; negative: width of the gap.
        hand: ``"left"`` or ``"right"``.
        noise: standard deviation of the attenuation behind air; behind more matter fewer quanta arrive, and it grows.
        exposure: another number is another radiograph of the same joint, with noise of its own.

    Returns:
        The image and its truth.

    Raises:
        ValueError: an argument outside its range.

    Example:
        >>> draw_joint(3, size=(300, 500), hand="left").masks.shape
        torch.Size([2, 300, 500])
    """
    height, width = (size, size) if isinstance(size, int) else size
    _check(height, width, overlap)
    check_hand(hand, noise)
    person, one_hand = np.random.default_rng([seed, 0]), np.random.default_rng([seed, 1, hand == "left"])
    bones, texture = draw_bones(person, one_hand, overlap), draw_textures(one_hand)
    quanta = np.random.default_rng([seed, 2, exposure]) if exposure else one_hand

    # Drawn finer than asked, then averaged: attenuations, not gray levels, so that they still add.
    px = min(height, width) / UNITS
    fine = max(1, round(1.6 / px))
    frame = np.array([width, height]) / 2
    axes = [(((np.arange(2 * half * fine) + 0.5) / fine - half) / px).astype(np.float32) for half in frame]
    across, down = np.meshgrid(*axes)
    drawn = []
    for bone, formula in zip(bones, (metacarpal, phalanx), strict=True):
        mask = filled((bone.outline() * px + frame) * fine - 0.5, across.shape)
        depth = (distance_transform_edt(mask)[mask].astype(np.float32) - 0.5) / (px * fine)
        drawn.append(_detect(formula(bone, depth, across[mask], down[mask], person, texture), mask, fine))
    absorbed, masks = (np.stack(parts) for parts in zip(*drawn, strict=True))
    soft = block_reduce(soft_tissue(across, down, person, texture), fine, np.mean).astype(np.float64)

    gap = (np.abs(across) < 20) & (np.abs(down - sum(bone.face(axes[0]) for bone in bones) / 2) < 3)
    both = np.asarray(masks.all(axis=0))
    flat = both if both.any() else block_reduce(gap, fine, np.mean) > 0.5
    k, soft = _flatten(soft, flat, px)
    image, layers = _expose(absorbed, soft, masks, noise, quanta)
    if hand == "left":
        image, layers, masks = image.flip(-1), layers.flip(-1), np.flip(masks, -1).copy()
    gray = gray_level(torch.tensor(k)).item()
    return Phantom(image, layers, torch.from_numpy(masks), gray, FIELD_MM / min(height, width))


def _check(height: int, width: int, overlap: float) -> None:
    """Refuse a size or an overlap that :func:`draw_joint` does not draw.

    Raises:
        ValueError: names the argument.
    """
    if not all(SMALLEST_SIDE <= side <= LARGEST_SIDE for side in (height, width)):
        raise ValueError(f"size: expected 64 to 1024 px a side, got {height}x{width} px")
    if not -40 <= overlap <= 40:
        raise ValueError(f"overlap: expected -40 to 40, got {overlap}")


def _detect(inside: Array, mask: NDArray[np.bool_], fine: int) -> tuple[Array, NDArray[np.bool_]]:
    """Return a bone's attenuation, blurred as the detector does, and its mask, in the image's own pixels."""
    sharp = np.zeros(mask.shape, np.float32)
    sharp[mask] = inside
    blurred = gaussian_filter(sharp, BLUR * fine, truncate=3)
    return block_reduce(blurred, fine, np.mean), block_reduce(mask, fine, np.mean) > 0.5


def _flatten(soft: Array, flat: NDArray[np.bool_], px: float) -> tuple[float, Array]:
    """Return the mean k of the soft tissue in the overlap, or in the gap, and soft tissue that fades into it there."""
    k = soft[flat].mean()
    return k, soft + (k - soft) * smooth_step(-distance_transform_edt(~flat) / px, -24, 0)


def check_hand(hand: str, noise: float) -> None:
    """Refuse another word than ``"left"`` or ``"right"``, and a noise outside 0 to 0.2.

    Raises:
        ValueError: names the argument.
    """
    if hand not in ("left", "right"):
        raise ValueError(f"hand: expected 'left' or 'right', got {hand!r}")
    if not 0 <= noise <= 0.2:
        raise ValueError(f"noise: expected 0 to 0.2, got {noise}")


def filled(outline: Array, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return the pixels inside an outline, (N, 2) columns, rows, as a mask."""
    canvas = Image.new("L", (shape[1], shape[0]))
    ImageDraw.Draw(canvas).polygon([(column, row) for column, row in outline.tolist()], fill=1)
    return np.asarray(canvas) > 0


def _expose(
    bones: Array, soft: Array, masks: NDArray[np.bool_], noise: float, quanta: Generator
) -> tuple[Tensor, Tensor]:
    """Return image (1, H, W) and layers (2, H, W), gray levels, of attenuations of bones (2, H, W) and soft tissue."""
    soft = soft + np.where(masks, 0.0, bones).sum(axis=0)
    bones = np.where(masks, bones, 0.0)
    grain = gaussian_filter(quanta.standard_normal(bones.shape), (0, 0.5, 0.5))
    grain *= noise * np.exp((soft + bones.sum(axis=0)) / 2) / grain.std()
    share = np.where(masks.all(axis=0), np.sqrt(0.5), masks)
    bones = np.maximum(bones + share * grain, -soft / 2)
    soft = np.where(masks.any(axis=0), soft, (soft + grain[LOWER]).clip(0.0))
    layers = gray_level(torch.from_numpy(soft + bones)) * torch.from_numpy(masks)
    image = gray_level(torch.from_numpy(soft + bones.sum(axis=0, keepdims=True)))
    return image.float(), layers.float()


def save(phantom: Phantom, path: Path, *, bits: Literal[8, 16] = 8, masks: bool = True) -> None:
    """Write a phantom as an input of the bundle, its truth in a folder ``truth`` beside it.

    Args:
        phantom: to write.
        path: the image's file, a PNG or TIFF; masks are ``NAME_mask_upper.png`` and ``NAME_mask_lower.png`` (0, 255),
            true layers ``truth/NAME_layer_upper.png`` and ``truth/NAME_layer_lower.png``, k and spacing
            ``truth/NAME.json``.
        bits: depth of image and layers.
        masks: write the masks beside the image; if not, into the folder ``truth``.
    """
    truth = path.parent / "truth"
    truth.mkdir(parents=True, exist_ok=True)
    _write(phantom.image[0], path, bits)
    for channel, name in ((UPPER, "upper"), (LOWER, "lower")):
        beside = path.parent if masks else truth
        _write(phantom.masks[channel].float(), beside / f"{path.stem}_mask_{name}.png", 8)
        _write(phantom.layers[channel], truth / f"{path.stem}_layer_{name}.png", bits)
    truths = {"soft_tissue": round(phantom.soft_tissue, 5), "spacing": round(phantom.spacing, 5)}
    (truth / f"{path.stem}.json").write_text(json.dumps(truths) + "\n")


def _write(gray: Tensor, path: Path, bits: int) -> None:
    levels = (gray.double() * (2**bits - 1)).round().numpy()
    Image.fromarray(levels.astype(np.uint8 if bits == 8 else np.uint16)).save(path)


def main(
    output_dir: str,
    count: int = 5,
    seed: int = 0,
    size: int | tuple[int, int] = UNITS,
    overlap: float | None = None,
    bits: Literal[8, 16] = 8,
    masks: bool = True,
) -> None:
    """Draw joints, right and left hands in turn, into a folder that is an input of the bundle.

    Args:
        output_dir: the folder, created if it is not there.
        count: how many joints.
        seed: of the first joint; each next one counts on.
        size: side, or height,width, in px.
        overlap: thickest column of the overlap in 1/256 of the shorter side; drawn for each joint if not given.
        bits: 8 or 16 bits a pixel.
        masks: write the masks beside the images.
    """
    for number in range(seed, seed + count):
        hand: Literal["left", "right"] = "left" if number % 2 else "right"
        depth = draw_overlap(np.random.default_rng([number, 2])) if overlap is None else overlap
        path = Path(output_dir) / f"joint_{number:03d}_{hand}.png"
        save(draw_joint(number, size=size, overlap=depth, hand=hand), path, bits=bits, masks=masks)
        logger.info("%s: overlap %.1f px of 256", path, depth)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    fire.Fire(main)
