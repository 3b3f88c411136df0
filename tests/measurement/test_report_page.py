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
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from scripts.measurement.report import NOTICE
from scripts.measurement.report_page import points, report_page
from tests.support.drawn_report import drawn_report


@pytest.fixture(scope="module")
def page() -> str:
    return report_page(drawn_report(count=3))


def test_a_page_holds_all_of_its_pictures_and_asks_nothing_of_a_network(page: str) -> None:
    # 3 radiographs; 2 joints with 2 visits that have three pictures each, and plots.
    assert page.count("<image ") == page.count('<image href="data:image/png') == 3 + 2 * 2 * 3
    assert page.count("<img ") == page.count('src="data:image/svg+xml') == 2
    rest = re.sub(r"data:[^\"]*", "", page)
    assert not re.search(r"https?:|<script|\bon\w+=|url\(", rest)
    assert "default-src &#39;none&#39;; img-src data:; style-src &#39;sha256-" in page


def test_a_page_says_what_it_is_not_at_its_head_and_at_its_foot(page: str) -> None:
    assert page.count(NOTICE) == 2
    assert "not a medical device" in NOTICE
    assert "neither a finding nor a diagnosis" in NOTICE
    assert "Layers are estimates" in NOTICE


def test_a_page_says_widths_changes_warnings_refusals_and_versions(page: str) -> None:
    for text in (
        "Right MCP2",
        "mm ±",
        "2024-01-05 to 2025-02-12",
        "more than can be chance",
        "overlap of 9 px: the width is less sure",
        "not measured: joint space width: expected two bones, got one",
        "lateral.dcm: expected a hand from the front",
        "BLS-GAN 9.9",
        "ab" * 32,
        "0.09 mm at the detector",
    ):
        assert text in page, text


def test_names_and_sentences_are_text() -> None:
    made = drawn_report(subject="<b>P</b>", refused=("<i>file</i>: refused",))
    page = report_page(made)
    assert "<b>P</b>" not in page
    assert "&lt;b&gt;P&lt;/b&gt;" in page
    assert "&lt;i&gt;file" in page


def test_the_lines_of_a_width_are_drawn_where_they_were_measured() -> None:
    assert points([(40.0, 30.0), (41.5, 32.0)], (40, 30)) == "0.50,0.50 2.50,2.00"
    page = report_page(drawn_report(names=("MCP2",), count=1))
    assert page.count("<polyline ") == 3


def test_a_joint_is_marked_at_its_middle_in_the_radiograph() -> None:
    made = drawn_report(names=("MCP2",), count=1)
    overview = replace(made.overviews[0], picture=np.zeros((50, 40), np.uint8), joints={"MCP2": (79.5, 39.5)})
    page = report_page(replace(made, overviews=[overview]))
    assert '<circle cx="20.0" cy="40.0"' in page


def test_a_report_without_pictures_or_radiographs_is_a_page_all_the_same() -> None:
    made = drawn_report(count=1)
    page = report_page(replace(made, pictures=[[None], [None]], overviews=(), refused=()))
    assert "<image" not in page
    assert "<polyline" not in page
    assert "Not used" not in page
    assert "Finger joints" in report_page(replace(made, series=[], pictures=[], overviews=()))


def test_the_same_report_gives_the_same_page(page: str) -> None:
    assert report_page(drawn_report(count=3)) == page


@pytest.mark.browser
def test_a_browser_without_a_network_shows_it_and_finds_nothing_to_refuse(chromium, page: str, tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text(page, encoding="utf-8")
    context = chromium.new_context(offline=True)
    opened, said = context.new_page(), []
    opened.on("console", lambda message: said.append(message.text))
    opened.on("requestfailed", lambda request: said.append(request.url[:80]))
    opened.goto((tmp_path / "report.html").as_uri())
    assert opened.evaluate("[...document.images].every(image => image.complete && image.naturalWidth > 0)")
    assert opened.evaluate("getComputedStyle(document.querySelector('.notice')).borderLeftWidth") == "3px"
    assert opened.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is wider than the page"
    assert said == []
    context.close()
