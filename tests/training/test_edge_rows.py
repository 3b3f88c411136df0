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

import torch

from scripts.training.edge_rows import EdgeRowsd, repeat_edge_rows


def test_a_mask_that_ends_a_row_or_two_early_runs_to_the_edge() -> None:
    masks = torch.zeros(2, 20, 10)
    masks[0, 12:18, 2:8] = 1.0
    masks[1, 2:9, 2:8] = 1.0
    made = repeat_edge_rows(masks)
    assert made[0, 12:, 2:8].all()
    assert made[1, :9, 2:8].all()
    assert made.sum() == masks.sum() + 4 * 6


def test_a_mask_that_does_not_come_near_the_edge_stays_as_it_is_and_so_does_the_one_that_was_given() -> None:
    masks = torch.zeros(2, 20, 10)
    masks[:, 5:14, 2:8] = 1.0
    joint = {"masks": masks.clone(), "name": "one"}
    made = EdgeRowsd(["masks"])(joint)
    assert torch.equal(made["masks"], masks)
    masks[0, 12:18] = 1.0
    given = masks.clone()
    repeat_edge_rows(masks)
    assert torch.equal(masks, given)
