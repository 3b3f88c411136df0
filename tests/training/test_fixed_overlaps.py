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

import torch
from torch import Tensor

from scripts.physics import LOWER, UPPER
from scripts.training.edge_profiles import TaperedEdge
from scripts.training.fixed_overlaps import FixedOverlaps, undisturbed
from scripts.training.overlap_synthesis import OverlapSynthesis


def test_fixed_overlaps_are_the_same_at_every_call_and_under_every_seed_of_the_training(
    joints: dict[str, Tensor],
) -> None:
    items = [{key: value[at] for key, value in joints.items()} for at in range(3)]
    syntheses = [OverlapSynthesis(tapered=TaperedEdge(share=share)) for share in (0.0, 1.0)]
    torch.manual_seed(1)
    first = FixedOverlaps(items, syntheses)
    torch.manual_seed(2)
    second, other = FixedOverlaps(items, syntheses), FixedOverlaps(items, syntheses, seed=1)
    assert len(first) == 6
    for at in range(6):
        for key in ("image", "masks", "label"):
            assert torch.equal(first[at][key], first[at][key])
            assert torch.equal(first[at][key], second[at][key])
        assert not torch.equal(first[at]["image"], other[at]["image"])
    assert first[0]["image"].shape == (1, 128, 128)
    assert first[0]["masks"].shape == (2, 128, 128)
    assert first[0]["label"].shape == (4, 128, 128)


def test_fixed_overlaps_leave_the_trainings_random_numbers_alone(joints: dict[str, Tensor]) -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    FixedOverlaps([{key: value[0] for key, value in joints.items()}], [OverlapSynthesis()])
    assert torch.equal(torch.rand(3), expected)


def test_undisturbed_overlaps_leave_nothing_but_the_shifts_to_chance(joints: dict[str, Tensor]) -> None:
    plain = undisturbed()
    synthesis = replace(
        plain,
        pairing=replace(plain.pairing, shift=(6, 6)),
        degradation=replace(plain.degradation, levels=0),
        mirrored=0.0,
    )
    made, again = synthesis(joints), synthesis(joints)
    assert torch.equal(made["image"], again["image"])
    assert torch.equal(made["masks"], made["true_masks"])
    inside = made["true_masks"] > 0
    # A hard-cut layer is its bone, moved: nothing is thinned, turned or made brighter.
    moved_up = joints["image"].roll(-6, dims=2)
    alone = inside[:, LOWER, None] & ~inside[:, UPPER, None]
    # The lowest rows come from beyond the picture.
    assert (made["image"] - moved_up)[:, :, :-8][alone[:, :, :-8]].abs().max() < 1e-3


def test_real_overlaps_come_last_and_nobody_knows_their_layers(joints: dict[str, Tensor]) -> None:
    items = [{key: value[at] for key, value in joints.items()} for at in range(2)]
    real = {"image": torch.rand(1, 128, 128), "masks": torch.ones(2, 128, 128)}
    fixed = FixedOverlaps(items, [undisturbed()], real=[real])
    assert len(fixed) == 3
    assert torch.equal(fixed[2]["image"], real["image"])
    assert fixed[2]["label"][:2].isnan().all()
    assert torch.equal(fixed[2]["label"][2:], real["masks"])
    assert not fixed[1]["label"].isnan().any()
