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
import zlib

import pytest

from scripts.measurement.pdf_sheet import length, wrapped
from scripts.measurement.report_pdf import report_pdf
from tests.support.drawn_report import drawn_report


@pytest.fixture(scope="module")
def pdf() -> bytes:
    return report_pdf(drawn_report(names=("MCP2",), count=3))


def pages(pdf: bytes) -> int:
    return len(re.findall(rb"/Type /Page\b", pdf))


def streams(pdf: bytes) -> list[bytes]:
    found = re.findall(rb"/FlateDecode[^>]*>>\s*stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL)
    return [zlib.decompress(stream) for stream in found]


def test_a_report_is_a_pdf_of_a4_pages_with_fonts_of_its_own(pdf: bytes) -> None:
    assert pdf.startswith(b"%PDF-")
    boxes = re.findall(rb"/MediaBox \[ ([^\]]*) \]", pdf)
    assert pages(pdf) == len(boxes) == 2
    for box in boxes:
        _, _, width, height = map(float, box.split())
        assert (round(width), round(height)) == (595, 842)
    assert b"DejaVuSans" in pdf


def test_the_same_report_gives_the_same_bytes(pdf: bytes) -> None:
    assert report_pdf(drawn_report(names=("MCP2",), count=3)) == pdf
    assert b"CreationDate" not in pdf


def test_pictures_are_in_it_pixel_for_pixel(pdf: bytes) -> None:
    sizes = set(re.findall(rb"/Height (\d+)|/Width (\d+)", pdf))
    assert (b"128", b"") in sizes
    assert (b"", b"128") in sizes


def test_words_are_text_that_can_be_searched(pdf: bytes) -> None:
    said = b"".join(streams(pdf))
    assert b"BT" in said
    assert b"Tf" in said


def test_a_joint_of_many_visits_goes_on_on_the_next_page() -> None:
    made = drawn_report(names=("MCP2",), count=2)
    series, own = made.series[0], made.pictures[0]
    long = drawn_report(
        series=[type(series)(subject="P", joint="MCP2", visits=[*series.visits] * 3)], pictures=[[*own] * 3]
    )
    assert pages(report_pdf(long)) > pages(report_pdf(made))


def test_a_dollar_in_a_sentence_is_a_dollar() -> None:
    assert report_pdf(drawn_report(names=(), refused=("a$b$c: refused",), overviews=()))


def test_lines_are_no_longer_than_their_room() -> None:
    text = "a sentence of words of all lengths and " + "ab" * 60
    lines = wrapped(text, 40.0, 8.0)
    assert all(length(line, 8.0) <= 40.0 for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert wrapped("", 40.0, 8.0) == []


def test_a_line_is_as_long_after_a_page_as_before_it() -> None:
    before = length("as long as before", 8.0)
    report_pdf(drawn_report(names=(), overviews=()))
    length.cache_clear()
    assert length("as long as before", 8.0) == before
