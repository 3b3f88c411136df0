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

import math
from typing import Any

import pytest

from scripts.evaluation.joint_space_tables import YARDSTICK, means, ratios, summary, widths

OURS = "layers, predicted masks"


def row(error: float, *, method: str = OURS, expected: float = 0.5, refused: bool = False, case: str = "a") -> Any:
    return {"case": case, "depth": "1-4", "method": method, "error": error, "expected": expected, "refused": refused}


def test_errors_are_summed_up_for_each_depth_and_method() -> None:
    [ours, other] = summary([row(0.5), row(-0.5), row(2.5), row(-0.5), row(0.2, method="plain image")])
    assert ours == {
        "depth": "1-4",
        "method": OURS,
        "count": 4,
        "refused": 0.0,
        "bias": 0.5,
        "sd": 1.2247,
        "robust_sd": 0.7413,
        "limits": [-1.9, 2.9],
        "mismatch": 0.25,
        "covered": 0.75,
    }
    assert (other["method"], other["count"], other["bias"]) == ("plain image", 1, 0.2)


def test_what_is_refused_is_counted_and_has_no_error() -> None:
    [only] = summary([row(0.1), row(50.0, refused=True), row(0.1), row(0.1)])
    assert (only["count"], only["refused"], only["bias"], only["mismatch"]) == (4, 0.25, 0.1, 0.0)
    assert summary([row(50.0, refused=True)]) == [{"depth": "1-4", "method": OURS, "count": 1, "refused": 1.0}]


def test_a_method_without_an_expected_error_covers_nothing() -> None:
    assert summary([row(0.1, expected=float("nan"))])[0]["covered"] is None
    # An error of its own counts where it is known.
    assert summary([row(0.1, expected=float("nan")), row(9.0)])[0]["covered"] == 0.0


def test_a_ratio_is_of_the_cases_that_both_methods_measured_with_an_interval_around_it() -> None:
    rows = [row(0.1 * number, case=f"{number}") for number in range(8)]
    rows += [row(0.2 * number, case=f"{number}", method=YARDSTICK) for number in range(8)]
    rows += [row(99.0, case="9"), row(1.0, case="9", method=YARDSTICK, refused=True)]
    [found] = ratios(rows, OURS)
    assert found["cases"] == 8
    assert found["ratio"] == found["from"] == found["to"] == pytest.approx(0.5)


def test_two_cases_have_no_ratio() -> None:
    assert ratios([row(0.1), row(0.2, method=YARDSTICK), row(0.1, case="b")], OURS) == []


def test_widths_are_compared_where_neither_is_refused() -> None:
    rows = [(10.0, 11.0), (12.0, 11.0), (math.nan, 5.0), (5.0, math.nan)]
    assert widths([dict(zip(("drawn", "predicted"), row, strict=True)) for row in rows], mm=0.1) == [
        {"images": 4, "refused": 0.25, "mean_mm": 1.1, "sd_mm": 0.1, "robust_sd_mm": 0.1483}
    ]
    assert widths([{"drawn": 1.0, "predicted": math.nan}], mm=0.1) == widths([], mm=0.1) == []


def test_the_protocol_is_summed_up_over_joints() -> None:
    rows = [
        {"sigma": 0.1, "sigma_closure": 0.3, "mismatch": 0.0},
        {"sigma": 0.3, "sigma_closure": 0.1, "mismatch": 0.1},
    ]
    assert means(rows) == [pytest.approx({"joints": 2, "sigma": 0.2, "sigma_closure": 0.2, "mismatch": 0.05})]
    assert means([]) == [{"joints": 0}]
