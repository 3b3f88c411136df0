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

from scripts.evaluation.bootstrap import interval, mean_interval


def test_an_interval_holds_the_mean_and_narrows_with_more_cases() -> None:
    draw = np.random.default_rng(0)
    few, many = draw.normal(5, 1, 20), draw.normal(5, 1, 500)
    ends = [mean_interval(values, [str(at) for at in range(len(values))]) for values in (few, many)]
    assert ends[0] is not None
    assert ends[1] is not None
    assert ends[0][0] < few.mean() < ends[0][1]
    assert ends[1][1] - ends[1][0] == pytest.approx(2 * 1.96 / np.sqrt(500), rel=0.15)
    assert ends[1][1] - ends[1][0] < 0.5 * (ends[0][1] - ends[0][0])


def test_visits_of_one_joint_count_as_one_draw() -> None:
    joints = np.random.default_rng(0).normal(0, 1, 30)
    once = mean_interval(joints, [str(at) for at in range(30)])
    twice = mean_interval(np.repeat(joints, 4), [str(at // 4) for at in range(120)])
    assert once == pytest.approx(twice)


def test_what_was_not_measured_is_left_out_and_one_case_has_no_interval() -> None:
    assert mean_interval(np.array([1.0, np.nan]), ["a", "b"]) is None
    assert mean_interval(np.array([np.nan]), ["a"]) is None
    assert mean_interval(np.array([1.0, 2.0]), ["a", "a"]) is None


def test_any_statistic_of_images_has_an_interval() -> None:
    values = np.random.default_rng(0).normal(3, 1, 200)
    low, high = interval(lambda chosen: float(np.median(values[chosen])), [str(at) for at in range(200)])
    assert low < np.median(values) < high
    assert high - low < 0.6
