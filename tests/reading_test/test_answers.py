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


from pathlib import Path

import pytest
import torch

from scripts.errors import InputError
from scripts.physics import LOWER, UPPER
from scripts.reading_test.answers import Truth, answer_file, key_file, read_answers, read_key
from scripts.reading_test.pairing import Item

KEY = {"aa": Truth("real", "lower", 3, "00001_L_5"), "bb": Truth("made", "upper", 9, "00001_L_5")}


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_a_key_is_read_back(tmp_path: Path) -> None:
    picture, entry = torch.zeros(2, 2), {"case": "00001_L_5"}
    items = {"aa": Item(picture, False, LOWER, 3, entry), "bb": Item(picture, True, UPPER, 9, entry)}
    assert read_key(written(tmp_path / "key.csv", key_file(items))) == KEY


def test_answers_of_several_readers_are_read_back(tmp_path: Path) -> None:
    first = written(tmp_path / "a.csv", answer_file("A", {"aa": "real", "bb": "real"}))
    # As a spreadsheet saves it: with a byte order mark and other line ends.
    second = written(tmp_path / "b.csv", "\ufeffreader,item,answer,seconds\r\n B ,bb,made,1.5\r\n")
    answers = read_answers([first, second], KEY)
    assert [tuple(answer) for answer in answers] == [
        ("A", "aa", "real", None),
        ("A", "bb", "real", None),
        ("B", "bb", "made", 1.5),
    ]


HEAD = "reader,item,answer,seconds\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "expected the columns reader, item, answer, seconds, got none named reader, item, answer, seconds"),
        ("reader,item,answer\nA,aa,real\n", "got none named seconds"),
        ("reader;item;answer;seconds\nA;aa;real;1\n", "got none named reader"),
        (HEAD, "expected lines under its header, got none"),
        (HEAD + "A,cc,real,1\n", "expected items of the key, got 'cc'"),
        (HEAD + "A,aa,real,1\nA,aa,made,1\n", "expected one answer of 'A' to item 'aa', got a second$"),
        (HEAD + "A,aa,fake,1\n", "answer: expected real or made, got 'fake'"),
        (HEAD + "A,aa,real,soon\n", "seconds: expected a number from 0 up, got 'soon'"),
        (HEAD + "A,aa,real,-1\n", "seconds: expected a number from 0 up, got '-1'"),
        (HEAD + "A,aa,real,nan\n", "seconds: expected a number from 0 up, got 'nan'"),
        (HEAD + " ,aa,real,1\n", "expected a reader's name for item 'aa', got none"),
        (HEAD + "A,aa,real\n", "expected 4 values in line 2, got more or fewer"),
        (HEAD + "A,aa,real,1,2\n", "expected 4 values in line 2, got more or fewer"),
    ],
)
def test_bad_answers_are_refused_by_file_and_value(tmp_path: Path, text: str, says: str) -> None:
    path = written(tmp_path / "answers.csv", text)
    with pytest.raises(InputError, match=f"answers.csv: .*{says}"):
        read_answers([path], KEY)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "answers.csv").write_bytes(b"\x89PNG\r\n\x1a\n\xff")
    with pytest.raises(InputError, match=r"answers.csv: expected a CSV file in UTF-8"):
        read_answers([tmp_path / "answers.csv"], KEY)


def test_an_answer_given_in_two_files_is_refused_with_both_names(tmp_path: Path) -> None:
    paths = [written(tmp_path / name, HEAD + "A,aa,real,1\n") for name in ("one.csv", "two.csv")]
    with pytest.raises(InputError, match=r"two.csv: .* got a second \(.*one.csv has one already\)"):
        read_answers(paths, KEY)


def test_no_answers_at_all_are_refused() -> None:
    with pytest.raises(InputError, match="answers: expected one CSV file or more, got none"):
        read_answers([], KEY)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("aa,real,lower,3,c\naa,real,lower,3,c", "expected each item once, got 'aa' twice"),
        ("aa,true,lower,3,c", "truth: expected real or made, got 'true'"),
        ("aa,real,left,3,c", "bone: expected lower or upper, got 'left'"),
        ("aa,real,lower,thick,c", "thickest_px of 'aa': expected a whole number, got 'thick'"),
    ],
)
def test_a_bad_key_is_refused(tmp_path: Path, line: str, says: str) -> None:
    path = written(tmp_path / "key.csv", f"item,truth,bone,thickest_px,case\n{line}\n")
    with pytest.raises(InputError, match=f"key.csv: {says}"):
        read_key(path)
