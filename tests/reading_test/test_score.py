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


import json
import logging
from pathlib import Path

import pytest
from scipy.stats import beta

from scripts.reading_test.answers import Answer, Truth, answer_file
from scripts.reading_test.score import agreement, main, mean_of_readers, overlap_class, score

KEY = {
    f"{number:02d}": Truth("made" if number % 2 else "real", "lower", 1 + number, f"case {number % 7}")
    for number in range(20)
}


def said(*wrong: str) -> dict[str, str]:
    """Answers to all items that are right but for some."""
    other = {"real": "made", "made": "real"}
    return {item: other[truth.truth] if item in wrong else truth.truth for item, truth in KEY.items()}


def answers(*wrong: str) -> list[Answer]:
    return [Answer("A", item, answer, float(item)) for item, answer in said(*wrong).items()]


@pytest.fixture
def key_path(tmp_path: Path) -> Path:
    lines = [f"{item},{truth.truth},{truth.bone},{truth.thickest_px},{truth.case}\n" for item, truth in KEY.items()]
    (tmp_path / "key.csv").write_text("item,truth,bone,thickest_px,case\n" + "".join(lines))
    return tmp_path / "key.csv"


def test_the_interval_is_that_of_clopper_and_pearson() -> None:
    row = score(answers("00", "01", "03"), KEY)
    assert (row["answers"], row["right"], row["accuracy"]) == (20, 17, 0.85)
    assert row["from"] == pytest.approx(beta.ppf(0.025, 17, 4), abs=1e-4)
    assert row["to"] == pytest.approx(beta.ppf(0.975, 18, 3), abs=1e-4)
    assert (row["real_right"], row["made_right"]) == (0.9, 0.8)
    assert row["seconds"] == 9.5


def test_a_reader_who_is_always_right_is_told_from_chance_and_from_the_field() -> None:
    row = score(answers(), KEY)
    assert row["p_chance"] == pytest.approx(2 * 0.5**20, rel=0.01)
    assert row["p_field"] < 0.05
    assert row["to"] == 1.0


def test_readers_of_chance_are_not_told_from_it() -> None:
    row = score(answers(*list(KEY)[:10]), KEY)
    assert row["p_chance"] == 1.0
    assert row["from"] < 0.5 < row["to"]


def test_a_part_without_real_pictures_has_no_share_of_them() -> None:
    row = score([Answer("A", "01", "made", None)], KEY)
    assert row["real_right"] is None
    assert row["seconds"] is None


@pytest.mark.parametrize(
    ("px", "name"),
    [
        (1, "overlap 1 to 4 px"),
        (4, "overlap 1 to 4 px"),
        (5, "overlap 5 to 8 px"),
        (16, "overlap 9 to 16 px"),
        (17, "overlap above 16 px"),
    ],
)
def test_overlaps_fall_into_classes_of_thickness(px: int, name: str) -> None:
    assert overlap_class(px) == name


def test_readers_who_agree_have_a_kappa_of_one_and_it_is_of_items_that_both_saw() -> None:
    assert agreement(said(), said()) == {"items": 20, "kappa": 1.0}
    assert agreement(said(), said(*KEY)) == {"items": 20, "kappa": -1.0}
    assert agreement({"00": "real", "01": "made"}, {"01": "made"}) == {"items": 1, "kappa": None}
    assert agreement({"00": "real"}, {"01": "made"}) == {"items": 0, "kappa": None}


def test_the_mean_of_readers_is_over_what_all_of_them_answered_and_leaves_the_machine_out() -> None:
    part = dict(list(said("00").items())[:10])
    row = mean_of_readers({"A": said("00", "01"), "B": part, "machine": said(*KEY)}, KEY)
    assert row is not None
    assert (row["reader"], row["items"]) == ("mean of 2 readers", 10)
    assert row["accuracy"] == pytest.approx(1 - 3 / 20)
    assert row["from"] < row["accuracy"] <= row["to"]
    assert mean_of_readers({"A": said(), "machine": said()}, KEY) is None
    assert mean_of_readers({"A": {"00": "real"}, "B": {"01": "made"}}, KEY) is None


def test_the_command_scores_readers_in_all_parts_and_writes_tables(
    key_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = key_path.parent
    (folder / "a.csv").write_text(answer_file("A", said("00")))
    (folder / "b.csv").write_text(answer_file("B", dict(list(said().items())[:5])))
    with caplog.at_level(logging.INFO):
        main(str(key_path), str(folder / "a.csv"), str(folder / "b.csv"), output_dir=str(folder / "scores"))
    rows = json.loads((folder / "scores" / "scores.json").read_text())
    parts = [
        "all",
        "lower bones",
        "overlap 1 to 4 px",
        "overlap 5 to 8 px",
        "overlap 9 to 16 px",
        "overlap above 16 px",
    ]
    assert [row["of"] for row in rows if row["reader"] == "A"] == parts
    assert [(row["right"], row["answers"]) for row in rows if row["of"] == "all" and "right" in row] == [
        (19, 20),
        (5, 5),
    ]
    assert rows[-1]["reader"] == "mean of 2 readers"
    assert "mean of 2 readers | 5 items that all answered: 0.90 (" in caplog.text
    [pair] = json.loads((folder / "scores" / "agreement.json").read_text())
    assert (pair["reader"], pair["other"], pair["items"]) == ("A", "B", 5)
    assert "A | all | 19 of 20 right: 0.95 (0.75 to 1.00), real 0.90, made 1.00" in caplog.text
    assert "B has answered 5 of 20 items" in caplog.text
    assert "A and B | 5 items, Cohen's kappa 0.62" in caplog.text


def test_bad_answers_end_the_command_with_a_sentence(key_path: Path) -> None:
    with pytest.raises(SystemExit, match="answers: expected one CSV file or more, got none"):
        main(str(key_path))
    with pytest.raises(SystemExit, match=r"nowhere.csv"):
        main(str(key_path), "nowhere.csv")
