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

"""Soft tissue under and near the bones, levelled: the release's backgrounds are black there, no tissue is."""

from collections.abc import Mapping
from typing import Any

import torch
from monai.transforms import MapTransform


class LevelTissued(MapTransform):
    """Brightening of a ``background`` to the tissue around the bones, where it is darker, under and near them.

    The release's backgrounds were filled in from outside the picture: they are too dark under the bones and black
    towards the picture's edge. A bone that moves away would leave a black band behind.

    Args:
        keys: of the background, (1, H, W), gray levels 0..1.
        ring: px from the bones between which the tissue around them is measured.
        near: px from the bones within which the background is levelled.
        fade: px over which that begins.
    """

    def __init__(
        self,
        keys: tuple[str, ...] = ("background",),
        *,
        ring: tuple[float, float] = (6.0, 30.0),
        near: float = 14.0,
        fade: float = 8.0,
    ) -> None:
        super().__init__(keys)
        self.ring, self.near, self.fade = ring, near, fade

    def __call__(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Level the background; ``distance`` (2, H, W) tells where the bones are."""
        joint = dict(data)
        away = -joint["distance"].amax(dim=0, keepdim=True)
        around = (away > self.ring[0]) & (away < self.ring[1])
        for key in self.key_iterator(joint):  # type: ignore[arg-type]
            tissue = joint[key]
            level = tissue[around if around.any() else torch.ones_like(around)].median()
            share = ((self.near - away) / self.fade).clamp(0.0, 1.0)
            joint[key] = tissue + share * (torch.maximum(tissue, level) - tissue)
        return joint
