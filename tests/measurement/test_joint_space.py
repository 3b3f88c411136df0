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
import json
import logging
import math
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from pydicom import dcmread
from pydicom.uid import generate_uid

from scripts.inference.find_images import find_images
from scripts.inference.inferer import SeparationInferer
from scripts.inference.pipeline import Pipeline
from scripts.measurement.joint_series import Change, JointSeries, Visit
from scripts.measurement.joint_space import COLUMNS, FIGURES, JointSpace, Subjects, rows_of
from scripts.networks.separator import Separator
from scripts.phantoms.hand import draw_hand
from scripts.phantoms.hand_files import save as save_hand
from scripts.phantoms.joint import save
from scripts.physics import FIELD_MM
from tests.support.visits import drawn_visit

SIZE = 128
SPACING = FIELD_MM / SIZE
# So wide that the rims of both bones do not meet: the split is the physics' alone, whatever the network answers.
GAPS = {"one_a": -16.0, "one_b": -20.0, "one_c": -18.0, "two_a": -18.0, "two_b": -18.0}
LISTED = ("one,one_a.png", "one,one_b.png", "one,one_c.png", "two,two_a.png", "two,two_b.png")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of two joints, one of them at three visits, the other at two."""
    folder = tmp_path_factory.mktemp("pictures")
    for seed, (name, gap) in enumerate(GAPS.items()):
        joint = drawn_visit(5 if name < "two" else 6, seed, size=SIZE, overlap=gap)
        save(joint, folder / f"{name}.png", bits=16)
    (folder / "visits.csv").write_text(listed(*LISTED))
    return folder


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    torch.manual_seed(0)
    return Pipeline(Separator().eval(), SeparationInferer(), version="9.9")


def listed(*lines: str, header: str = "subject,image") -> str:
    return "".join(f"{line}\n" for line in (header, *lines))


def subjects(pipeline: Pipeline, folder: Path, **more: Any) -> Subjects:
    return Subjects(pipeline=pipeline, data=find_images(folder), dataset_dir=folder, **more)


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "joint_space.csv").open() as stream:
        return list(csv.DictReader(stream))


def visits_file(folder: Path, *lines: str, **more: str) -> Path:
    path = folder / "visits.csv"
    path.write_text(listed(*lines, **more))
    return path


def no_constant(name: str) -> None:
    raise AssertionError(name)


@pytest.fixture(scope="module")
def measured(pipeline: Pipeline, pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is written of the pictures, by one process."""
    folder = tmp_path_factory.mktemp("measured")
    JointSpace(subjects(pipeline, pictures, spacing=SPACING), folder).run()
    return folder


def test_a_list_of_pictures_becomes_a_row_a_change_and_a_record_a_joint(measured: Path) -> None:
    table = rows(measured)
    assert list(table[0]) == [*COLUMNS, *FIGURES]
    assert [(row["subject"], row["first"], row["second"]) for row in table] == [
        ("one", "one_a.png", "one_b.png"),
        ("one", "one_b.png", "one_c.png"),
        ("one", "one_a.png", "one_c.png"),
        ("two", "two_a.png", "two_b.png"),
    ]
    # A unit of a drawn joint is half a pixel here.
    for row, change in zip(table, (2.0, -1.0, 1.0, 0.0), strict=True):
        assert float(row["change_px"]) == pytest.approx(change, abs=0.1)
        assert abs(float(row["change_px"]) - change) < 2 * float(row["standard_error"])
        assert float(row["change_mm"]) == pytest.approx(float(row["change_px"]) * SPACING, abs=1e-4)
        assert float(row["detectable"]) == pytest.approx(1.96 * float(row["standard_error_mm"]), abs=2e-4)
        assert re.match(r"\d\.\d\d mm( narrower| wider)?, ± \d\.\d\d: ", row["in_words"])
    record = json.loads((measured / "joint_space.json").read_text(), parse_constant=no_constant)
    assert [(joint["subject"], len(joint["visits"]), len(joint["changes"])) for joint in record] == [
        ("one", 3, 3),
        ("two", 2, 1),
    ]
    assert record[0]["changes"][0]["in_words"] == table[0]["in_words"]
    assert record[0]["visits"][0]["width"]["mean"] == pytest.approx(float(table[0]["first_width"]), abs=1e-3)
    assert record[0]["visits"][0]["rests_on"] == "given"


