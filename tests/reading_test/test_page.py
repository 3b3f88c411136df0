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


import base64
import csv
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scripts.reading_test.answers import read_answers, read_key
from scripts.reading_test.page import data_uri, page
from scripts.reading_test.score import score
from tests.reading_test.conftest import Made


def text_of(made: Made) -> str:
    return (made.folder / "reading_test.html").read_text()


def items_of(text: str) -> list[dict[str, str]]:
    found = re.search(r'id="items">(.*?)</script>', text, re.DOTALL)
    assert found
    items: list[dict[str, str]] = json.loads(found[1])
    return items


def test_a_page_asks_nothing_of_a_network_and_runs_no_other_script(made: Made) -> None:
    text = text_of(made)
    assert not re.search(r"https?:|\bfetch\(|XMLHttpRequest|\bimport\b|src=\"(?!data:)", text)
    [policy] = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    assert "default-src &#39;none&#39;; img-src data:" in policy
    assert "unsafe" not in policy


def test_a_page_does_not_hold_the_truth(made: Made) -> None:
    key = read_key(made.folder / "key.csv")
    items = items_of(text_of(made))
    assert [item["item"] for item in items] == list(key)
    assert all(set(item) == {"item", "picture"} for item in items)
    with (made.folder / "key.csv").open() as stream:
        cases = {row["case"] for row in csv.DictReader(stream)}
    rest = re.sub(r'id="items">.*?</script>', "", text_of(made), flags=re.DOTALL)
    assert not any(re.search(rf"\b{case}\b", rest) for case in cases if len(case) > 3)


def test_pictures_of_both_kinds_are_files_of_one_size_and_one_form(made: Made) -> None:
    files = [
        base64.b64decode(item["picture"].removeprefix("data:image/png;base64,")) for item in items_of(text_of(made))
    ]
    assert len({len(file) for file in files}) == 1
    pictures = [Image.open(io.BytesIO(file)) for file in files]
    assert {(picture.mode, picture.size, str(picture.info)) for picture in pictures} == {("L", (128, 64), "{}")}


def test_a_picture_is_shown_level_for_level() -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    stored = base64.b64decode(data_uri(levels / 255.0).split(",")[1])
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(stored))), levels)


def test_a_page_of_the_release_says_that_it_may_not_be_passed_on() -> None:
    pages = [page({"aa": np.zeros((2, 4))}, version="9", may_be_passed_on=may) for may in (True, False)]
    assert ["not to be passed on" in text for text in pages] == [False, True]
    assert all("not a medical device" in text for text in pages)


@pytest.fixture
def reader(chromium, made: Made, tmp_path: Path):
    """Yield a browser page without a network, with the test open."""
    context = chromium.new_context(offline=True, accept_downloads=True)
    opened = context.new_page()
    failures: list[str] = []
    opened.on("pageerror", lambda error: failures.append(str(error)))
    opened.on("console", lambda message: failures.append(message.text))
    opened.goto((made.folder / "reading_test.html").as_uri())
    opened.wait_for_function("document.activeElement.id === 'reader'")
    yield opened
    assert failures == []
    context.close()


def begin(opened, name: str) -> None:
    opened.keyboard.type(name)
    opened.keyboard.press("Enter")


def wait_for_picture(opened, number: int) -> None:
    opened.wait_for_function(
        "number => document.querySelector('#number').textContent.startsWith(`${number} of`) && visibleSince !== null",
        arg=number,
    )


def saved(opened, path: Path, press) -> Path:
    with opened.expect_download() as waiting:
        press()
    waiting.value.save_as(path)
    return path


@pytest.mark.browser
def test_a_reader_does_the_test_by_keyboard_offline_and_the_saved_answers_are_scored(
    reader, made: Made, tmp_path: Path
) -> None:
    key = read_key(made.folder / "key.csv")
    begin(reader, "A. B.")
    wrong = 3
    for number, truth in enumerate(key.values(), 1):
        wait_for_picture(reader, number)
        assert reader.locator("#picture").get_attribute("src") == items_of(text_of(made))[number - 1]["picture"]
        right = "r" if truth.truth == "real" else "m"
        word = right if number > wrong else {"r": "m", "m": "r"}[right]
        if number < len(key):
            reader.keyboard.press(word)
            # Two presses at once are one answer: the next picture is not there yet.
            reader.keyboard.press(word)
        else:
            path = saved(reader, tmp_path / "answers.csv", lambda word=word: reader.keyboard.press(word))
    assert "You have answered 12 of 12 pictures." in reader.locator("#end").inner_text()
    assert "answers_A_B.csv" in reader.locator("#end").inner_text()
    again = saved(reader, tmp_path / "again.csv", lambda: reader.click("#save"))
    assert again.read_bytes() == path.read_bytes()
    answers = read_answers([path], key)
    assert [answer.item for answer in answers] == list(key)
    assert {answer.reader for answer in answers} == {"A. B."}
    assert all(answer.seconds is not None and 0 <= answer.seconds < 30 for answer in answers)
    assert score(answers, key)["right"] == len(key) - wrong


@pytest.mark.browser
def test_a_pause_hides_the_picture_and_stops_the_clock_and_a_part_can_be_saved(
    reader, made: Made, tmp_path: Path
) -> None:
    begin(reader, "AB")
    wait_for_picture(reader, 1)
    reader.keyboard.press("p")
    assert not reader.locator("#picture").is_visible()
    reader.keyboard.press("r")
    reader.wait_for_timeout(1500)
    reader.keyboard.press("p")
    wait_for_picture(reader, 1)
    reader.keyboard.press("Control+m")
    reader.keyboard.press("r")
    wait_for_picture(reader, 2)
    reader.keyboard.press("p")
    path = saved(reader, tmp_path / "answers.csv", lambda: reader.click("#stop"))
    [answer] = read_answers([path], read_key(made.folder / "key.csv"))
    assert answer.answer == "real"
    assert answer.seconds is not None
    assert answer.seconds < 1.5


@pytest.mark.browser
@pytest.mark.parametrize("name", ["", "=1+1", "machine"])
def test_a_name_that_cannot_be_scored_is_refused(reader, name: str) -> None:
    begin(reader, name)
    assert "Please enter your name or initials" in reader.locator("#refusal").inner_text()
    assert reader.locator("#start").is_visible()
