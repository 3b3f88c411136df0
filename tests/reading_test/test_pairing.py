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

import numpy as np
import pytest
import torch

from scripts.errors import InputError
from scripts.physics import LOWER, UPPER
from scripts.reading_test.pairing import Joints, mean_gray, one_of_each_case_first, pair


def entries(*cases: str) -> list[dict[str, Any]]:
    return [{"name": case, "case": case, "hand": "L", "joint": int(case.split("_")[1])} for case in cases]


def joints(cases: list[str], grays: list[float], widths: list[int], overlap: int) -> Joints:
    """Two slabs of one gray level each, the lower one ``overlap`` rows into the upper one."""
    masks = torch.zeros(len(cases), 2, 128, 128)
    for at, width in enumerate(widths):
        masks[at, UPPER, :64, 64 - width // 2 : 64 + width // 2] = 1.0
        masks[at, LOWER, 64 - overlap :, 64 - width // 2 : 64 + width // 2] = 1.0
    return Joints(torch.tensor(grays)[:, None, None, None] * torch.ones_like(masks), masks, entries(*cases))


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize("bone", [LOWER, UPPER])
def test_a_layer_is_paired_with_the_single_bone_that_is_most_like_it(bone: int) -> None:
    overlapping = joints(["a_5", "b_5"], [0.4, 0.6], [80, 80], 6)
    apart = joints(["c_5", "d_5", "e_5", "f_8"], [0.61, 0.41, 0.41, 0.4], [80, 80, 60, 80], -4)
    items = pair(overlapping, apart, bone, 2, rng())
    pairs = {made.entry["case"]: real.entry["case"] for made, real in zip(items[::2], items[1::2], strict=True)}
    assert pairs == {"a_5": "d_5", "b_5": "c_5"}
    assert [item.made for item in items] == [True, False, True, False]
    assert {item.thickest_px for item in items} == {6}
    assert {item.bone for item in items} == {bone}


def test_the_overlap_is_in_the_middle_of_both_patches() -> None:
    made, real = pair(joints(["a_5"], [0.5], [80], 6), joints(["c_5"], [0.5], [80], -4), LOWER, 1, rng())
    edges = [int(torch.nonzero(item.picture[:, 64])[0]) for item in (made, real)]
    assert edges == [30, 30]


def test_no_single_bone_is_used_twice_and_none_of_the_same_case() -> None:
    overlapping = joints(["a_5", "b_5", "c_5"], [0.5] * 3, [80] * 3, 6)
    items = pair(overlapping, joints(["a_5", "b_5", "d_5"], [0.5] * 3, [80] * 3, -4), UPPER, 3, rng())
    pairs = [(made.entry["case"], real.entry["case"]) for made, real in zip(items[::2], items[1::2], strict=True)]
    assert len({real for _, real in pairs}) == 3
    assert all(made != real for made, real in pairs)


@pytest.mark.parametrize(
    ("cases", "count", "says"),
    [
        (["a_5"], 0, "pairs: expected 1 or more, got 0"),
        (["c_5"], 2, "pairs: expected at most 1, as many as there are joints that do not overlap, got 2"),
        (["c_5", "d_5", "e_5"], 3, "pairs: expected at most 2, as many as there are overlapping joints, got 3"),
        (["a_5", "a_5"], 1, "pairs: expected single bones of other joints for 1 overlaps, got too few of them"),
    ],
)
def test_more_pairs_than_there_are_joints_are_refused(cases: list[str], count: int, says: str) -> None:
    overlapping = joints(["a_5", "a_5"], [0.5] * 2, [80] * 2, 6)
    apart = joints(cases, [0.5] * len(cases), [80] * len(cases), -4)
    with pytest.raises(InputError, match=says):
        pair(overlapping, apart, LOWER, count, rng())


def test_visits_of_a_joint_come_after_all_other_joints() -> None:
    datalist = entries(*["a_5"] * 6, "b_5", "c_5")
    order = one_of_each_case_first(datalist, rng())
    assert sorted(order) == list(range(8))
    assert {datalist[at]["case"] for at in order[:3]} == {"a_5", "b_5", "c_5"}


def test_the_gray_level_of_a_patch_without_a_bone_is_zero() -> None:
    assert mean_gray(torch.zeros(1, 4, 4), torch.ones(1, 4, 4, dtype=torch.bool)) == 0.0
