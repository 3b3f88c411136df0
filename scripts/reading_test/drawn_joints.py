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


"""Drawn joints in the form of real ones, for a reading test that needs no data."""

import numpy as np
from torch.utils.data import Dataset

from scripts.datasets.test_sets import Joint
from scripts.phantoms.joint import draw_joint
from scripts.phantoms.joint_anatomy import UNITS, draw_overlap

FINGERS = (2, 5, 8, 11, 13)
"""Joints by the release's numbers, little finger to thumb; the drawn ones are all alike, and take turns."""


class DrawnJoints(Dataset[Joint]):
    """Joints that the project draws, right and left hands in turn; an item has ``image`` and ``masks``.

    Args:
        count: how many.
        overlap: joints whose bones overlap, or joints with a gap.
        seed: decides all of them; no joint of one seed is drawn with and without overlap.
        size: side of a picture, px.

    Attributes:
        datalist: ``name``, ``case``, ``hand`` and ``joint`` of each, as of the release; every joint is a case.
    """

    def __init__(self, count: int, *, overlap: bool, seed: int = 0, size: int = UNITS) -> None:
        self.overlap, self.size = overlap, size
        # Odd numbers overlap, even ones do not: two sets of one seed share no joint.
        self.seeds = [2 * (1000 * seed + number) + overlap for number in range(count)]
        self.datalist = [
            {"name": f"drawn/{own}", "case": str(own), "hand": "LR"[at % 2], "joint": FINGERS[at % len(FINGERS)]}
            for at, own in enumerate(self.seeds)
        ]

    def __len__(self) -> int:
        return len(self.seeds)

    def __getitem__(self, index: int) -> Joint:
        own = self.seeds[index]
        depth = np.random.default_rng([own, 2])
        overlap = max(2.0, draw_overlap(depth)) if self.overlap else -float(depth.uniform(3.0, 12.0))
        hand = self.datalist[index]["hand"]
        drawn = draw_joint(own, size=self.size, overlap=overlap, hand="left" if hand == "L" else "right")
        return {"image": drawn.image, "masks": drawn.masks.float()}
