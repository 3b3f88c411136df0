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

import math

import pytest
import torch
from torch import Tensor

from scripts.evaluation.mask_metrics import OnePiece, PooledOverlapDice
from scripts.physics import LOWER, UPPER


def bones(first_lower: int = 16) -> Tensor:
    """Masks (1, 2, 40, 30) of bones as wide as the picture that share rows ``first_lower`` to 23."""
    masks = torch.zeros(1, 2, 40, 30)
    masks[0, UPPER, :24] = 1.0
    masks[0, LOWER, first_lower:] = 1.0
    return masks


def pieces(pred: Tensor) -> list[float]:
    metric = OnePiece()
    metric(y_pred=pred, y=pred)
    return metric.per_bone().tolist()


def test_the_pooled_dice_counts_an_image_by_the_size_of_its_overlap() -> None:
    true = torch.cat([bones(first_lower=16), bones(first_lower=22)])
    pred = torch.cat([bones(first_lower=18), bones(first_lower=24)])
    metric = PooledOverlapDice()
    # Of 8 and 2 rows the network found 6 and none.
    metric(y_pred=pred, y=true)
    assert metric.aggregate().item() == pytest.approx(2 * 6 / (8 + 2 + 6))
    metric.reset()
    metric(y_pred=pred[:1], y=true[:1])
    metric(y_pred=torch.zeros_like(pred[1:]), y=torch.zeros_like(true[1:]))
    assert metric.aggregate().item() == pytest.approx(2 * 6 / (8 + 6))


def test_a_pooled_dice_without_any_overlap_is_not_a_number() -> None:
    metric = PooledOverlapDice()
    metric(y_pred=bones(first_lower=30), y=bones(first_lower=30))
    assert math.isnan(metric.aggregate().item())


def test_a_bone_in_one_piece_is_told_from_one_in_two_and_from_none() -> None:
    masks = bones()
    assert pieces(masks) == [1.0, 1.0]
    two = masks.clone()
    two[0, LOWER, 30] = 0.0
    assert pieces(two) == [0.0, 1.0]
    two[0, UPPER] = 0.0
    assert pieces(two) == [0.0, 0.0]


def test_pieces_that_touch_at_a_corner_are_one() -> None:
    masks = torch.zeros(1, 2, 8, 8)
    masks[..., :4, :4] = 1.0
    masks[..., 4:, 4:] = 1.0
    assert pieces(masks) == [1.0, 1.0]
