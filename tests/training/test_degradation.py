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
from torch import Tensor

from scripts.datasets.finger_joints import signed_distance
from scripts.training.degradation import Degradation, soften
from scripts.training.overlap_synthesis import OverlapSynthesis
from scripts.training.pairing import Pairing


def test_the_image_is_rounded_to_the_levels_of_a_file(joints: dict[str, Tensor]) -> None:
    torch.manual_seed(1)
    levels = OverlapSynthesis(degradation=Degradation(levels=255))(joints)["image"] * 255
    assert torch.allclose(levels, levels.round(), atol=1e-4)
    fine = OverlapSynthesis(degradation=Degradation(levels=0))(joints)["image"] * 255
    assert not torch.allclose(fine, fine.round(), atol=1e-2)


def test_a_blurred_rim_changes_the_image_at_the_overlaps_rim_only(joints: dict[str, Tensor]) -> None:
    made = []
    for blurred in (0.0, 1.0):
        torch.manual_seed(5)
        degradation = Degradation(blurred_rim=blurred, noise=0.0, levels=0)
        synthesis = OverlapSynthesis(pairing=Pairing(zoom=(1.0, 1.0)), degradation=degradation, mirrored=0.0)
        made.append(synthesis(joints))
    changed = made[0]["image"] != made[1]["image"]
    assert changed.any()
    # Distance to the overlap's border, or to the cleft between two bones that all but touch.
    within = torch.stack([signed_distance(masks) for masks in made[0]["true_masks"]])
    assert within.amin(dim=1, keepdim=True)[changed].abs().max() < 4.0
    assert torch.equal(made[0]["layers"], made[1]["layers"])


def test_softening_keeps_a_constant_picture_and_spreads_a_point_over_3x3() -> None:
    assert torch.allclose(soften(torch.full((1, 1, 5, 6), 0.3)), torch.tensor(0.3))
    point = torch.zeros(1, 1, 5, 5)
    point[..., 2, 2] = 1.0
    assert soften(point)[0, 0, 1:4, 1:4].flatten().tolist() == [x / 16 for x in (1, 2, 1, 2, 4, 2, 1, 2, 1)]
    assert soften(point).sum().item() == 1.0
