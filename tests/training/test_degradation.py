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

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from scripts.datasets.finger_joints import signed_distance
from scripts.physics import attenuation, gray_level
from scripts.training.degradation import Degradation, blur, resample, soften
from scripts.training.overlap_synthesis import OverlapSynthesis
from scripts.training.pairing import Pairing
from tests.support.boxes import EXPOSED


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
        degradation = replace(EXPOSED, blurred_rim=blurred)
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


def rays(seed: int = 0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Attenuation of an image, of both layers and of the soft tissue, and distances to the outlines."""
    draw = torch.Generator().manual_seed(seed)
    soft = torch.full((2, 1, 64, 64), 0.3)
    bones = 0.2 + 0.5 * torch.rand(2, 2, 64, 64, generator=draw)
    return soft + bones.sum(dim=1, keepdim=True), soft + bones, soft, torch.full((2, 2, 64, 64), 20.0)


@pytest.mark.parametrize(
    "changed",
    [{"coarse": 1.0}, {"sharpened": 1.0}, {"curved": 1.0}, {"saturated": 1.0}, {"exposure": (0.5, 1.5)}],
    ids=lambda changed: next(iter(changed)),
)
def test_layers_still_add_up_to_the_image_whatever_is_done_to_it(changed) -> None:
    torch.manual_seed(3)
    total, layers, soft, within = rays()
    made = replace(EXPOSED, **changed)(total, layers, soft, within)
    again = made.layers.sum(dim=1, keepdim=True) - made.soft_tissue
    assert torch.allclose(again, attenuation(made.image), atol=1e-3)
    assert not torch.allclose(made.image, gray_level(total), atol=1e-2)


def test_a_gray_scale_leaves_each_bone_its_share() -> None:
    torch.manual_seed(3)
    total, layers, soft, within = rays()
    made = replace(EXPOSED, curved=1.0)(total, layers, soft, within)
    before, after = (
        (layers - soft) / (total - soft),
        (made.layers - made.soft_tissue) / (attenuation(made.image) - made.soft_tissue),
    )
    assert torch.allclose(before, after, atol=1e-3)


def test_pixels_as_wide_as_they_were_leave_an_image_as_it_was_and_wide_ones_keep_its_mean() -> None:
    x = torch.rand(2, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    made = resample(x, torch.tensor([1.0, 2.0]))
    assert torch.equal(made[0], x[0])
    assert made[1].std() < 0.7 * x[1].std()
    assert made[1].mean().item() == pytest.approx(x[1].mean().item(), abs=2e-3)


def test_a_blur_is_the_mean_of_a_square() -> None:
    x = torch.rand(1, 1, 9, 9, generator=torch.Generator().manual_seed(0))
    assert blur(x, 2)[0, 0, 4, 4].item() == pytest.approx(x[0, 0, 2:7, 2:7].mean().item(), abs=1e-6)


def test_noise_is_of_single_pixels_or_of_several_and_as_strong_either_way() -> None:
    torch.manual_seed(0)
    grain = Degradation(noise=0.05).grain(torch.zeros(400, 1, 24, 24))
    noisy = grain[grain.flatten(1).std(dim=1) > 5e-3]
    assert len(noisy) / 400 == pytest.approx(0.5, abs=0.12)
    neighbours = torch.stack(
        [torch.corrcoef(torch.stack([x[0, :, :-1].flatten(), x[0, :, 1:].flatten()]))[0, 1] for x in noisy]
    )
    soft = neighbours > 0.3
    assert soft.float().mean().item() == pytest.approx(0.4, abs=0.12)
    assert noisy[soft].std().item() == pytest.approx(noisy[~soft].std().item(), rel=0.25)
