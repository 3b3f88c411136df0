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

"""Films of drawn hands, as a finder learns from them: turned, mirrored, two at a time, with things around, or none."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.random import Generator
from scipy.ndimage import affine_transform
from torch.utils.data import Dataset

from scripts.networks.finder import JOINT_CHANNELS, OVERVIEW_MM
from scripts.phantoms.joint_anatomy import Array
from scripts.phantoms.surroundings import bar, cast, letters, no_hand, wire
from scripts.training.finder_hands import StoredHand

FILM_MM = 256.0
"""Side of a film."""
EDGE_MM = 3.0
"""Distance from the film's edge within which a joint does not count."""
COLUMNS = ("number", "column", "row", "lean", "mirrored")
"""Columns of a table of joints: 1 to 5, px, px, degrees to the right, 1 for a left hand. Rows of zeros are none."""
MOST = 10
"""Joints of a film: of two hands."""
REACH_PX = 1.6
"""Standard deviation of the target around a joint, px of the overview's answer."""


@dataclass(frozen=True)
class FilmRanges:
    """Ranges that films are drawn from.

    Attributes:
        lean: largest lean of a hand, degrees.
        zoom: of a hand, on top of its own size.
        shift: largest shift of the hand's middle from the film's, share of the film's side.
        nothing: share of films without a hand.
        other: share of films that show part of a hand as large as a knee or a foot.
        two: share of films with two hands.
    """

    lean: float = 46.0
    zoom: tuple[float, float] = (0.9, 1.12)
    shift: float = 0.22
    nothing: float = 0.08
    other: float = 0.07
    two: float = 0.15


class Films(Dataset[dict[str, torch.Tensor]]):
    """Films of 256 x 256 mm: ``image`` (1, H, W), attenuation with air; ``joints`` (10, 5), see :data:`COLUMNS`.

    Each time it is asked for, a film is another one. Rows of ``joints`` beyond the last one are 0.

    Args:
        hands: at ``spacing``.
        ranges: of the films.
        spacing: mm a px.
    """

    def __init__(
        self, hands: Sequence[StoredHand], ranges: FilmRanges | None = None, spacing: float = OVERVIEW_MM
    ) -> None:
        self.hands, self.ranges, self.spacing = hands, ranges or FilmRanges(), spacing
        self.side = round(FILM_MM / spacing)

    def __len__(self) -> int:
        return len(self.hands)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        quanta = np.random.default_rng(int(torch.randint(2**31, ()).item()))
        image, joints = self.draw(index, quanta)
        table = np.zeros((MOST, len(COLUMNS)), np.float32)
        table[: len(joints)] = joints[:MOST]
        return {"image": torch.from_numpy(image.astype(np.float32))[None], "joints": torch.from_numpy(table)}

    def draw(self, index: int, quanta: Generator) -> tuple[Array, Array]:
        """Draw a film; return its attenuation and its joints (N, 5)."""
        shape, chance, ranges = (self.side, self.side), quanta.random(), self.ranges
        if chance < ranges.nothing:
            return self._finish(no_hand(shape, quanta), np.zeros((0, len(COLUMNS))), quanta)
        if chance < ranges.nothing + ranges.other:
            large, _ = place(self.hands[index], shape, quanta, ranges, zoom=float(quanta.uniform(2.2, 4.5)), turn=180.0)
            return self._finish(large, np.zeros((0, len(COLUMNS))), quanta)
        if chance > 1 - ranges.two:
            other = self.hands[int(quanta.integers(len(self.hands)))]
            zoom, apart = quanta.uniform(0.62, 0.85), quanta.uniform(0.21, 0.27) * self.side
            mirrored = quanta.random() < 0.5
            left = place(self.hands[index], shape, quanta, ranges, zoom=zoom, at=(-apart, 0.0), mirrored=mirrored)
            right = place(other, shape, quanta, ranges, zoom=zoom, at=(apart, 0.0), mirrored=not mirrored)
            return self._finish(left[0] + right[0], np.concatenate([left[1], right[1]]), quanta)
        image, joints = place(self.hands[index], shape, quanta, ranges)
        return self._finish(image, joints, quanta)

    def _finish(self, image: Array, joints: Array, quanta: Generator) -> tuple[Array, Array]:
        image = add_things(image, joints, self.spacing, quanta)
        edge = EDGE_MM / self.spacing
        inside = (joints[:, 1:3] > edge).all(axis=1) & (joints[:, 1:3] < self.side - 1 - edge).all(axis=1)
        return image, joints[inside]


