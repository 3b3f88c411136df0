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

from scripts.measurement.consistent_changes import make_consistent, pairs_of
from scripts.measurement.joint_series import Change


def change(first: int, second: int, px: float, error: float = 0.1, spacing: float | None = None) -> Change:
    return Change(
        first=first,
        second=second,
        px=px,
        mm=None if spacing is None else px * spacing,
        standard_error=error,
        standard_error_mm=None if spacing is None else error * spacing,
    )


REFUSED = Change(first=1, second=2, refused="the finger is turned")


@pytest.mark.parametrize(
    ("visits", "reported", "controlling"),
    [
        (1, [], []),
        (2, [(0, 1)], []),
        (3, [(0, 1), (1, 2), (0, 2)], []),
        (4, [(0, 1), (1, 2), (2, 3), (0, 3)], [(0, 2), (1, 3)]),
    ],
)
def test_visits_that_follow_are_reported_and_those_that_skip_one_control(visits, reported, controlling) -> None:
    assert pairs_of(visits) == (reported, controlling)


def test_changes_add_up_and_each_takes_its_share_of_what_was_missing() -> None:
    found = make_consistent([change(0, 1, 1.0), change(1, 2, 1.0), change(0, 2, 2.3)])
    assert [each.px for each in found] == pytest.approx([1.1, 1.1, 2.2])


def test_a_change_moves_the_more_the_less_sure_it_is() -> None:
    found = make_consistent([change(0, 1, 1.0, 0.1), change(1, 2, 1.0, 0.1), change(0, 2, 2.3, 1.0)])
    moved = np.abs(np.array([each.px for each in found]) - [1.0, 1.0, 2.3])
    assert moved == pytest.approx([0.3 * 0.01 / 1.02, 0.3 * 0.01 / 1.02, 0.3 * 1.0 / 1.02])


def test_errors_stay_where_changes_agree_and_are_widened_where_they_do_not() -> None:
    agree = make_consistent([change(0, 1, 1.0), change(1, 2, 1.0), change(0, 2, 2.1)])
    assert [each.standard_error for each in agree] == [0.1, 0.1, 0.1]
    contradict = make_consistent([change(0, 1, 1.0), change(1, 2, 1.0), change(0, 2, 3.0)])
    # One too many, with an error of 0.1 times the root of 3.
    assert [each.standard_error for each in contradict] == pytest.approx([1 / np.sqrt(3)] * 3)
    assert [list(each.warnings) for each in agree] == [[]] * 3
    for each in contradict:
        assert each.warnings == ("changes between these visits contradict each other: the error is widened 5.8 times",)


def test_a_change_that_no_loop_controls_stays_as_it_was() -> None:
    alone = change(2, 3, 5.0, spacing=0.1)
    changes = [change(0, 1, 1.0, spacing=0.1), change(1, 2, 1.0, spacing=0.1), change(0, 2, 9.0, spacing=0.1), alone]
    assert make_consistent(changes)[3] == alone


def test_refused_changes_stay_refused_and_do_not_count() -> None:
    changes = [change(0, 1, 1.0), REFUSED, change(0, 2, 9.0)]
    assert make_consistent(changes) == changes
    assert make_consistent([REFUSED]) == [REFUSED]
    assert make_consistent([]) == []


def test_mm_add_up_where_they_are_known_and_px_follow() -> None:
    # Px are those of the first visit's image, which differ: only mm can be added.
    changes = [change(0, 1, 10.0, spacing=0.1), change(1, 2, 5.0, spacing=0.2), change(0, 2, 23.0, spacing=0.1)]
    found = make_consistent(changes)
    first, second, whole = (each.mm for each in found)
    assert first + second == pytest.approx(whole)
    assert [each.mm / each.px for each in found] == pytest.approx([0.1, 0.2, 0.1])
