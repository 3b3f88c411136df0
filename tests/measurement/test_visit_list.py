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

from collections.abc import Sequence
from pathlib import Path

import pytest

from scripts.errors import InputError
from scripts.measurement.visit_list import read_visits


def visits_file(folder: Path, *lines: str, header: str) -> Path:
    path = folder / "visits.csv"
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


def test_a_list_is_read_in_its_order_and_by_its_columns(tmp_path: Path) -> None:
    path = visits_file(tmp_path, "a.png,1999,X", "b.png,,Y", " c.png ,,X", header="image,year,subject")
    path.write_text("\ufeff" + path.read_text())
    assert read_visits(path) == {"X": ["a.png", "c.png"], "Y": ["b.png"]}


@pytest.mark.parametrize(
    ("header", "lines", "sentence"),
    [
        ("subject,file", ("A,a.png",), "expected the columns subject, image, got subject, file"),
        ("name,file", ("A,a.png",), "expected the columns subject, image, got name, file"),
        ("subject;image", ("A;a.png",), "expected the columns subject, image, got subject;image"),
        ("", (), "expected the columns subject, image, got none"),
        (
            "subject,image",
            ("A,a.png", "B,a.png", "A,a.png"),
            "line 4: expected each picture of A once, got a.png again",
        ),
        ("subject,image", (), "expected visits, got none"),
        ("subject,image", ("A,a.png", ",b.png"), "line 3: expected a subject and an image, got"),
        ("subject,image", ("A,",), "line 2: expected a subject and an image, got"),
        ("subject,image", ("A",), "line 2: expected a subject and an image, got"),
    ],
)
def test_a_list_that_is_none_is_refused(tmp_path: Path, header: str, lines: Sequence[str], sentence: str) -> None:
    with pytest.raises(InputError, match=f"visits visits.csv.*{sentence}"):
        read_visits(visits_file(tmp_path, *lines, header=header))


def test_a_list_in_other_bytes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "visits.csv").write_bytes(b"subject,image\n\xff\xfe,a.png\n")
    with pytest.raises(InputError, match=r"visits visits.csv: expected CSV in UTF-8, got other bytes"):
        read_visits(tmp_path / "visits.csv")
