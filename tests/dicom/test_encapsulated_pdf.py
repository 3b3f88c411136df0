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
from pydicom.uid import EncapsulatedPDFStorage

from scripts.dicom.encapsulated_pdf import encapsulated_pdf
from scripts.dicom.provenance import Software
from tests.support.dicom_sources import source
from tests.support.separated import SOFTWARE, errors, reread, written

PDF = b"%PDF-1.4\nnothing on it\n%%EOF\n"
TITLE = "Finger joints: widths and changes"


def document(pdf: bytes = PDF, header=None, software: Software = SOFTWARE, **more):
    settings = {"title": TITLE, "identifies": True, **more}
    return encapsulated_pdf(pdf, source() if header is None else header, software, **settings)


@pytest.mark.parametrize("pdf", [PDF, PDF + b"\n"])
def test_the_pdf_comes_out_as_it_went_in(pdf: bytes) -> None:
    found = reread(document(pdf))
    assert found.EncapsulatedDocumentLength == len(pdf)
    assert found.EncapsulatedDocument[: len(pdf)] == pdf
    assert len(found.EncapsulatedDocument) % 2 == 0
    assert found.MIMETypeOfEncapsulatedDocument == "application/pdf"


@pytest.mark.parametrize("settings", [{}, {"PatientName": "Müller^Jürgen", "SpecificCharacterSet": "ISO_IR 192"}])
def test_dciodvfy_finds_no_error(tmp_path: Path, settings: dict[str, str]) -> None:
    assert errors(document(header=source(**settings)), tmp_path) == []


def test_it_is_in_the_study_of_its_source_and_refers_to_it() -> None:
    header = source(PatientID="17", StudyDate="20260310")
    found = reread(document(header=header))
    assert found.SOPClassUID == EncapsulatedPDFStorage
    for keyword in ("PatientID", "PatientName", "StudyInstanceUID", "StudyDate"):
        assert found[keyword].value == header[keyword].value
    assert found.SeriesInstanceUID != header.SeriesInstanceUID
    assert found.Modality == "DOC"
    assert found.DocumentTitle == TITLE
    assert found.ConceptNameCodeSequence[0].CodeValue == "126000"
    assert [item.ReferencedSOPInstanceUID for item in found.SourceInstanceSequence] == [header.SOPInstanceUID]
    assert "research use" in found.SeriesDescription


def test_it_refers_to_each_radiograph_once() -> None:
    found = document(references=[("1.2", "1.2.3"), ("1.2", "1.2.4"), ("1.2", "1.2.3")])
    assert [item.ReferencedSOPInstanceUID for item in found.SourceInstanceSequence] == ["1.2.3", "1.2.4"]


@pytest.mark.parametrize(("identifies", "said"), [(True, "YES"), (False, "NO")])
def test_it_says_whether_its_pages_name_the_patient(identifies: bool, said: str) -> None:
    assert document(identifies=identifies).BurnedInAnnotation == said


def test_the_same_input_gives_the_same_object_and_another_document_another_one() -> None:
    assert written(document()) == written(document())
    other = document(PDF + b"%")
    assert other.SOPInstanceUID != document().SOPInstanceUID
    assert other.SeriesInstanceUID == document().SeriesInstanceUID
    assert document(software=Software(version="2")).SeriesInstanceUID != document().SeriesInstanceUID


def test_something_else_than_a_pdf_is_refused() -> None:
    with pytest.raises(ValueError, match=r"expected a PDF, got bytes that begin with b'<html'"):
        document(b"<html></html>")
