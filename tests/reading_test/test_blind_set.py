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


import csv
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch

from scripts.reading_test.answers import read_answers, read_key
from scripts.reading_test.blind_set import joints_of, single
from scripts.reading_test.drawn_joints import DrawnJoints
from tests.reading_test.conftest import Made, reading_test


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_set_has_as_many_real_as_made_bones_of_each_kind(made: Made) -> None:
    key = read_key(made.folder / "key.csv")
    counts = Counter((truth.truth, truth.bone) for truth in key.values())
    assert counts == {(truth, bone): 3 for truth in ("real", "made") for bone in ("lower", "upper")}


def test_a_set_is_shuffled_and_no_picture_comes_twice(made: Made) -> None:
    items = made.test.items()
    assert [item.made for item in items] != sorted(item.made for item in items)
    assert len({(item.entry["case"], item.bone) for item in items}) == len(items)
    assert not any(torch.equal(one.picture, other.picture) for one in items for other in items if one is not other)


def test_names_of_items_tell_nothing(made: Made) -> None:
    with (made.folder / "key.csv").open() as stream:
        names = [row["item"] for row in csv.DictReader(stream)]
    assert all(len(name) == 8 and int(name, 16) >= 0 for name in names)
    assert names != sorted(names)


def test_the_machines_reader_answers_every_item(made: Made) -> None:
    key = read_key(made.folder / "key.csv")
    answers = read_answers([made.folder / "answers_machine.csv"], key)
    assert {answer.item for answer in answers} == set(key)
    assert {answer.reader for answer in answers} == {"machine"}
    assert {answer.seconds for answer in answers} == {None}


def test_a_seed_gives_the_same_files_and_another_seed_others(made: Made, tmp_path: Path) -> None:
    reading_test(tmp_path / "again").run()
    reading_test(tmp_path / "other", seed=1).run()
    assert files_in(tmp_path / "again") == files_in(made.folder)
    assert files_in(tmp_path / "other")["key.csv"] != files_in(made.folder)["key.csv"]


def test_without_enough_cases_there_is_no_machines_reader(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    reading_test(tmp_path, pairs=1, joints=1).run()
    assert sorted(files_in(tmp_path)) == ["key.csv", "reading_test.html"]
    assert "no machine's reader: lower bones of fewer than 3 cases" in caplog.text


def test_more_pairs_than_joints_end_the_command_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="pairs: expected at most 1, as many as there are overlapping joints, got 9"):
        reading_test(tmp_path, pairs=9, joints=1).run()
    assert not list(tmp_path.iterdir())


def test_single_bones_come_from_joints_that_share_no_pixel() -> None:
    joints: Any = DrawnJoints(2, overlap=True, size=128)
    assert single(joints).datalist == []
    apart: Any = DrawnJoints(2, overlap=False, size=128)
    assert single(apart).datalist == apart.datalist
    assert torch.equal(single(apart).layers[1], apart[1]["image"].expand(2, -1, -1))


@pytest.mark.parametrize(
    ("source", "split", "says"),
    [
        ("drawings", "test", "source: expected release or drawn, got 'drawings'"),
        ("release", "test", "nowhere: expected LS_K1_all_train, Data/ or a release zip"),
        ("release", "tests", "split: expected one of train, validation, test, got 'tests'"),
    ],
)
def test_joints_that_are_not_there_end_the_command_with_a_sentence(source: str, split: str, says: str) -> None:
    with pytest.raises(SystemExit, match=says):
        joints_of("nowhere", source=source, overlap=True, split=split, pairs=3, seed=0)


def test_joints_come_from_the_release_or_are_drawn(release: Path) -> None:
    both = {
        source: [
            joints_of(release, source=source, overlap=overlap, split="test", pairs=3, seed=0)
            for overlap in (True, False)
        ]
        for source in ("release", "drawn")
    }
    assert [len(joints) for joints in both["release"]] == [2, 1]
    assert [len(joints) for joints in both["drawn"]] == [3, 9]
