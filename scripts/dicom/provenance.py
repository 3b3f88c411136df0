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

"""Provenance of derived objects: software, weights, and UIDs that are the same for the same input."""

import json
from dataclasses import dataclass

from highdicom.sr import CodedConcept
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import PYDICOM_IMPLEMENTATION_UID, UID, ExplicitVRLittleEndian, generate_uid

from scripts.dicom.attributes import number, values

RESEARCH_USE = "Research use, not a medical device."


@dataclass(frozen=True)
class Software:
    """Software and weights that layers and masks come from.

    Attributes:
        version: of the bundle.
        weights_sha256: 64 hexadecimal digits, None where no weights took part.
        name: of the bundle.
    """

    version: str
    weights_sha256: str | None = None
    name: str = "BLS-GAN"

    @property
    def weights(self) -> str:
        """The weights in words, as the derived objects name them."""
        return f"weights SHA-256 {self.weights_sha256}" if self.weights_sha256 else "no weights"


def derived_uid(source: Dataset, software: Software, *made_of: object) -> UID:
    """Return a UID for an object derived from ``source``: the same for the same arguments, on every machine.

    Args:
        source: the radiograph's header; its SOP Instance UID tells it from others.
        software: name, version and weights.
        made_of: numbers, texts and lists of them that tell the object from others of this source.
    """
    origin = [str(source.SOPInstanceUID), software.name, software.version, software.weights_sha256]
    return generate_uid(entropy_srcs=[json.dumps([*origin, *made_of])])


def series_number(source: Dataset, digit: int) -> int:
    """Return the Series Number of a derived series: the source's Series and Instance Number and a digit, e.g. 20013.

    Args:
        source: the radiograph's header.
        digit: 1..9, which of the derived series of this source it is.
    """
    series, instance = _number(source, "SeriesNumber", 200_000), _number(source, "InstanceNumber", 999)
    return series * 10_000 + instance * 10 + digit


def _number(source: Dataset, keyword: str, most: int) -> int:
    """Return an Integer String, 0 where it is not one or above ``most``."""
    found = number(next(iter(values(source, keyword)), 0))
    return int(found) if found is not None and 0 <= found <= most else 0


def file_meta(dataset: Dataset, software: Software, transfer_syntax: UID = ExplicitVRLittleEndian) -> FileMetaDataset:
    """Return the File Meta Information of a derived object.

    Source:
        DICOM PS3.10, table 7.1-1.
    """
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\0\1"
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = transfer_syntax
    meta.ImplementationClassUID = PYDICOM_IMPLEMENTATION_UID
    meta.ImplementationVersionName = f"{software.name} {software.version}"[:16]
    return meta


def add_equipment(dataset: Dataset, software: Software) -> None:
    """Add the General Equipment of a derived object: this software, its weights as the serial number.

    Source:
        DICOM PS3.3, tables C.7-8 (General Equipment) and C.7-8b (Enhanced General Equipment).
    """
    dataset.Manufacturer = software.name
    dataset.ManufacturerModelName = software.name
    dataset.SoftwareVersions = software.version
    dataset.DeviceSerialNumber = software.weights_sha256 or "none"


def processing_equipment(software: Software) -> Dataset:
    """Return the item of Contributing Equipment Sequence for this software.

    Source:
        DICOM PS3.3, table C.12-1 (SOP Common); PS3.16, CID 7005.
    """
    item = Dataset()
    add_equipment(item, software)
    item.ContributionDescription = f"Separation of overlapping bones, {software.weights}. {RESEARCH_USE}"
    item.PurposeOfReferenceCodeSequence = [code_item(codes.DCM.ProcessingEquipment)]
    return item


def code_item(code: Code | CodedConcept) -> Dataset:
    """Return the item of a code sequence.

    Source:
        DICOM PS3.3, table 8.8-1 (Code Sequence).
    """
    item = Dataset()
    item.CodeValue = code.value
    item.CodingSchemeDesignator = code.scheme_designator
    item.CodeMeaning = code.meaning
    return item
