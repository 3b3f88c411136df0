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

"""Things on a radiograph beside the hand: rings, plates, wires, casts, letters, and films that show no hand at all."""

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import gaussian_filter

from scripts.phantoms.joint_anatomy import Array, smooth_step


def bar(shape: tuple[int, int], centre: Array, angle: float, length: float, width: float, soft: float = 0.7) -> Array:
    """Draw a bar, (rows, columns), 1 inside: of a ring, a plate, a splint.

    Args:
        shape: rows, columns.
        centre: column, row.
        angle: by which its length leans to the right from upright, rad.
        length: px.
        width: px.
        soft: px over which its edge fades.
    """
    rows, columns = np.indices(shape, dtype=np.float32)
    x, y = columns - centre[0], rows - centre[1]
    along, across = x * np.sin(angle) - y * np.cos(angle), x * np.cos(angle) + y * np.sin(angle)
    return smooth_step(length / 2 - abs(along), -soft, soft) * smooth_step(width / 2 - abs(across), -soft, soft)


def letters(shape: tuple[int, int], text: str, centre: Array, height: float, angle: float) -> Array:
    """Draw lead letters, (rows, columns), 1 inside."""
    canvas = Image.new("L", shape[::-1])
    drawn = Image.new("L", (int(height * (len(text) + 1)), int(2 * height)))
    font = ImageFont.load_default(height * 1.3)
    ImageDraw.Draw(drawn).text((drawn.width / 2, drawn.height / 2), text, fill=255, font=font, anchor="mm")
    drawn = drawn.rotate(float(np.degrees(angle)), expand=True)
    canvas.paste(drawn, (int(centre[0] - drawn.width / 2), int(centre[1] - drawn.height / 2)))
    return np.asarray(canvas, np.float32) / 255


def wire(shape: tuple[int, int], start: Array, quanta: Generator, *, step: float = 8.0, width: int = 1) -> Array:
    """Draw a wire or a tube that winds from a place, (rows, columns), 1 inside."""
    turns = quanta.uniform(0, 2 * np.pi) + quanta.normal(0, 0.35, 40).cumsum()
    points = start + step * np.stack([np.cos(turns), np.sin(turns)], axis=1).cumsum(axis=0)
    canvas = Image.new("L", shape[::-1])
    ImageDraw.Draw(canvas).line([tuple(point) for point in points.tolist()], fill=255, width=width)
    return gaussian_filter(np.asarray(canvas, np.float32) / 255, 0.5)


def cast(shape: tuple[int, int], quanta: Generator) -> Array:
    """Draw a cast or a splint over part of the film, attenuation (rows, columns)."""
    grain = gaussian_filter(quanta.standard_normal(shape).astype(np.float32), quanta.uniform(0.8, 3.0))
    centre = np.array([shape[1] * quanta.uniform(0.3, 0.7), shape[0] * quanta.uniform(0.45, 1.0)])
    length, width = (quanta.uniform(0.3, 0.7, 2) * shape[0]).tolist()
    inside = bar(shape, centre, quanta.normal(0, 0.4), length, width, quanta.uniform(1, 8))
    return inside * quanta.uniform(0.1, 0.5) * (1 + 0.2 * grain / grain.std())


def no_hand(shape: tuple[int, int], quanta: Generator) -> Array:
    """Draw a film of something else, attenuation (rows, columns): ribs, discs, blocks, long bones, circles, noise."""
    rows, columns = np.indices(shape, dtype=np.float32)
    total = np.zeros(shape, np.float32)
    size = shape[0]
    for _ in range(quanta.integers(1, 14)):
        centre, radii = quanta.uniform(0, size, 2), quanta.uniform(0.02, 0.45, 2) * size
        angle = quanta.uniform(0, np.pi)
        x, y = columns - centre[0], rows - centre[1]
        u, v = x * np.cos(angle) + y * np.sin(angle), -x * np.sin(angle) + y * np.cos(angle)
        away = np.sqrt(np.square(u / radii[0]) + np.square(v / radii[1]))
        soft = quanta.uniform(0.02, 0.5)
        kind = quanta.integers(4)
        if kind == 0:
            part = smooth_step(away, 1 + soft, 1 - soft)
        elif kind == 1:
            part = smooth_step(abs(away - 1), soft, 0.3 * soft)  # a rib, a ring, a drawn circle
        elif kind == 2:
            part = bar(shape, centre, angle, 2 * radii.max(), 0.4 * radii.min() + 3, soft=1 + 8 * soft)
        else:
            part = np.sqrt((1 - away).clip(0.0))
        total += quanta.uniform(-0.3, 0.9) * part
    if quanta.random() < 0.3:
        grain = gaussian_filter(quanta.standard_normal(shape).astype(np.float32), quanta.uniform(0.5, 12.0))
        total += quanta.uniform(0.05, 0.5) * grain / grain.std()
    return total.clip(0.0)
