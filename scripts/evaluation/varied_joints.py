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

"""Joints as other sites send them: turned, off-centre, coarse, sharpened, each always in the same way."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils.data import Dataset

from scripts.datasets.finger_joints import signed_distance
from scripts.datasets.test_sets import Joint
from scripts.training.acquisition import Acquisition
from scripts.training.edge_rows import repeat_edge_rows
from scripts.training.placement import Placement


def foreign_acquisition() -> Acquisition:
    """Return an acquisition that makes every image coarse and sharpened, in another window, with some noise."""
    return Acquisition(
        coarse=1.0,
        resolution=(0.45, 0.9),
        sharpened=1.0,
        blurred=0.0,
        gamma=(0.7, 1.5),
        sigmoid=0.0,
        contrast=(0.7, 1.2),
        brightness=(-0.05, 0.1),
        noise=(0.0, 0.02),
        saturated=0.0,
        untouched=0.0,
    )


def foreign_placement() -> Placement:
    """Return a placement that turns every joint by up to 30 degrees and moves it by up to 20 px."""
    return Placement(angle=30.0, zoom=(0.85, 1.2), shift=20.0, far=0.0)


class VariedJoints(Dataset[Joint]):
    """Joints that are turned, moved and acquired anew, image and masks together; kept once they are made.

    The same joint is always changed in the same way, in any order of the joints; torch's random numbers are left alone.

    Args:
        joints: items with ``image`` (1, H, W) and ``masks`` (2, H, W); ``varied`` becomes 1, other keys
            stay as they are.
        placement: turns and moves a batch of images and signed distances; :func:`foreign_placement` if not given.
        acquisition: changes a batch of images; :func:`foreign_acquisition` if not given.
        seed: of the changes.

    Attributes:
        cases: the case of each joint, if ``joints`` has them.
    """

    def __init__(
        self,
        joints: Dataset[Joint],
        *,
        placement: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]] | None = None,
        acquisition: Callable[[Tensor], Tensor] | None = None,
        seed: int = 0,
    ) -> None:
        self.joints, self.seed = joints, seed
        self.placement, self.acquisition = placement or foreign_placement(), acquisition or foreign_acquisition()
        self.cases = list(getattr(joints, "cases", []))
        self.varied: dict[int, Joint] = {}

    def __len__(self) -> int:
        return len(self.joints)  # type: ignore[arg-type]

    def __getitem__(self, index: int) -> Joint:
        if index not in self.varied:
            joint = self.joints[index]
            distance = signed_distance(repeat_edge_rows(joint["masks"]))
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(100_000 * self.seed + index)
                image, within = self.placement(joint["image"][None], distance[None])
                image = (self.acquisition(image)[0] * 255.0).round() / 255.0
            masks = (within[0] > 0).float()
            changed = {"image": image, "masks": masks, "label": masks, "varied": torch.ones(1, 1, 1)}
            self.varied[index] = {**joint, **changed}
        return self.varied[index]
