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
from torch import Tensor

from scripts.datasets.finger_joints import signed_distance
from scripts.training.losses import MaskLoss
from scripts.training.outline_loss import OutlineLoss


@pytest.fixture
def distance() -> Tensor:
    """Distances to the outlines of two bones that overlap."""
    masks = torch.zeros(2, 48, 48)
    masks[0, 20:, 10:38] = 1.0
    masks[1, :28, 14:34] = 1.0
    return signed_distance(masks)[None]


def test_logits_that_are_the_distances_cost_nothing_but_the_masks(distance: Tensor) -> None:
    logits = distance.clamp(-8.0, 8.0)
    masks = MaskLoss(overlap=0.5)(logits, (distance > 0).float())
    assert OutlineLoss()(logits, distance).item() == pytest.approx(masks.item(), abs=1e-6)


def test_a_logit_far_from_the_outline_need_only_be_sure(distance: Tensor) -> None:
    loss = OutlineLoss(near=0.0, everywhere=1.0, masks=MaskLoss())
    far = distance.clamp(-8.0, 8.0)
    sure = loss(3.0 * far, distance) - MaskLoss()(3.0 * far, (distance > 0).float())
    # Beyond 8 px the error is at most the px by which a logit may go further.
    assert sure < loss(-far, distance)
    assert OutlineLoss(everywhere=1.0, near=0.0)(100.0 * torch.sign(distance), 100.0 * distance) < 1.01


def test_an_outline_in_the_wrong_place_costs_its_distance(distance: Tensor) -> None:
    loss = OutlineLoss(masks=torch.nn.MSELoss(), everywhere=0.0, near=1.0)

    def of_outline(by: float) -> float:
        logits = (distance + by).clamp(-8.0, 8.0)
        return (loss(logits, distance) - torch.nn.MSELoss()(logits, (distance > 0).float())).item()

    assert of_outline(0.0) == pytest.approx(0.0, abs=1e-5)
    assert of_outline(0.5) == pytest.approx(0.5, abs=0.02)
    assert of_outline(-1.0) == pytest.approx(1.0, abs=0.05)


def test_a_joint_without_an_outline_has_a_finite_loss() -> None:
    far = torch.full((1, 2, 16, 16), -50.0)
    assert OutlineLoss()(torch.zeros_like(far), far).isfinite()


def test_the_loss_descends_towards_the_outline(distance: Tensor) -> None:
    logits = torch.zeros_like(distance, requires_grad=True)
    optimizer = torch.optim.Adam([logits], lr=0.5)
    loss = OutlineLoss()
    for _ in range(60):
        optimizer.zero_grad()
        loss(logits, distance).backward()
        optimizer.step()
    assert torch.equal(logits > 0, distance > 0)
    near = distance.abs() < 6
    assert (logits - distance)[near].abs().mean() < 1.0