def place(
    hand: StoredHand,
    shape: tuple[int, int],
    quanta: Generator,
    ranges: FilmRanges,
    *,
    zoom: float | None = None,
    at: tuple[float, float] | None = None,
    mirrored: bool | None = None,
    turn: float | None = None,
) -> tuple[Array, Array]:
    """Lay a hand on a film; return its attenuation and its joints (N, 5).

    Args:
        hand: to lay.
        shape: rows, columns of the film.
        quanta: decides what is not given.
        ranges: to draw from.
        zoom: of the hand.
        at: columns, rows from the film's middle.
        mirrored: whether it is laid as a left hand.
        turn: largest lean, degrees.
    """
    zoom = float(quanta.uniform(*ranges.zoom)) if zoom is None else zoom
    lean = ranges.lean if turn is None else turn
    # Most hands stand nearly upright.
    angle = np.radians(quanta.uniform(-lean, lean) if turn or quanta.random() < 0.6 else quanta.normal(0, 8))
    flip = -1.0 if (quanta.random() < 0.5 if mirrored is None else mirrored) else 1.0
    if at is None:
        at = tuple(quanta.uniform(-ranges.shift, ranges.shift, 2) * shape)
    cos, sin = np.cos(angle), np.sin(angle)
    forward = zoom * np.array([[cos, -sin], [sin, cos]]) @ np.diag([flip, 1.0])  # of x, y
    rows, columns = hand.attenuation.shape
    middle = np.array([columns / 2, 0.52 * rows])
    onto = np.array(shape[::-1]) / 2 + np.array(at)
    back = np.linalg.inv(forward)
    swapped = back[::-1, ::-1]  # of row, column
    image = affine_transform(
        hand.attenuation.astype(np.float32),
        swapped,
        middle[::-1] - swapped @ onto[::-1],
        shape,
        order=1,
        mode="nearest",
    )
    there = ~np.isnan(hand.joints[:, 0])
    points = (hand.joints[there, :2] - middle) @ forward.T + onto
    leans = flip * hand.joints[there, 2] + np.degrees(angle)
    mirror = np.full(len(points), flip < 0)
    return image, np.column_stack([np.flatnonzero(there) + 1, points, leans, mirror])


def add_things(image: Array, joints: Array, spacing: float, quanta: Generator) -> Array:
    """Add rings, plates, wires, casts, letters and air to a film's attenuation."""
    shape = image.shape
    image = image * quanta.uniform(0.7, 1.5)
    for _, x, y, lean, _ in joints:
        if quanta.random() < 0.05:  # a ring on the finger
            angle, way = np.radians(lean), quanta.uniform(14, 32) / spacing
            where = np.array([x + way * np.sin(angle), y - way * np.cos(angle)])
            ring = bar(
                shape, where, angle + np.pi / 2, quanta.uniform(16, 24) / spacing, quanta.uniform(2, 7) / spacing
            )
            image = image + quanta.uniform(0.5, 2.5) * ring
        if quanta.random() < 0.02:  # a plate or a pin in a bone
            angle, way = np.radians(lean), quanta.uniform(-45, 30) / spacing
            where = np.array([x + way * np.sin(angle), y - way * np.cos(angle)])
            pin = bar(
                shape,
                where,
                angle + quanta.normal(0, 0.3),
                quanta.uniform(15, 50) / spacing,
                quanta.uniform(1, 6) / spacing,
            )
            image = image + quanta.uniform(0.5, 2.0) * pin
    if quanta.random() < 0.06:
        image = image + cast(shape, quanta)
    if quanta.random() < 0.12:
        image = image + quanta.uniform(0.1, 1.5) * wire(
            shape, quanta.uniform(0, shape[0], 2), quanta, width=int(quanta.integers(1, 5))
        )
    for _ in range(quanta.integers(0, 3)):
        text = "".join(quanta.choice(list("RL0123456789ABEKMSWY"), quanta.integers(1, 5)))
        image = image + quanta.uniform(0.3, 2.0) * letters(
            shape, text, quanta.uniform(0, shape[0], 2), quanta.uniform(4, 16) / spacing, quanta.normal(0, 0.3)
        )
    down, across = np.linspace(-1, 1, shape[0])[:, None], np.linspace(-1, 1, shape[1])
    slope = quanta.normal(0, 0.06, 2)
    return image + quanta.uniform(0.02, 0.25) + (slope[0] * down + slope[1] * across).clip(0)


def targets(joints: torch.Tensor, side: int, *, step: int, reach: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what a network has to answer to a batch of images.

    Args:
        joints: (B, N, 5), see :data:`COLUMNS`.
        side: of its answer, px.
        step: px of the image for a px of the answer.
        reach: standard deviation of the target around a joint, px of the answer.

    Returns:
        (B, 5, side, side): 1 at a joint, falling off around it; (B, 2, side, side): sine and cosine of the lean of the
        joint that is near, 0 elsewhere.
    """
    batch = joints.shape[0]
    heat = torch.zeros(batch, JOINT_CHANNELS, side, side)
    lean = torch.zeros(batch, 2, side, side)
    y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    for item, row in (joints[..., 0] >= 1).nonzero().tolist():
        number, column, line, angle, _ = joints[item, row].tolist()
        middle = (step - 1) / 2
        away = (x - (column - middle) / step).square() + (y - (line - middle) / step).square()
        near = torch.exp(-away / (2 * reach**2))
        channel = heat[item, int(number) - 1]
        torch.maximum(channel, near / near.max().clamp(min=0.5), out=channel)
        turned = torch.tensor([np.sin(np.radians(angle)), np.cos(np.radians(angle))]).float()
        lean[item] = torch.where(away < (2.5 * reach) ** 2, turned[:, None, None], lean[item])
    return heat, lean
