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

"""Places of drawn hands seen from near, as a finder's closer look learns from them: joints, and what looks like one."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.random import Generator
from scipy.ndimage import affine_transform
from torch.utils.data import Dataset

from scripts.networks.finder import CLOSEUP_MM, CLOSEUP_PX
from scripts.phantoms.joint_anatomy import Array
from scripts.phantoms.surroundings import letters
from scripts.training.finder_films import COLUMNS, add_things
from scripts.training.finder_hands import StoredHand

MOST = 5
"""Joints in a closer look."""


class Closeups(Dataset[dict[str, torch.Tensor]]):
    """Squares of 38.4 mm, some of a hand: ``image`` (N, 1, 96, 96), attenuation; ``joints`` (N, 5, 5) as
    :class:`~scripts.training.finder_films.Films` has them.

    More than half of them have a joint near the middle, turned nearly upright; the others have another joint there, or
    nothing in particular. Each time it is asked for, a square is another one.

    Args:
        hands: at 0.4 mm a px.
        count: N, squares of each hand.
        shift: standard deviation of the joint's distance from the middle, mm.
        turn: standard deviation of its lean, degrees.
    """

    def __init__(self, hands: Sequence[StoredHand], count: int = 4, shift: float = 2.5, turn: float = 9.0) -> None:
        self.hands, self.count, self.shift, self.turn = hands, count, shift, turn

    def __len__(self) -> int:
        return len(self.hands)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        quanta, hand = np.random.default_rng(int(torch.randint(2**31, ()).item())), self.hands[index]
        images = np.zeros((self.count, 1, CLOSEUP_PX, CLOSEUP_PX), np.float32)
        tables = np.zeros((self.count, MOST, len(COLUMNS)), np.float32)
        for image, table in zip(images, tables, strict=True):
            image[0], joints = self.draw(hand, quanta)
            table[: len(joints)] = joints[:MOST]
        return {"image": torch.from_numpy(images), "joints": torch.from_numpy(tables)}

    def draw(self, hand: StoredHand, quanta: Generator) -> tuple[Array, Array]:
        """Draw a square of a hand; return its attenuation and its joints (N, 5)."""
        there = np.flatnonzero(~np.isnan(hand.joints[:, 0]))
        chance = quanta.random()
        if chance < 0.6 and len(there):
            x, y, lean = hand.joints[quanta.choice(there)]
            lean += quanta.normal(0, self.turn)
        elif chance < 0.85:
            (x, y), lean = hand.others[quanta.integers(len(hand.others))], quanta.normal(0, 20)
        else:
            rows, columns = hand.attenuation.shape
            x, y, lean = quanta.uniform(0, columns), quanta.uniform(0, rows), quanta.uniform(-60, 60)
        flip = -1.0 if quanta.random() < 0.5 else 1.0
        zoom, angle = quanta.uniform(0.9, 1.12), -np.radians(flip * lean)
        cos, sin = np.cos(angle), np.sin(angle)
        forward = zoom * np.array([[cos, -sin], [sin, cos]]) @ np.diag([flip, 1.0])
        onto = np.full(2, (CLOSEUP_PX - 1) / 2) + quanta.normal(0, self.shift / CLOSEUP_MM, 2)
        back = np.linalg.inv(forward)[::-1, ::-1]
        middle = np.array([x, y])
        shape = (CLOSEUP_PX, CLOSEUP_PX)
        image = affine_transform(
            hand.attenuation.astype(np.float32), back, middle[::-1] - back @ onto[::-1], shape, order=1, mode="nearest"
        )
        points = (hand.joints[there, :2] - middle) @ forward.T + onto
        leans = flip * hand.joints[there, 2] + np.degrees(angle)
        joints = np.column_stack([there + 1, points, leans, np.full(len(there), flip < 0)])
        joints = joints[(points > 2).all(axis=1) & (points < CLOSEUP_PX - 3).all(axis=1)]
        image = image * quanta.uniform(0.7, 1.5) + quanta.uniform(0.02, 0.25)
        if quanta.random() < 0.3:
            image = add_things(image, joints, CLOSEUP_MM, quanta)
        elif quanta.random() < 0.06:
            image = image + letters(shape, "R4", quanta.uniform(0, CLOSEUP_PX, 2), quanta.uniform(10, 40), 0.0)
        return image, joints
