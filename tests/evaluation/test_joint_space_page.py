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

import re
from pathlib import Path
from typing import Any

import pytest

from scripts.evaluation.joint_space_page import shown, table_of, write_page

OURS = "layers, predicted masks"


def errors() -> list[dict[str, Any]]:
    return [
        {"depth": depth, "method": method, "error": 0.1 * number, "refused": number == 2}
        for depth in ("1-4", "5-8")
        for method in ("plain image", OURS)
        for number in range(3)
    ]


def test_the_page_shows_every_table_and_needs_no_other_file(tmp_path: Path) -> None:
    path, table = tmp_path / "joint_space.html", [{"depth": "1-4", "method": OURS, "bias": 0.01}]
    tables = {"pushes": table, "visits": table, "widths": [], "phantom": [{"depth": "0.1 mm", "sd": 0.003}]}
    write_page(path, tables, {"pushes": errors()}, version="1.2.3", facts={"split": "test"})
    page = path.read_text()
    assert re.findall("<h2>(.*)</h2>", page) == [
        "Known pushes of real pairs, px",
        "Closure of three real visits, px",
        "Known changes of drawn joints, mm",
    ]
    assert page.count("data:image/svg+xml") == 1
    assert "BLS-GAN 1.2.3" in page
    assert not re.search(r'(src|href)="(?!data:)', page)
    assert "authors" not in page


def test_a_table_marks_methods_that_measure_in_layers() -> None:
    table = table_of([{"method": "plain image", "robust_sd": 0.5}, {"method": OURS, "bias": 0.1}])
    assert table["columns"] == ["method", "robust sd", "bias"]
    assert [row["network"] for row in table["rows"]] == [False, True]
    assert [cell["mean"] for cell in table["rows"][1]["cells"]] == ["–", "0.100"]


@pytest.mark.parametrize(
    ("value", "says"), [(None, "–"), (0.12345, "0.123"), ([-0.5, 1.0], "-0.500 to 1.000"), (17, "17")]
)
def test_values_are_shown_as_a_table_needs_them(value: Any, says: str) -> None:
    assert shown(value) == says
