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


"""Encapsulated PDF: a document about radiographs as a DICOM object in their study."""

import hashlib
from collections.abc import Sequence

from pydicom import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import UID, EncapsulatedPDFStorage

from scripts.dicom.header import contributing_equipment, copy, copy_patient_and_study, keep_bytes, quiet
from scripts.dicom.provenance import (
    Software,
    add_equipment,
    code_item,
    derived_uid,
    file_meta,
    processing_equipment,
    series_number,
)
from scripts.dicom.view import series_description

SERIES_DIGIT = 5
"""Last digit of the Series Number, after those of layers, masks and structured reports."""

Reference = tuple[str, str]
"""SOP Class UID and SOP Instance UID."""


def encapsulated_pdf(
    pdf: bytes,
    source: Dataset,
    software: Software,
    *,
    title: str,
    identifies: bool,
    references: Sequence[Reference] = (),
) -> Dataset:
    """Build an Encapsulated PDF in the study of a radiograph.

    Args:
        pdf: the document.
        source: the radiograph's header; nothing of it is altered but that values are decoded.
        software: version and weights.
        title: of the document; nothing of the patient's.
        identifies: whether its pages name the patient and the dates of the images.
        references: all radiographs that the document is made of; the source alone if not given.

    Returns:
        The object with its File Meta Information, the same bytes for the same arguments.

    Raises:
        ValueError: it is no PDF.

    Source:
        DICOM PS3.3, A.45.1 (Encapsulated PDF IOD), C.24.2 (Encapsulated Document); PS3.16, CID 7020.
    """
    if not pdf.startswith(b"%PDF-"):
        raise ValueError(f"expected a PDF, got bytes that begin with {pdf[:5]!r}")
    with quiet():
        document = Dataset()
        document.SOPClassUID = EncapsulatedPDFStorage
        document.SOPInstanceUID = derived_uid(source, software, "PDF", hashlib.sha256(pdf).hexdigest())
        document.file_meta = file_meta(document, software)
        copy_patient_and_study(source, document)
        add_equipment(document, software)
        document.ContributingEquipmentSequence = [*contributing_equipment(source), processing_equipment(software)]
        document.ConversionType = "WSD"

        document.Modality = "DOC"
        document.SeriesInstanceUID = pdf_series_uid(source, software)
        document.SeriesNumber = series_number(source, SERIES_DIGIT)
        document.SeriesDescription = series_description("Report", source, software.name)
        document.InstanceNumber = 1

        # The same input gives the same object: its moment is that of the source.
        copy(source, document, ["ContentDate", "ContentTime", "AcquisitionDateTime"], sound=True)
        for keyword in ("ContentDate", "ContentTime", "AcquisitionDateTime"):
            document.setdefault(keyword, None)
        document.BurnedInAnnotation = "YES" if identifies else "NO"
        own = (str(source.SOPClassUID), str(source.SOPInstanceUID))
        document.SourceInstanceSequence = [_reference(*each) for each in dict.fromkeys(references or [own])]
        _add_pdf(document, pdf, title)
        keep_bytes(document)
        return document


def pdf_series_uid(source: Dataset, software: Software) -> UID:
    """Return the Series Instance UID of the documents that belong to a radiograph."""
    return derived_uid(source, software, "PDF series")


def _add_pdf(document: Dataset, pdf: bytes, title: str) -> None:
    document.VerificationFlag = "UNVERIFIED"
    document.DocumentTitle = title
    document.ConceptNameCodeSequence = [code_item(codes.DCM.ImagingMeasurementReport)]
    document.MIMETypeOfEncapsulatedDocument = "application/pdf"
    document.EncapsulatedDocument = pdf + b"\0" * (len(pdf) % 2)
    document.EncapsulatedDocumentLength = len(pdf)


def _reference(sop_class: str, sop_instance: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = sop_class
    item.ReferencedSOPInstanceUID = sop_instance
    return item
