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


import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from pydicom import Dataset, dcmread
from pydicom.uid import generate_uid

from scripts.errors import InputError
from scripts.inference.find_images import find_images
from scripts.inference.inferer import SeparationInferer
from scripts.inference.pipeline import Pipeline
from scripts.measurement.hand_reports import HandReports, by_person, moment, subject_of
from scripts.measurement.joint_series import JointSeries
from scripts.networks.separator import Separator
from scripts.phantoms.hand import draw_hand
from scripts.phantoms.hand_files import save
from scripts.phantoms.joint import draw_joint
from scripts.phantoms.joint import save as draw
from tests.support.drawn_report import width


def visit(hand: Path, path: Path, **tags: str) -> None:
    """Write a drawn hand as another radiograph."""
    dataset = dcmread(hand)
    for keyword, value in tags.items():
        setattr(dataset, keyword, value)
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        setattr(dataset, keyword, generate_uid(entropy_srcs=[path.name, keyword]))
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.save_as(path, enforce_file_format=True)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two persons: one with two visits, one with one; one joint each."""
    folder = tmp_path_factory.mktemp("archive")
    drawn = draw_hand(93, spacing=0.2)
    hand = tmp_path_factory.mktemp("hand") / "hand.dcm"
    save(drawn, hand, number=93)
    for name, date, person in (("late", "20260310", "A"), ("early", "20240105", "A"), ("other", "20250101", "B")):
        visit(hand, folder / f"{name}.dcm", StudyDate=date, PatientID=person)
    x, y = drawn.joints["MCP2"].centre
    rows = [f"{name}.dcm,MCP2,{x},{y}\n" for name in ("late", "early", "other")]
    (folder / "joints.csv").write_text("image,joint,x,y\n" + "".join(rows))
    return folder


def measured(series: JointSeries, regions: Sequence[Any]) -> JointSeries:
    """Stand in for the measurement."""
    assert len(regions) == len(series.visits)
    return replace(series, visits=[replace(each, width=width(9.0, 60), refused="") for each in series.visits])


def reports(archive: Path, output: Path, **more: Any) -> HandReports:
    torch.manual_seed(0)
    pipeline = Pipeline(Separator().eval(), SeparationInferer(), version="9.9")
    return HandReports(pipeline=pipeline, data=find_images(archive), output_dir=output, **more)


def test_each_person_has_one_report_named_as_the_latest_radiograph(
    archive: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        reports(archive, tmp_path, measure=measured).run()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["late", "other"]
    page = (tmp_path / "late" / "report.html").read_text()
    for text in ("2, 2024-01-05 to 2026-03-10", "Right MCP2", "1.80 mm ±", "0.2 mm"):
        assert text in page, text
    document = dcmread(tmp_path / "late" / "report.dcm")
    assert document.StudyInstanceUID == dcmread(archive / "late.dcm").StudyInstanceUID
    assert len(document.SourceInstanceSequence) == 2
    assert "2 reports, 0 refused" in caplog.text


def test_without_a_measurement_joints_and_layers_are_shown_and_the_report_says_so(archive: Path) -> None:
    made = reports(archive, archive)
    [entry] = [entry for entry in made.data if entry.name == "other"]
    report, source, refused = made.report([entry])
    assert report is not None
    assert source is not None
    assert refused == []
    assert [joint.joint for joint in report.series] == ["MCP2"]
    [visit] = report.series[0].visits
    assert visit.refused == "the report was made without a measurement"
    assert visit.spacing == pytest.approx(0.2)
    [[picture]] = report.pictures
    assert picture is not None
    assert picture.layers is not None
    assert picture.layers.shape == (2, *picture.original.shape)


@pytest.mark.parametrize(
    ("error", "said"),
    [(InputError("the hand is turned"), "the hand is turned"), (KeyError("P-17"), "could not be measured (KeyError)")],
)
def test_a_joint_that_cannot_be_measured_says_why(archive: Path, error: Exception, said: str) -> None:
    def fails(series: JointSeries, regions: Sequence[Any]) -> JointSeries:
        raise error

    made = reports(archive, archive, measure=fails)
    report, _, refused = made.report([entry for entry in made.data if entry.name == "other"])
    assert report is not None
    assert [visit.refused for visit in report.series[0].visits] == [said]
    assert refused == []


def test_a_picture_is_named_as_skipped_and_has_no_report(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    draw(draw_joint(1, size=64), tmp_path / "in" / "joint.png")
    with pytest.raises(SystemExit):
        reports(tmp_path / "in", tmp_path / "reports").run()
    assert "joint: a picture of one joint belongs to nobody" in caplog.text
    assert list((tmp_path / "reports").iterdir()) == []


def test_a_radiograph_that_cannot_be_used_is_named_in_the_report_and_ends_the_command_with_1(
    archive: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "archive"
    folder.mkdir()
    for path in archive.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    broken = dcmread(folder / "early.dcm")
    broken.BitsStored = 99
    broken.save_as(folder / "early.dcm")
    (folder / "other.dcm").unlink()
    lines = (folder / "joints.csv").read_text().splitlines()
    (folder / "joints.csv").write_text("\n".join(line for line in lines if "other" not in line))
    with pytest.raises(SystemExit) as left:
        reports(folder, tmp_path / "reports").run()
    assert left.value.code == 1
    page = (tmp_path / "reports" / "late" / "report.html").read_text()
    assert "Not used" in page
    assert "early.dcm" in page
    assert "refused early.dcm" in caplog.text


def test_a_folder_without_a_usable_radiograph_has_no_report(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"\1" * 64)
    with pytest.raises(SystemExit):
        reports(tmp_path, tmp_path / "reports").run()
    assert list((tmp_path / "reports").iterdir()) == []


def test_a_report_is_stored_before_it_is_written(archive: Path, tmp_path: Path) -> None:
    stored: list[Dataset] = []
    made = reports(archive, tmp_path, store=stored.extend)
    made.data = [entry for entry in made.data if entry.name == "other"]
    made.run()
    assert [dataset.MIMETypeOfEncapsulatedDocument for dataset in stored] == ["application/pdf"]


def test_images_that_name_nobody_are_nobodys_together(archive: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        visit(archive / "late.dcm", tmp_path / f"{name}.dcm", PatientID="")
    (tmp_path / "letter.dcm").write_text("not a radiograph")
    assert [len(entries) for entries in by_person(find_images(tmp_path))] == [1, 1, 1]
    assert sorted(len(entries) for entries in by_person(find_images(archive))) == [1, 2]


def test_a_header_that_tells_nothing_has_no_subject_and_no_moment() -> None:
    assert subject_of(Dataset()) == ""
    assert moment(Dataset()) == ("", "")
