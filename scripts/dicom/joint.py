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

"""One joint of a radiograph, taken apart: what the derived objects are made of."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class SeparatedJoint:
    """One joint, separated on the radiograph's own grid and in its own levels.

    Attributes:
        name: of the joint, unique in its radiograph: letters, digits, ``-`` and ``_``, 32 characters at most.
        box: top, left, bottom, right of the region in px of the radiograph; bottom and right are the first outside.
        layers: (2, H, W) integers, the lower and the upper layer, in levels of :class:`scripts.dicom.grayscale.
            Grayscale`; the radiograph's inside a bone and outside the overlap, 0 outside the bone.
        masks: (2, H, W) bool, lower and upper bone.
        soft_tissue: level of the soft tissue k in the overlap.
        white: level of total absorption W: in the overlap (W - image)(W - k) = (W - upper)(W - lower).
        masks_from: ``"predicted"``, ``"given"`` or other words for where the masks come from.
    """

    name: str
    box: tuple[int, int, int, int]
    layers: np.ndarray
    masks: np.ndarray
    soft_tissue: float
    white: int
    masks_from: str
