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


from typing import Any

import pytest
import torch

from scripts.datasets.finger_joints import case_fields
from scripts.evaluation.realism import PATCH, Bones, Location, Patches, Realism, bones_of, cut, locate, matched
from scripts.networks.separator import Separator
from scripts.physics import LOWER, UPPER


def bone(kind: int, edge: int, left: int = 20, right: int = 100) -> torch.Tensor:
    mask = torch.zeros(128, 128, dtype=torch.bool)
    mask[(slice(edge, None) if kind == LOWER else slice(None, edge + 1)), left:right] = True
    return mask


def entries(*cases: str) -> list[dict[str, Any]]:
    return [case_fields(case) for case in cases]


@pytest.mark.parametrize(("kind", "row"), [(LOWER, 64), (UPPER, 56)])
def test_a_location_is_found_again_in_another_bone(kind: int, row: int) -> None:
    mask, overlap = bone(kind, 60), torch.zeros(128, 128, dtype=torch.bool)
    overlap[row - 1 : row + 2, 69:72] = True
    location = locate(overlap, mask, kind)
    assert location == Location(aside=70 - 59.5, depth=4.0)
    other = bone(kind, 50, 10, 90)
    layer = torch.zeros(128, 128)
    layer[50 + (4 if kind == LOWER else -4), 60] = 1.0
    patch = cut(layer, other, kind, location)
    assert patch.shape == (1, *PATCH)
    assert torch.nonzero(patch[0]).tolist() == [[PATCH[0] // 2, PATCH[1] // 2]]


def test_a_location_beyond_a_bone_is_brought_to_its_side_and_the_picture_goes_on_as_zero() -> None:
    patch = cut(torch.ones(128, 128), bone(LOWER, 125, 0, 20), LOWER, Location(aside=-90.0, depth=30.0))
    assert patch[0, 0, -1] == 1.0
    assert (patch[0, -20:] == 0).all()
    assert (patch[0, :, :40] == 0).all()


def test_right_hands_are_mirrored_and_a_layer_ends_with_its_bone() -> None:
    masks = torch.stack([bone(LOWER, 60, 0, 30), bone(UPPER, 60, 0, 30)])[None].expand(2, -1, -1, -1).float()
    bones = bones_of(torch.ones(2, 2, 128, 128), masks, entries("00001_L_5", "00002_R_5"), LOWER)
    assert bones.layers[0, 100, 0] == bones.layers[1, 100, 127] == 1.0
    assert bones.layers.sum() == bones.masks.sum() == masks[:, LOWER].sum()
    assert torch.equal(bones.masks[0], bones.masks[1].flip(-1))


def test_single_bones_are_matched_by_joint_and_width_from_another_case_and_not_all_the_same() -> None:
    cases = entries("00001_L_5", "00002_L_5", "00003_L_5", "00004_L_8")
    masks = torch.stack([bone(LOWER, 60, 20, 20 + width) for width in (80, 60, 78, 80)])
    singles = Bones(masks.float(), masks, cases)
    wanted = torch.stack([bone(LOWER, 60, 20, 100)] * 2)
    assert matched(Bones(wanted.float(), wanted, entries("00001_L_5", "00009_L_5")), singles, LOWER, 1) == [[2], [0]]
    one = Bones(wanted[:1].float(), wanted[:1], entries("00009_R_8"))
    assert matched(one, singles, LOWER, 2)[0][0] == 3


def judge() -> Any:
    torch.manual_seed(0)
    made: Any = object.__new__(Realism)
    made.judge, made.depth, made.folds, made.seed = Separator(), 0, 3, 0
    return made


def patches(count: int, seed: int, line: float = 0.0) -> Patches:
    pictures = 0.5 + 0.1 * torch.randn(count, 1, *PATCH, generator=torch.Generator().manual_seed(seed))
    pictures[:, :, 32] += line
    return Patches(pictures, [f"{seed}{at // 2}" for at in range(count)])


def test_a_seam_gives_layers_away_and_like_patches_are_not_told_apart() -> None:
    seam = judge().tell("lower", patches(60, 1, line=0.5), [patches(60, 2)])
    like = judge().tell("lower", patches(60, 1), [patches(60, 2)])
    assert seam["auc_lower"] > 0.95
    assert 0.25 < like["auc_lower_from"] <= like["auc_lower"] <= like["auc_lower_to"] < 0.8
    assert seam["frechet_lower"] > 2 * like["frechet_lower"]
    assert seam["patches_lower"] == 60


def test_what_is_blacked_out_gives_nothing_away() -> None:
    inside = torch.zeros(60, 1, *PATCH)
    inside[:, :, 40:] = 1.0
    seam, like = patches(60, 1, line=0.5).times(inside), patches(60, 2).times(inside)
    row = judge().tell("lower", seam, [like], "auc_inside")
    assert row["auc_inside_lower"] < 0.8
    assert (seam.pictures[:, :, :40] == 0).all()
    assert torch.equal(seam.pictures[:, :, 40:], patches(60, 1, line=0.5).pictures[:, :, 40:])
