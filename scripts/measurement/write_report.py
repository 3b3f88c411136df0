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


"""Writing a report: a page, a PDF, and the PDF as a DICOM object in the study of a radiograph."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from pydicom import Dataset

from scripts.dicom.encapsulated_pdf import encapsulated_pdf
from scripts.files import whole_or_nothing
from scripts.measurement.report import TITLE, Report
from scripts.measurement.report_page import report_page
from scripts.measurement.report_pdf import report_pdf
from scripts.measurement.report_words import identifies

logger = logging.getLogger(__name__)

PAGE, PDF, OBJECT = "report.html", "report.pdf", "report.dcm"


def write_report(
    report: Report,
    folder: Path,
    *,
    source: Dataset | None = None,
    store: Callable[[Sequence[Dataset]], None] | None = None,
) -> list[Path]:
    """Write a report into a folder of its own, all of it or nothing; the same report gives the same bytes.

    Args:
        report: on one person.
        folder: for ``report.html``, ``report.pdf`` and, with a source, ``report.dcm``; what stands there is replaced.
        source: header of the radiograph in whose study the PDF shall be; None: there is no DICOM object.
        store: called with the DICOM object before the folder appears; if it raises, no folder does.

    Returns:
        Paths of the files.
    """
    page, pdf = report_page(report), report_pdf(report)
    document = None if source is None else report_object(report, pdf, source)

    def write(partial: Path) -> None:
        (partial / PAGE).write_text(page, encoding="utf-8")
        (partial / PDF).write_bytes(pdf)
        if document is not None:
            document.save_as(partial / OBJECT, enforce_file_format=True)
            if store:
                store([document])

    whole_or_nothing(folder, write)
    paths = [folder / name for name in (PAGE, PDF, *([] if document is None else [OBJECT]))]
    for path in paths:
        logger.info("report: %s", path)
    return paths


def report_object(report: Report, pdf: bytes, source: Dataset) -> Dataset:
    """Return a report's PDF as a DICOM object that refers to all radiographs it was made of.

    Args:
        report: on one person.
        pdf: its pages, of :func:`scripts.measurement.report_pdf.report_pdf`.
        source: header of the radiograph in whose study it shall be.
    """
    references = [
        (visit.sop_class_uid, visit.sop_instance_uid)
        for joint in report.series
        for visit in joint.visits
        if visit.sop_class_uid and visit.sop_instance_uid
    ]
    return encapsulated_pdf(
        pdf, source, report.software, title=TITLE, identifies=identifies(report), references=references
    )
