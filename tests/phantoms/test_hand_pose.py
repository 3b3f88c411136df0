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

import numpy as np
import pytest

from scripts.phantoms.hand_pose import PoseRanges, draw_pose, joints_of

PLAIN = PoseRanges(
    spread=(4.0, 4.0), finger=0.0, thumb=(0.0, 0.0), drifting=0.0, bent=0.0, flexed=0.0, oblique=0.0, subluxed=0.0,
    amputated=0.0, longer=0.0,
)  # fmt: skip


def test_the_same_seed_draws_the_same_pose() -> None:
    first, second = (draw_pose(np.random.default_rng(3), PoseRanges()) for _ in range(2))
    assert all(np.array_equal(first.rays[ray], second.rays[ray]) for ray in range(1, 6))


def test_a_whole_hand_has_five_joints_from_thumb_to_little_finger() -> None:
    joints = joints_of(draw_pose(np.random.default_rng(0), PLAIN))
    across = [joints[ray][0] for ray in sorted(joints)]
    assert sorted(joints) == [1, 2, 3, 4, 5]
    assert across == sorted(across)  # of a right hand seen from its back


def test_spread_fingers_lean_apart() -> None:
    leans = [joints_of(draw_pose(np.random.default_rng(1), PLAIN))[ray][2] for ray in (2, 3, 4, 5)]
    assert leans == sorted(leans)


def test_a_ray_that_has_lost_its_phalanges_has_no_joint() -> None:
    everything_lost = PoseRanges(amputated=1.0)
    for seed in range(20):
        pose = draw_pose(np.random.default_rng(seed), everything_lost)
        assert joints_of(pose).keys() == {ray for ray, bones in pose.kept.items() if bones >= 2}


@pytest.mark.parametrize("drift", [20.0, 35.0])
def test_ulnar_drift_leans_all_fingers_to_the_little_finger(drift: float) -> None:
    drifted = PoseRanges(drift=drift, drifting=1.0, spread=(0.0, 0.0), finger=0.0, bent=0.0, flexed=0.0, amputated=0.0)
    straight = PoseRanges(drifting=0.0, spread=(0.0, 0.0), finger=0.0, bent=0.0, flexed=0.0, amputated=0.0)
    leans = [
        np.mean([joints_of(draw_pose(np.random.default_rng(seed), ranges))[3][2] for seed in range(10)])
        for ranges in (drifted, straight)
    ]
    assert leans[0] > leans[1] + np.radians(3)
