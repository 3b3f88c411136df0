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
from scripts.physics import LOWER, UPPER, overlap_of, recompose, zone_of
from scripts.training.edge_profiles import NaturalEdge, TaperedEdge
from scripts.training.mask_jitter import MaskJitter
from scripts.training.overlap_synthesis import OverlapSynthesis
from tests.support.boxes import EXPOSED, boxes, plain


def test_the_overlap_of_two_boxes_follows_the_physics_by_hand() -> None:
    made = plain(shift=(3, 3))(boxes((0.7,)))
    both = overlap_of(made["true_masks"])
    assert made["soft_tissue"].item() == pytest.approx(0.25)
    assert made["image"][both].tolist() == pytest.approx([1 - 0.3 * 0.4 / 0.75] * int(both.sum()))
    assert made["layers"][:, UPPER, None][both].mean().item() == pytest.approx(0.7)
    assert made["layers"][:, LOWER, None][both].mean().item() == pytest.approx(0.6)
    nobody = ~(made["true_masks"] > 0).any(dim=1, keepdim=True)
    assert made["image"][nobody].mean().item() == pytest.approx(0.25)
    assert made["layers"][nobody.expand(-1, 2, -1, -1)].mean().item() == pytest.approx(0.25)


@pytest.mark.parametrize("tapered", [0.0, 1.0])
def test_the_true_layers_recompose_the_image(joints: dict[str, Tensor], tapered: float) -> None:
    torch.manual_seed(1)
    made = OverlapSynthesis(natural=NaturalEdge(share=0.0), tapered=TaperedEdge(share=tapered), degradation=EXPOSED)(
        joints
    )
    again = recompose(made["layers"], made["soft_tissue"], made["true_masks"])
    inside = made["true_masks"].amax(dim=1, keepdim=True) > 0
    assert (again - made["image"])[inside].abs().max() < 1e-5


def test_whole_bones_recompose_the_image_everywhere_whatever_masks_are_given(joints: dict[str, Tensor]) -> None:
    for seed in range(5):
        torch.manual_seed(seed)
        synthesis = OverlapSynthesis(
            natural=NaturalEdge(share=1.0), mask_jitter=MaskJitter(share=1.0), degradation=EXPOSED, mirrored=0.0
        )
        made = synthesis(joints)
        # Both layers hold the tissue once: what the darker of them is where there is one bone at most.
        tissue = made["layers"].amin(dim=1, keepdim=True)
        far = ~zone_of(made["true_masks"], 8)
        again = recompose(made["layers"], tissue)
        assert (again - made["image"])[far].abs().max() < 1e-4
        assert not torch.equal(made["masks"], made["true_masks"])


def test_a_layer_of_whole_bones_keeps_the_rim_of_its_bone_under_the_other_one() -> None:
    joint = boxes((0.7,))
    halo = (joint["distance"][:, LOWER, None] < 0) & (joint["distance"][:, LOWER, None] > -3)
    joint["image"] = torch.where(halo, 0.4, joint["image"])
    made = plain(depth=(8.0, 8.0), natural=NaturalEdge(share=1.0))(joint)
    first = int((made["true_masks"][0, LOWER, :, 32] > 0).nonzero()[0])
    above = made["layers"][0, LOWER, first - 3 : first, 32]
    assert (above > 0.25 + 0.01).tolist() == [True] * 3
    assert (above.diff() > 0).all()


def test_a_natural_composite_keeps_the_soft_edges_of_the_bones_outside_their_masks() -> None:
    joint = boxes((0.7,))
    # A halo of 3 px around the lower bone, as blur and a bone's lips leave it.
    halo = (joint["distance"][:, LOWER, None] < 0) & (joint["distance"][:, LOWER, None] > -3)
    joint["image"] = torch.where(halo, 0.4, joint["image"])
    synthesis = {share: plain(shift=(0, 0), natural=NaturalEdge(share=share, rim_width=5.0)) for share in (0.0, 1.0)}
    below = {natural: make(joint)["image"][0, 0, 56:62, 32].tolist() for natural, make in synthesis.items()}
    assert below[0.0] == pytest.approx([0.25] * 6)
    # Half a pixel, one and a half, two and a half away from the outline: the halo fades out over 5 px.
    faded = [1 - 0.75 * (0.6 / 0.75) ** (1 - away / 5) for away in (0.5, 1.5, 2.5)]
    assert below[1.0] == pytest.approx([*faded, 0.25, 0.25, 0.25], abs=1e-4)


