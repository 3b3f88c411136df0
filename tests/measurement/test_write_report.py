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
from pydicom import Dataset, dcmread

from scripts.errors import InputError
from scripts.measurement.report import Report
from scripts.measurement.write_report import report_object, write_report
from tests.support.dicom_sources import source
from tests.support.drawn_report import drawn_report
from tests.support.separated import errors


def small(**more) -> Report:
    return drawn_report(names=("MCP2",), overviews=(), **more)


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_report_of_radiographs_is_a_page_a_pdf_and_the_pdf_in_their_study(tmp_path: Path) -> None:
    header = source(PatientID="P-17")
    paths = write_report(small(), tmp_path / "P-17", source=header)
    assert [path.name for path in paths] == ["report.html", "report.pdf", "report.dcm"]
    found = dcmread(paths[2])
    assert found.EncapsulatedDocument.rstrip(b"\0") == paths[1].read_bytes().rstrip(b"\0")
    assert found.StudyInstanceUID == header.StudyInstanceUID
    assert [item.ReferencedSOPInstanceUID for item in found.SourceInstanceSequence] == ["1.2.3.0", "1.2.3.1"]
    assert found.BurnedInAnnotation == "YES"
    assert errors(found, tmp_path) == []


def test_a_report_that_names_nobody_has_no_burned_in_annotation() -> None:
    assert report_object(small(subject=""), b"%PDF-1.4", source()).BurnedInAnnotation == "NO"


def test_a_report_of_pictures_is_no_dicom_object(tmp_path: Path) -> None:
    paths = write_report(small(), tmp_path / "joint")
    assert sorted(files_in(tmp_path / "joint")) == ["report.html", "report.pdf"] == sorted(path.name for path in paths)


def test_a_second_run_replaces_a_report_by_the_same_bytes(tmp_path: Path) -> None:
    write_report(small(), tmp_path / "P-17", source=source())
    before = files_in(tmp_path / "P-17")
    write_report(small(), tmp_path / "P-17", source=source())
    assert files_in(tmp_path / "P-17") == before


def test_a_report_that_cannot_be_stored_is_not_written(tmp_path: Path) -> None:
    def refuse(objects: list[Dataset]) -> None:
        raise InputError(f"the PACS refused {len(objects)} object")

    with pytest.raises(InputError, match="the PACS refused 1 object"):
        write_report(small(), tmp_path / "P-17", source=source(), store=refuse)
    assert not (tmp_path / "P-17").exists()
