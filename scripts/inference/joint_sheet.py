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

"""Joint sheet: a page with a joint's image, masks, both layers, the recomposed image, and the error."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from scripts.dicom.joint import KIND_NAMES
from scripts.inference.split import SeparatedRegion
from scripts.physics import LOWER, UPPER

PANEL = 256
"""Height of a panel, px, and its width in the first row; every picture is fitted into its panel."""

WIDE = 390
"""Width of a panel of the second row, px: overlaps are wide and thin."""

GAP, MARGIN, CAPTION, LINE = 12, 32, 30, 24
GROUND, PIT, INK, QUIET, WARNING = (22, 24, 28), (0, 0, 0), (236, 238, 240), (146, 153, 161), (240, 186, 92)
BONE_COLOURS = {LOWER: (246, 164, 72), UPPER: (86, 194, 222)}
OVERLAP_COLOUR = (236, 88, 132)

Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels of the region."""


def sheet(separated: SeparatedRegion, name: str, version: str) -> Image.Image:
    """Draw the sheet of one joint: a row of the whole region and, if the bones overlap, an enlarged row of the overlap.

    Image, layers and recomposition share one window, from the region's black to the brightest level of the image.

    Args:
        separated: image, layers, masks and record of the joint.
        name: in the head.
        version: of the bundle.

    Returns:
        An RGB picture, 1660 px wide.
    """
    region, record, masks = separated.region, separated.record, separated.masks.numpy()
    levels, layers, recomposed = (
        (shown.numpy() - round(region.black)).clip(0, 2**region.bits_stored - 1)
        for shown in (region.levels, separated.layers, separated.recomposed)
    )
    error = np.abs(recomposed - levels)
    white = max(1, int(np.ceil(error.max())))
    gain = (2**region.bits_stored - 1) / white
    window = float(levels.max())
    image, upper, lower = _gray(levels, window), _gray(layers[UPPER], window), _gray(layers[LOWER], window)
    overlap = np.logical_and(masks[LOWER], masks[UPPER])
    box = _around(overlap) if overlap.any() else None
    page, y = _page(2 if box else 1, record, name, version)
    whole = (0, 0, image.width, image.height)
    first = [
        ("image", image, None),
        ("bones", image, masks),
        ("upper layer", upper, None),
        ("lower layer", lower, None),
        ("recomposed", _gray(recomposed, window), None),
        (f"error, x {gain:g}: white is {white} level{'s' * (white > 1)}", _gray(error, white), None),
    ]
    for column, panel in enumerate(first):
        _panel(page, MARGIN + column * (PANEL + GAP), y, PANEL, whole, panel)
    if box:
        scale = min(WIDE / (box[2] - box[0]), PANEL / (box[3] - box[1]))
        second = [
            (f"overlap at {scale:.1f} x", image, None),
            ("bones", image, masks),
            ("upper layer", upper, None),
            ("lower layer", lower, None),
        ]
        for column, panel in enumerate(second):
            _panel(page, MARGIN + column * (WIDE + GAP), y + CAPTION + PANEL + GAP, WIDE, box, panel)
    return page


def contact_sheet(joints: Sequence[tuple[str, np.ndarray, np.ndarray, np.ndarray]], version: str) -> Image.Image:
    """Draw the overlaps of several joints under each other: image, bones, upper layer, lower layer.

    Args:
        joints: name, image (H, W), layers (2, H, W) and masks (2, H, W) bool of each, gray levels 0..1, overlapping.
        version: of the bundle.

    Returns:
        An RGB picture, 1660 px wide.
    """
    row = CAPTION + PANEL + GAP
    page = Image.new("RGB", (2 * MARGIN + 4 * WIDE + 3 * GAP, 2 * MARGIN + len(joints) * row), GROUND)
    for number, (name, image, layers, masks) in enumerate(joints):
        overlap = np.logical_and(masks[LOWER], masks[UPPER])
        picture, box = _gray(image, image.max()), _around(overlap)
        panels = [
            (name, picture, None),
            (f"overlap {overlap.sum():,} px", picture, masks),
            ("upper layer", _gray(layers[UPPER], image.max()), None),
            ("lower layer", _gray(layers[LOWER], image.max()), None),
        ]
        for column, panel in enumerate(panels):
            _panel(page, MARGIN + column * (WIDE + GAP), MARGIN + number * row, WIDE, box, panel)
    foot = (
        f"BLS-GAN {version}: research use, not a medical device. "
        "This picture shows images of the authors' release, which carry no licence: it may not be passed on."
    )
    ImageDraw.Draw(page).text((page.width / 2, page.height - MARGIN), foot, QUIET, _font(14), anchor="ma")
    return page


