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

import pytest

from scripts.measurement.joint_series import Change, JointSeries
from scripts.measurement.report_words import (
    change_row,
    day,
    facts_of,
    joint_name,
    joint_row,
    minimum_words,
    signed,
    unit_of,
    visit_name,
    warnings_of,
    width_words,
)
from tests.support.drawn_report import drawn_report, joint


def series(count: int = 3, spacing: float | None = 0.1) -> JointSeries:
    return joint("MCP2", count, 256, spacing, 0)[0]


def test_a_joint_is_named_with_its_side() -> None:
    assert joint_name(series()) == "Right MCP2"
    assert joint_name(JointSeries(subject="")) == "Joint"


@pytest.mark.parametrize(("date", "shown"), [("20260310", "2026-03-10"), ("", ""), ("2026", "2026")])
def test_a_date_is_shown_by_year_month_and_day(date: str, shown: str) -> None:
    assert day(date) == shown


def test_a_visit_without_a_date_of_its_own_is_named_by_its_image() -> None:
    first, second = series(2).visits
    assert visit_name(first, series(2)) == "2024-01-05"
    same_day = replace(series(2), visits=[first, replace(second, date=first.date)])
    assert visit_name(same_day.visits[1], same_day) == "2024-01-05, visit_1.dcm"
    assert visit_name(replace(first, date=""), series(2)) == "visit_0.dcm"


def test_widths_are_in_mm_only_if_the_spacing_of_all_visits_is_known() -> None:
    known = series()
    assert unit_of(known) == "mm"
    assert width_words(known.visits[0], "mm") == "1.70 mm ± 0.10"
    assert minimum_words(known.visits[0], "mm") == "1.45 mm"
    part = replace(known, visits=[known.visits[0], replace(known.visits[1], spacing=None)])
    assert unit_of(part) == "px"
    assert width_words(part.visits[0], "px") == "17.00 px ± 0.98"
    assert width_words(known.visits[2], "mm") == minimum_words(known.visits[2], "mm") == "–"


def test_a_width_below_zero_has_a_minus_sign() -> None:
    assert [signed(value) for value in (-0.52, -0.001, 1.5)] == ["\N{MINUS SIGN}0.52", "0.00", "1.50"]


def test_a_change_names_its_visits_and_stands_out_only_above_what_can_be_chance() -> None:
    row = change_row(series().changes[0], series())
    assert row.between == "2024-01-05 to 2025-02-12"
    assert row.words == "0.15 mm narrower, ± 0.06: more than can be chance"
    assert (row.reliability, row.sure) == ("0.88", True)
    small = Change(first=0, second=1, px=0.1, standard_error=0.3)
    assert change_row(small, series()).words == "0.10 px wider, ± 0.59: can be chance"
    assert not change_row(small, series()).sure
    none = Change(first=0, second=1, px=-0.03, mm=-0.003, standard_error=0.06, standard_error_mm=0.0054)
    assert change_row(none, series()).words == "0.00 mm, ± 0.01: can be chance"
    refused = change_row(series().changes[1], series())
    assert refused.words == "not measured: the second visit was not separated"
    assert (refused.reliability, refused.sure) == ("–", False)


def test_the_table_has_the_first_and_the_last_width_and_the_change_between_them() -> None:
    assert joint_row(series(2)) == (
        *("Right MCP2", "2", "1.70 mm ± 0.10", "1.55 mm ± 0.10"),
        *("0.15 mm narrower, ± 0.06: more than can be chance", True),
    )
    assert joint_row(series(1))[2:] == ("1.70 mm ± 0.10", "–", "–", False)
    assert joint_row(JointSeries(subject="")) == ("Joint", "0", "–", "–", "–", False)


def test_warnings_name_their_visit_and_say_what_was_found_or_moved() -> None:
    first, second, _ = series().visits
    assert first.width is not None
    moved = replace(first, width=replace(first.width, edited=True))
    change = Change(first=0, second=1, refused="turned", warnings=("the hand was turned",))
    assert warnings_of(replace(series(), visits=[moved, second], changes=[change])) == [
        "2024-01-05: the lines of the width were moved by a reader.",
        "2025-02-12: overlap of 9 px: the width is less sure",
        "2025-02-12: the joint was found automatically, confidence 0.97.",
        "2024-01-05 to 2025-02-12: the hand was turned",
    ]


def test_facts_say_what_millimetres_rest_on_or_that_there_are_none() -> None:
    assert facts_of(drawn_report()) == {
        "subject": "P-17",
        "radiographs": "2, 2024-01-05 to 2025-02-12",
        "joints": "2",
        "pixel": "0.09 mm at the detector",
    }
    assert facts_of(drawn_report(count=1))["radiographs"] == "1, 2024-01-05"
    assert facts_of(drawn_report(spacing=None))["pixel"] == "not known: widths are in px"
    assert facts_of(drawn_report(subject=""))["subject"] == "not named"