def test_two_workers_write_the_same_files_as_none(
    pipeline: Pipeline, pictures: Path, measured: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        JointSpace(subjects(pipeline, pictures, spacing=SPACING), tmp_path, workers=2).run()
    for name in ("joint_space.csv", "joint_space.json"):
        assert (tmp_path / name).read_bytes() == (measured / name).read_bytes()
    assert "4 changes measured, 0 refused" in caplog.text


def test_what_cannot_be_measured_is_named_the_rest_is_measured_and_the_command_ends_with_1(
    pipeline: Pipeline, pictures: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for path in pictures.glob("*.png"):
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    lines = ("one,one_a.png", "one,one_b.png", "one,missing.png", "one,broken.png", "two,two_a.png")
    visits_file(tmp_path, *lines)
    with pytest.raises(SystemExit) as left:
        JointSpace(subjects(pipeline, tmp_path), tmp_path / "out").run()
    assert left.value.code == 1
    assert "refused missing.png: no such picture in the data set or beside visits.csv" in caplog.text
    assert "refused broken" in caplog.text
    assert "refused two: expected two visits or more, got 1" in caplog.text
    table = rows(tmp_path / "out")
    assert [bool(row["change_px"]) for row in table] == [True, False, False, False]
    assert table[0]["change_mm"] == ""
    assert " px " in table[0]["in_words"]
    assert table[1]["in_words"] == "not measured: missing.png: no such picture in the data set or beside visits.csv"
    assert len(json.loads((tmp_path / "out" / "joint_space.json").read_text(), parse_constant=no_constant)) == 1


def test_a_list_elsewhere_names_pictures_of_the_data_set_and_beside_it(
    pipeline: Pipeline, pictures: Path, tmp_path: Path
) -> None:
    for name in ("other", "one_b"):
        (tmp_path / f"{name}.png").symlink_to(pictures / "one_a.png")
    made = subjects(pipeline, tmp_path, visits=pictures / "visits.csv")
    assert len(made) == 2
    assert set(made.pictures) == {"other.png", *(f"{name}.png" for name in GAPS)}
    assert made.pictures["one_b.png"].path.parent == tmp_path, "the data set comes first"
    assert made.pictures["one_a.png"].path.parent == pictures


def test_nothing_else_of_the_folder_of_a_list_is_looked_at(pipeline: Pipeline, pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "film.dcm").write_bytes(b"")
    (tmp_path / "below" / "joints.csv").write_text("image,joint,x,y\ngone.dcm,MCP2,1,1\n")
    (tmp_path / "list.csv").write_text(listed(*LISTED))
    made = subjects(pipeline, pictures, visits=tmp_path / "list.csv")
    assert set(made.pictures) == {f"{name}.png" for name in GAPS}


def test_pictures_without_a_list_are_refused(pipeline: Pipeline, pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "a.png").symlink_to(pictures / "one_a.png")
    with pytest.raises(SystemExit, match=r"visits visits.csv: no such file; expected a CSV with the columns subject"):
        subjects(pipeline, tmp_path)


@pytest.mark.parametrize("spacing", [0, -0.1, math.nan, "wide"])
def test_a_spacing_that_is_none_is_refused(pipeline: Pipeline, pictures: Path, spacing: object) -> None:
    with pytest.raises(SystemExit, match=r"spacing: expected mm a px above 0, got"):
        subjects(pipeline, pictures, spacing=spacing)


def test_a_folder_that_cannot_be_written_to_is_refused_before_anything_is_measured(
    pipeline: Pipeline, pictures: Path, tmp_path: Path
) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(SystemExit, match=r"output_dir .*taken: cannot be written to"):
        JointSpace(subjects(pipeline, pictures), tmp_path / "taken").run()


def test_workers_that_are_no_number_end_it_with_a_sentence(pipeline: Pipeline, pictures: Path, tmp_path: Path) -> None:
    for workers in (-1, "abc"):
        with pytest.raises(SystemExit, match="workers: expected a whole number from 0 up, got "):
            JointSpace(subjects(pipeline, pictures), tmp_path, workers)  # type: ignore[arg-type]


def test_persons_are_measured_and_one_seen_once_is_refused_in_words(
    pipeline: Pipeline, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    drawn = draw_hand(93, spacing=0.2)
    x, y = drawn.joints["MCP2"].centre
    save_hand(drawn, tmp_path / "hand.dcm", number=93)
    lines = ["image,joint,x,y"]
    for name, date, person in (("late", "20260310", "A"), ("early", "20240105", "A"), ("other", "20250101", "B")):
        dataset = dcmread(tmp_path / "hand.dcm")
        dataset.StudyDate, dataset.PatientID = date, person
        dataset.SOPInstanceUID = generate_uid(entropy_srcs=[name])
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.save_as(tmp_path / f"{name}.dcm", enforce_file_format=True)
        lines.append(f"{name}.dcm,MCP2,{x},{y}")
    (tmp_path / "hand.dcm").unlink()
    (tmp_path / "joints.csv").write_text("\n".join(lines))
    (tmp_path / "letter.dcm").write_text("not a radiograph")
    with pytest.raises(SystemExit):
        JointSpace(subjects(pipeline, tmp_path), tmp_path / "out").run()
    [row] = rows(tmp_path / "out")
    assert [row[name] for name in ("subject", "side", "joint", "first_date", "second_date")] == [
        "A",
        "right",
        "MCP2",
        "20240105",
        "20260310",
    ]
    assert float(row["change_mm"]) == pytest.approx(0.0, abs=0.01)
    assert "refused letter.dcm: not a DICOM file" in caplog.text
    assert "refused B right MCP2: expected two visits or more, got 1\n" in caplog.text


def test_a_refused_change_has_a_row_without_figures() -> None:
    visits = [Visit(image=name, centre=(1.0, 2.0), warnings=["no width"]) for name in ("a.png", "b.png")]
    [row] = rows_of(JointSeries(subject="A", visits=visits, changes=[Change(first=0, second=1, refused="turned")]))
    assert {row[name] for name in FIGURES if name not in ("in_words", "warnings")} == {None}
    assert (row["in_words"], row["warnings"]) == ("not measured: turned", "no width")
