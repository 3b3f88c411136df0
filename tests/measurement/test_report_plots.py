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

import numpy as np
import pytest
from matplotlib.figure import Figure

from scripts.measurement.joint_series import JointSeries
from scripts.measurement.report_plots import across, as_svg, over_time
from tests.support.drawn_report import joint


def series(count: int = 2, spacing: float | None = 0.1) -> JointSeries:
    return joint("MCP2", count, 256, spacing, 0)[0]


def axes():
    return Figure().add_subplot()


def test_means_are_drawn_at_their_dates_in_mm() -> None:
    drawn = axes()
    over_time(drawn, series(3))
    [dates, means] = np.array(drawn.containers[0].lines[0].get_data(), dtype=object)
    assert [f"{date:%Y%m%d}" for date in dates] == ["20240105", "20250212"]
    assert list(means) == pytest.approx([1.7, 1.55])
    assert drawn.get_title(loc="left") or drawn.get_title() == "width over time, mm"


def test_visits_without_dates_are_drawn_in_their_order_in_px_where_there_is_no_spacing() -> None:
    plain = series(2, None)
    plain = replace(plain, visits=[replace(visit, date="") for visit in plain.visits])
    drawn = axes()
    over_time(drawn, plain)
    assert [tick.get_text() for tick in drawn.get_xticklabels()] == ["visit 1", "visit 2"]
    assert list(drawn.containers[0].lines[0].get_ydata()) == pytest.approx([17.0, 15.5])


def test_the_axis_never_spans_less_than_a_millimetre() -> None:
    drawn = axes()
    over_time(drawn, series(1))
    low, high = drawn.get_ylim()
    assert high - low >= 0.999


def test_widths_across_the_joint_are_one_line_a_visit() -> None:
    drawn = axes()
    across(drawn, series(3))
    assert len(drawn.lines) == 2 + 1, "and the line at 0"
    assert drawn.lines[1].get_ydata().max() == pytest.approx(1.55)


def test_a_joint_that_was_not_measured_has_empty_plots() -> None:
    unmeasured = replace(series(1), visits=[replace(series(1).visits[0], width=None, refused="no")])
    assert as_svg(unmeasured).startswith("<?xml")


def test_plots_are_the_same_bytes_each_time() -> None:
    assert as_svg(series()) == as_svg(series())


def test_widths_below_zero_are_in_sight() -> None:
    first = series(1).visits[0]
    assert first.width is not None
    overlapping = replace(first, width=replace(first.width, curve=[(-5.0, 2.0), (0.0, -4.0), (5.0, 2.0)]))
    drawn = axes()
    across(drawn, replace(series(1), visits=[overlapping]))
    assert drawn.get_ylim()[0] < -0.4
