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

from scripts.reading_test.drawn_joints import DrawnJoints


def test_joints_overlap_or_do_not_as_asked() -> None:
    for overlap in (True, False):
        joints = DrawnJoints(4, overlap=overlap, size=128)
        assert len(joints) == len(joints.datalist) == 4
        assert [bool(joints[at]["masks"].prod(dim=0).any()) for at in range(4)] == [overlap] * 4


def test_the_same_seed_draws_the_same_joints_and_another_seed_others() -> None:
    first, again, other = (DrawnJoints(1, overlap=True, seed=seed, size=128)[0]["image"] for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_no_joint_is_drawn_with_and_without_overlap() -> None:
    cases = [{entry["case"] for entry in DrawnJoints(50, overlap=overlap).datalist} for overlap in (True, False)]
    assert not cases[0] & cases[1]
    assert {entry["hand"] for entry in DrawnJoints(2, overlap=True).datalist} == {"L", "R"}
