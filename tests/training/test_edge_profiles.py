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

from scripts.training.edge_profiles import NaturalEdge, smoothstep, taper
from tests.support.drawn import per_image


def test_a_whole_bone_keeps_all_of_its_attenuation_inside_its_mask_and_fades_out_around_it() -> None:
    within = torch.tensor([9.0, 0.5, -1.5, -3.0, -6.0, -9.0]).reshape(1, 1, 1, 6)
    faded = NaturalEdge(rim_width=6.0).fade(torch.full_like(within, 0.8), within).flatten()
    assert faded.tolist() == pytest.approx([0.8, 0.8, 0.6, 0.4, 0.0, 0.0])
    assert NaturalEdge().fade(torch.full_like(within, -0.1), within).max() == 0.0


def test_a_smoothstep_goes_from_nothing_to_all_and_is_flat_at_both_ends() -> None:
    assert smoothstep(torch.tensor([-1.0, 0.0, 0.25, 0.5, 1.0, 2.0])).tolist() == [0.0, 0.0, 0.15625, 0.5, 1.0, 1.0]


def test_a_taper_takes_the_bone_away_at_its_outline_inside_the_overlap() -> None:
    bone, deep = torch.full((1, 1, 1, 4), 0.8), torch.tensor([[[[0.0, 2.0, 4.0, 9.0]]]])
    inside_other = torch.full_like(bone, 5.0)
    thin = taper(bone, deep, inside_other, width=per_image(4.0), power=per_image(1.0), reach=per_image(10.0)).flatten()
    assert thin.tolist() == pytest.approx([0.0, 0.4, 0.8, 0.8])
    squared = taper(bone, deep, inside_other, width=per_image(4.0), power=per_image(2.0), reach=per_image(10.0))
    assert squared.flatten().tolist() == pytest.approx([0.0, 0.2, 0.8, 0.8])


def test_a_taper_leaves_the_bone_away_from_the_other_bone_bit_for_bit() -> None:
    bone = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(0)) - 0.2
    near_outline, far = torch.full_like(bone, 0.5), torch.full_like(bone, -10.0)
    thin = taper(bone, near_outline, far, width=per_image(4.0), power=per_image(1.0), reach=per_image(10.0))
    assert torch.equal(thin, bone)


def test_a_taper_fades_without_a_step_at_the_overlaps_border() -> None:
    other = torch.linspace(-14.0, 6.0, 2001).reshape(1, 1, 1, -1)
    bone, outline = torch.full_like(other, 0.8), torch.full_like(other, 0.5)
    thin = taper(bone, outline, other, width=per_image(4.0), power=per_image(1.0), reach=per_image(10.0)).flatten()
    assert thin[0].item() == pytest.approx(0.8)
    assert thin[-1].item() == pytest.approx(0.1)
    assert (thin.diff() <= 1e-6).all()
    # Over a hundredth of a px: a smoothstep of 10 px falls by 0.15 a px of its height at most.
    assert thin.diff().abs().max() < 0.0015 * 0.7 * 1.05


def test_no_ray_absorbs_less_than_nothing_in_a_tapered_overlap() -> None:
    bone = torch.full((1, 1, 1, 1), -0.3)
    inside = torch.full_like(bone, 9.0)
    assert taper(bone, inside, inside, width=per_image(4.0), power=per_image(1.0), reach=per_image(10.0)).item() == 0.0
