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

"""Attributes that a derived object copies from its source's header, byte for byte, in any character set."""

import logging
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from highdicom._standard_utils import get_module_attribute_map
from pydicom import Dataset, config
from pydicom.datadict import dictionary_VR, keyword_dict, keyword_for_tag
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.filewriter import correct_ambiguous_vr
from pydicom.sr.codedict import codes
from pydicom.tag import BaseTag, Tag
from pydicom.uid import JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLSNearLossless
from pydicom.valuerep import STR_VR, VR, validate_value

from scripts.dicom.attributes import UNREADABLE, values
from scripts.dicom.provenance import code_item

PATIENT_AND_STUDY = ("patient", "clinical-trial-subject", "general-study", "patient-study", "clinical-trial-study")
"""Modules, by highdicom's names, that everything in a study has in common (DICOM PS3.3, C.7.1 and C.7.2)."""

EQUIPMENT = (
    *("Manufacturer", "InstitutionName", "InstitutionAddress", "StationName", "InstitutionalDepartmentName"),
    *("ManufacturerModelName", "DeviceSerialNumber", "SoftwareVersions"),
)
"""What General Equipment and an item of Contributing Equipment Sequence both have (DICOM PS3.3, C.7-8 and C.12-1)."""

LOSSY = (JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLSNearLossless)
"""Transfer syntaxes that always lose something; those of JPEG 2000 need not."""

UNKNOWN_DATE, UNKNOWN_TIME = "19000101", "000000"
"""Content Date and Time, which a derived object may have to have, of a source that has no date at all."""


@contextmanager
def quiet() -> Iterator[None]:
    """Keep pydicom from warning with values of a header, which may be the patient's."""
    before = config.logger.level
    config.logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        config.logger.setLevel(before)


def keywords_of(modules: Iterable[str]) -> dict[str, str]:
    """Return the keywords of the attributes of some modules, each with its type.

    Args:
        modules: highdicom's names, e.g. ``"general-study"``.

    Returns:
        Keyword -> ``"1"``, ``"1C"``, ``"2"``, ``"2C"`` or ``"3"``, without what stands inside of sequences.
    """
    table = get_module_attribute_map()
    attributes = [attribute for module in modules for attribute in table[module] if not attribute["path"]]
    # The tables may be of a later edition than the dictionary.
    return {item["keyword"]: item["type"] for item in attributes if item["keyword"] in keyword_dict}


def copy(source: Dataset, target: Dataset, keywords: Iterable[str], *, sound: bool = False) -> None:
    """Copy attributes that the source has.

    Text is taken as the bytes that were read, not decoded and encoded again: so it is the same in the target, which
    has to have the source's Specific Character Set. Attributes of the source that were decoded before are copied as
    they were decoded.

    Args:
        source: the header; neither it nor its items are altered.
        target: gets the attributes.
        keywords: of the attributes; those that the source lacks are skipped.
        sound: pass over empty attributes, and text that its VR does not allow. What cannot be decoded, and is not
            text, is skipped in any case.
    """
    for keyword in keywords:
        try:
            element = _copied(source, Tag(keyword))
        except UNREADABLE:
            continue
        if element is not None and not (sound and not _is_sound(element)):
            target[element.tag] = element


def copy_patient_and_study(source: Dataset, target: Dataset) -> None:
    """Copy patient, study and Specific Character Set; what is required and not there becomes empty.

    Source:
        DICOM PS3.3, tables C.7-1 (Patient), C.7-3 (General Study), C.7-4a (Patient Study) and C.12-1 (SOP Common).
    """
    keywords = keywords_of(PATIENT_AND_STUDY)
    copy(source, target, ["SpecificCharacterSet", "TimezoneOffsetFromUTC", *keywords])
    for keyword, kind in keywords_of(("patient", "general-study")).items():
        if kind == "2" and keyword not in target:
            setattr(target, keyword, None)


def content_moment(source: Dataset) -> tuple[str, str]:
    """Return Content Date and Time of what is derived from a source: no clock's, so that a run repeats.

    Those of its content, else of its acquisition, else of its study.
    """
    for moment in ("Content", "Acquisition", "Study"):
        dated = Dataset()
        copy(source, dated, [f"{moment}Date", f"{moment}Time"], sound=True)
        if f"{moment}Date" in dated:
            return str(dated[f"{moment}Date"].value), str(dated.get(f"{moment}Time") or UNKNOWN_TIME)
    return UNKNOWN_DATE, UNKNOWN_TIME


def keep_bytes(dataset: Dataset) -> None:
    """Make pydicom write text that was copied as bytes as these bytes; called when the dataset is complete.

    Of a dataset that it takes for a new one, pydicom decodes all text and encodes it again.
    """
    correct_ambiguous_vr(dataset, True)
    _mark_as_read(dataset)


def _mark_as_read(dataset: Dataset) -> None:
    dataset.set_original_encoding(False, True, dataset._character_set)
    for element in dataset.elements():
        if isinstance(element, DataElement) and element.VR == VR.SQ:
            for item in element.value:
                _mark_as_read(item)


def is_lossy(source: Dataset) -> bool:
    """Return whether the source's header or transfer syntax says that its pixels were compressed with a loss."""
    transfer_syntax = source.file_meta.get("TransferSyntaxUID") if hasattr(source, "file_meta") else None
    return values(source, "LossyImageCompression") == ["01"] or transfer_syntax in LOSSY


def contributing_equipment(source: Dataset) -> list[Dataset]:
    """Return the items of Contributing Equipment Sequence: the source's, and its own equipment.

    Source:
        DICOM PS3.3, table C.12-1 (SOP Common); PS3.16, CID 7005.
    """
    found = Dataset()
    copy(source, found, ["ContributingEquipmentSequence"])
    items = [item for item in found.get("ContributingEquipmentSequence", []) if "Manufacturer" in item]
    acquisition = Dataset()
    copy(source, acquisition, EQUIPMENT, sound=True)
    if "Manufacturer" in acquisition:
        acquisition.PurposeOfReferenceCodeSequence = [code_item(codes.DCM.AcquisitionEquipment)]
        items.append(acquisition)
    return items


def _copied(source: Dataset, tag: BaseTag) -> DataElement | RawDataElement | None:
    element = source.get_item(tag)
    if element is None:
        return None
    vr = VR(dictionary_VR(tag))
    if isinstance(element, RawDataElement) and vr in STR_VR:
        value = element.value or b""
        value += (b"\0" if vr == VR.UI else b" ") * (len(value) % 2)
        return RawDataElement(tag, vr, len(value), value, 0, False, True)
    if vr != VR.SQ:
        return DataElement(tag, vr, source[tag].value)
    items = [_copied_item(item) for item in source[tag].value or []]
    return DataElement(tag, vr, [item for item in items if item]) if any(items) else None


def _copied_item(source: Dataset) -> Dataset:
    item = Dataset()
    copy(source, item, filter(None, map(keyword_for_tag, source.keys())))
    return item


def _is_sound(element: DataElement | RawDataElement) -> bool:
    if isinstance(element, DataElement):
        return not element.is_empty
    values = (element.value or b"").decode("latin-1").rstrip(" \0").split("\\")
    try:
        for value in values:
            validate_value(str(element.VR), value, config.RAISE)
    except ValueError:
        return False
    return any(values)