def test_kinds_of_composites_come_in_their_shares() -> None:
    torch.manual_seed(0)
    joint = boxes((0.7,) * 400)
    joint["image"] = torch.where(joint["distance"].amax(dim=1, keepdim=True) < 0, 0.4, joint["image"])
    edges = {"natural": NaturalEdge(share=0.5), "tapered": TaperedEdge(share=0.3, width=(8.0, 8.0))}
    made = plain(depth=(12.0, 12.0), **edges)(joint)
    rows = made["true_masks"][:, LOWER].amax(dim=2).argmax(dim=1)
    outside = made["image"][torch.arange(400), 0, 57 - 34 + rows, 32] > 0.26
    upper_rim = made["layers"][torch.arange(400), UPPER, rows + 11, 32] < 0.5
    assert outside.float().mean().item() == pytest.approx(0.5, abs=0.08)
    assert (upper_rim & ~outside).float().mean().item() == pytest.approx(0.3, abs=0.08)


def test_tapered_overlaps_begin_softly_and_hard_ones_with_a_step() -> None:
    step = {}
    for tapered in (0.0, 1.0):
        edge = TaperedEdge(share=tapered, width=(8.0, 8.0))
        made = plain(depth=(12.0, 12.0), tapered=edge)(boxes((0.7,)))
        both = overlap_of(made["true_masks"])[0, 0, :, 32]
        first = int(both.nonzero()[0])
        step[tapered] = (made["image"][0, 0, first, 32] - made["image"][0, 0, first - 1, 32]).item()
    assert step[0.0] > 0.1
    assert 0.0 < step[1.0] < 0.04


def test_a_mirrored_composite_is_the_same_one_mirrored(joints: dict[str, Tensor]) -> None:
    made = []
    for mirrored in (0.0, 1.0):
        torch.manual_seed(3)
        made.append(OverlapSynthesis(mirrored=mirrored)(joints))
    for key in ("image", "masks", "true_masks", "layers"):
        assert torch.equal(made[0][key].flip(-1), made[1][key])
    assert torch.equal(made[0]["soft_tissue"], made[1]["soft_tissue"])


def test_the_same_seed_makes_the_same_overlaps_and_another_seed_others(joints: dict[str, Tensor]) -> None:
    made = []
    for seed in (4, 4, 5):
        torch.manual_seed(seed)
        made.append(OverlapSynthesis()(joints))
    for key, value in made[0].items():
        assert torch.equal(value, made[1][key])
        assert not torch.equal(value, made[2][key])


def test_overlaps_of_many_seeds_are_gray_levels_and_masks(joints: dict[str, Tensor]) -> None:
    synthesis = OverlapSynthesis()
    for seed in range(60):
        torch.manual_seed(seed)
        made = synthesis(joints)
        for key in ("image", "layers", "soft_tissue"):
            assert made[key].isfinite().all()
            assert made[key].min() >= 0
            assert made[key].max() <= 1
        for key in ("masks", "true_masks"):
            assert set(made[key].unique().tolist()) == {0.0, 1.0}


def test_a_joint_without_bones_or_with_one_makes_no_nan() -> None:
    joint = boxes()
    joint["distance"][0, UPPER] = signed_distance(torch.zeros(1, 64, 64))
    joint["distance"][1] = signed_distance(torch.zeros(2, 64, 64))
    for seed in range(5):
        torch.manual_seed(seed)
        assert all(value.isfinite().all() for value in OverlapSynthesis()(joint).values())


def test_distances_are_those_to_the_outlines_of_the_true_masks(joints: dict[str, Tensor]) -> None:
    torch.manual_seed(2)
    made = OverlapSynthesis()(joints)
    assert torch.equal((made["distance"] > 0).float(), made["true_masks"])
    for distance, masks in zip(made["distance"], made["true_masks"], strict=True):
        near = distance.abs() < 5
        assert (signed_distance(masks) - distance)[near].abs().mean() < 1.0
