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

"""Metrics of predicted masks over all images together, and of the pieces they are in."""

import numpy as np
import torch
from scipy.ndimage import label as count_pieces
from torch import Tensor

from scripts.evaluation.metrics import PerMask
from scripts.physics import overlap_of


class PooledOverlapDice(PerMask):
    """Dice of the overlap region over the pixels of all images together: an image counts by the size of its overlap.

    The values of an image are the pixels that both share, doubled, and those that either has.
    """

    def _compute_tensor(self, y_pred: Tensor, y: Tensor) -> Tensor:  # type: ignore[override]
        pred, true = overlap_of(y_pred), overlap_of(y)
        return torch.stack(
            [2 * (pred & true).sum(dim=(1, 2, 3)), (pred.sum(dim=(1, 2, 3)) + true.sum(dim=(1, 2, 3)))], 1
        )

    def aggregate(self) -> Tensor:
        """Return the Dice, NaN where there is no overlap at all."""
        hit, size = self.get_buffer().double().sum(dim=0)  # type: ignore[union-attr]
        return hit / size


class OnePiece(PerMask):
    """Share of predicted bones in one piece: 1 for one, 0 for none or several; pixels touching at a corner are one."""

    def _compute_tensor(self, y_pred: Tensor, y: Tensor) -> Tensor:  # type: ignore[override]
        pred = (y_pred > 0.5).cpu().numpy()
        values = np.zeros(pred.shape[:2], dtype=np.float32)
        for image, bone in np.ndindex(*values.shape):
            values[image, bone] = count_pieces(pred[image, bone], structure=np.ones((3, 3)))[1] == 1
        return torch.from_numpy(values)
