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

from scripts.evaluation import joint_space_protocol
from scripts.evaluation.joint_space_protocol import _agreeing, precision


def test_runs_far_from_the_mean_are_dropped_until_the_others_agree() -> None:
    assert _agreeing([0.1, 0.2, 5.0, 0.15]) == [0.1, 0.2, 0.15]
    assert _agreeing([0.1, 0.2]) == [0.1, 0.2]
    assert len(_agreeing([0.0, 9.0])) == 1


class Measured:
    """A change that is the difference of two visits' numbers."""

    def __init__(self, px: float) -> None:
        self.px = px


def test_changes_that_add_up_close_exactly_and_a_miss_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joint_space_protocol, "register_seen", lambda first, second: Measured(second - first))
    widths = [3.0, 1.0, 2.0]
    found = precision(lambda visit, down, across: widths[visit], 3, mm=0.1, runs=3)
    assert found is not None
    assert (found.sigma, found.sigma_closure, found.mismatch) == pytest.approx((0.0, 0.0, 0.0), abs=1e-12)
    misses = iter([0.0, 50.0, *[0.0] * 16])
    monkeypatch.setattr(
        joint_space_protocol, "register_seen", lambda first, second: Measured(second - first + next(misses))
    )
    found = precision(lambda visit, down, across: widths[visit], 3, mm=0.1, runs=3)
    assert found is not None
    assert found.mismatch == pytest.approx(1 / 18)


def test_a_visit_that_cannot_be_seen_leaves_the_joint_out() -> None:
    assert precision(lambda visit, down, across: None, 3, mm=0.1) is None
