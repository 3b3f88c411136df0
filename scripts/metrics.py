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

"""Figures of a separation: errors and steps inside the overlap, where the easy pixels cannot hide them."""

import torch
from monai.metrics import CumulativeIterationMetric
from torch import Tensor

from scripts.radiograph import overlap_of


class OverlapError(CumulativeIterationMetric):
    """Mean absolute error of the lower and the upper layer inside the overlap, gray levels of 255.

    Called with ``y_pred`` (B, C, H, W), whose first two channels are the layers, and ``y`` (B, 4, H, W): the true layers
    and the masks, 0..1; answers (B, 2), NaN for an image without an overlap. ``aggregate`` is the mean over images and
    both layers.
    """

    def _compute_tensor(self, y_pred: Tensor, y: Tensor | None = None) -> Tensor:
        if y is None:
            raise ValueError("y is missing: true layers and masks, (B, 4, H, W), are needed")
        overlap = overlap_of(y[:, 2:]).float()
        error = ((y_pred[:, :2] - y[:, :2]).abs() * overlap).sum(dim=(2, 3)) / overlap.sum(dim=(2, 3))
        return 255.0 * error

    def aggregate(self) -> Tensor:
        """Mean over all images and both layers."""
        return self.per_layer().mean()

    def per_layer(self) -> Tensor:
        """Means over all images, (2,): lower and upper layer."""
        errors = self.get_buffer()
        if not isinstance(errors, Tensor):
            raise ValueError("no image has been measured yet")
        return torch.nanmean(errors, dim=0)
