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

import pytest
import torch
from torch import Tensor, nn

from scripts.networks.soft_tissue_estimator import SoftTissueEstimator
from tests.networks.test_generator import blocks, picture


class Ramp(nn.Module):
    """Paints ``x`` + 1 growing from the uppermost row to the lowest, whatever it sees."""

    def forward(self, seen: Tensor) -> Tensor:
        rows = torch.linspace(-2.0, 2.0, seen.shape[2])[:, None]
        return (rows + 1.0).expand(seen.shape[0], 1, *seen.shape[2:])


def test_the_soft_tissue_is_what_is_painted_in_the_overlap_averaged() -> None:
    estimator = SoftTissueEstimator()
    estimator.unet = Ramp()  # type: ignore[assignment]
    k = estimator(picture(0, 1, 1, 64, 64), blocks())
    # Rows 24..39 are rows 6..9 at a quarter of the resolution.
    painted = torch.sigmoid(torch.linspace(-2.0, 2.0, 16))[6:10]
    assert k.item() == pytest.approx(painted.mean().item(), abs=1e-4)
    lower_down = torch.zeros(1, 2, 64, 64)
    lower_down[:, :, 48:] = 1.0
    assert estimator(picture(0, 1, 1, 64, 64), lower_down).item() > k.item() + 0.2


def test_without_an_overlap_the_soft_tissue_is_the_whole_regions() -> None:
    estimator = SoftTissueEstimator()
    estimator.unet = Ramp()  # type: ignore[assignment]
    k = estimator(picture(0, 1, 1, 64, 64), torch.zeros(1, 2, 64, 64))
    assert k.item() == pytest.approx(0.5, abs=1e-3)


def test_a_given_soft_tissue_is_believed_as_far_as_the_picture_allows() -> None:
    given = torch.tensor([0.10, 0.29, 0.30, 0.32, 0.60]).reshape(-1, 1, 1, 1)
    believed = SoftTissueEstimator(trust=0.1).believed(given, torch.full_like(given, 0.3))
    assert believed.flatten().tolist() == pytest.approx([0.27, 0.29, 0.30, 0.32, 0.33])