def _panel(
    page: Image.Image, x: int, y: int, width: int, box: Box, panel: tuple[str, Image.Image, np.ndarray | None]
) -> None:
    """Draw a caption and, under it, the part of a picture that ``box`` holds, with the bones if masks are given."""
    caption, picture, masks = panel
    draw = ImageDraw.Draw(page)
    dot = {"upper layer": BONE_COLOURS[UPPER], "lower layer": BONE_COLOURS[LOWER]}.get(caption)
    if dot:
        draw.ellipse((x, y + 10, x + 8, y + 18), dot)
    draw.text((x + (16 if dot else 0), y + 5), caption, INK, _font(16))
    draw.rectangle((x, y + CAPTION, x + width - 1, y + CAPTION + PANEL - 1), PIT)
    scale = min(width / (box[2] - box[0]), PANEL / (box[3] - box[1]))
    size = (round((box[2] - box[0]) * scale), round((box[3] - box[1]) * scale))
    # The error is a texture of single levels, which smoothing would hide.
    smooth = Image.Resampling.NEAREST if caption.startswith("error") else Image.Resampling.BICUBIC
    shown = picture.resize(size, smooth, box)
    corner = (x + (width - size[0]) // 2, y + CAPTION + (PANEL - size[1]) // 2)
    page.paste(shown if masks is None else _with_bones(shown, masks, box), corner)


def _page(rows: int, record: Mapping[str, Any], name: str, version: str) -> tuple[Image.Image, int]:
    """Draw a page with head and foot; return it and the y where the first row of panels begins."""
    top = MARGIN + 2 * LINE + LINE * len(record["warnings"]) + GAP
    page = Image.new("RGB", (2 * MARGIN + 6 * PANEL + 5 * GAP, top + rows * (CAPTION + PANEL + GAP) + 44), GROUND)
    draw = ImageDraw.Draw(page)
    facts = (
        f"{record['columns']} x {record['rows']} px, {record['bits_stored']} bits",
        f"masks {record['masks']}",
        *([f"axis {record['angle']:+g} degrees"] if record["angle"] else []),
        *([f"joint found, confidence {min(record['confidence'], 0.99):.2f}"] if "confidence" in record else []),
        f"layers {KIND_NAMES[record['layers']]}",
        f"overlap {record['overlap_px']:,} px"
        + (f" ({record['overlap_mm2']:.1f} mm2, {record['mm']})" if "overlap_mm2" in record else ""),
        f"soft tissue k {record['soft_tissue_k']:.3f} (level {record['soft_tissue_level']:.0f})",
        f"recomposed to {record['largest_recomposition_error_levels']:.2f} gray level",
    )
    name = name if len(name) <= 80 else f"{name[:79]}\N{HORIZONTAL ELLIPSIS}"
    draw.text((MARGIN, MARGIN - 10), name, INK, _font(26))
    draw.text((MARGIN, MARGIN + LINE), "     ".join(facts), QUIET, _font(16))
    for number, warning in enumerate(record["warnings"], 2):
        draw.text((MARGIN, MARGIN + number * LINE), warning, WARNING, _font(16))
    foot = f"BLS-GAN {version}: research use, not a medical device"
    draw.text((page.width / 2, page.height - MARGIN), foot, QUIET, _font(14), anchor="ma")
    return page, top


def _gray(levels: np.ndarray, white: float) -> Image.Image:
    return Image.fromarray(np.clip(levels * (255.0 / white) + 0.5, 0, 255).astype(np.uint8))


def _with_bones(picture: Image.Image, masks: np.ndarray, box: Box) -> Image.Image:
    """Outline both bones at the panel's own resolution, and tint where both are."""
    inside = [
        np.asarray(Image.fromarray(mask.astype(np.uint8) * 255).resize(picture.size, Image.Resampling.BILINEAR, box))
        > 127
        for mask in masks
    ]
    drawn = np.repeat(np.asarray(picture)[..., None], 3, axis=2)
    both = inside[LOWER] & inside[UPPER]
    drawn[both] = 0.65 * drawn[both] + 0.35 * np.array(OVERLAP_COLOUR)
    for bone in (LOWER, UPPER):
        drawn[_edge(inside[bone])] = BONE_COLOURS[bone]
    return Image.fromarray(drawn)


def _edge(inside: np.ndarray) -> np.ndarray:
    """Return the pixels of a mask with a 4-neighbour outside it; the picture's border is no edge."""
    edge = np.zeros_like(inside)
    edge[1:] |= inside[1:] & ~inside[:-1]
    edge[:-1] |= inside[:-1] & ~inside[1:]
    edge[:, 1:] |= inside[:, 1:] & ~inside[:, :-1]
    edge[:, :-1] |= inside[:, :-1] & ~inside[:, 1:]
    return edge


def _around(overlap: np.ndarray) -> Box:
    """Return a box around the overlap, in the proportions of a wide panel where the picture allows it."""
    ys, xs = np.nonzero(overlap)
    width = max(1.25 * np.ptp(xs) + 8, (1.5 * np.ptp(ys) + 8) * WIDE / PANEL, 64)
    sides = []
    for places, side, length in ((xs, width, overlap.shape[1]), (ys, width * PANEL / WIDE, overlap.shape[0])):
        size = min(int(side), length)
        start = (int(places.min()) + int(places.max()) + 1 - size) // 2
        start = max(0, min(start, length - size))
        sides.append((start, start + size))
    (left, right), (top, bottom) = sides
    return left, top, right, bottom


@lru_cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
