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

"""Layer image: one bone of one joint as a DX image, with the source's patient and exposure and its derivation."""

import re

import numpy as np
from highdicom._standard_utils import get_anatomic_region_map
from pydicom import Dataset
from pydicom.pixels.utils import set_pixel_data
from pydicom.sr.codedict import codes
from pydicom.uid import DigitalXRayImageStorageForPresentation

from scripts.dicom.attributes import values
from scripts.dicom.header import contributing_equipment, copy, copy_patient_and_study, is_lossy, keep_bytes, keywords_of
from scripts.dicom.joint import IN_TISSUE, KIND_NAMES, MASKED, SeparatedJoint, found_sentence
from scripts.dicom.padding import padding_of
from scripts.dicom.private_block import (
    ANGLE,
    ANGLE_FROM,
    BOX,
    CENTRE,
    CONFIDENCE,
    JOINT,
    KIND,
    LAYER,
    LAYER_NAMES,
    MASKS_FROM,
    OVERLAP,
    PRIVATE_CREATOR,
    PRIVATE_GROUP,
    SOFT_TISSUE,
    WARNINGS,
    WHITE,
    add_private_block,
    layer_series_uid,
)
from scripts.dicom.provenance import (
    RESEARCH_USE,
    Software,
    add_equipment,
    code_item,
    derived_uid,
    file_meta,
    processing_equipment,
    series_number,
)
from scripts.dicom.reader import Radiograph
from scripts.dicom.spacing import add_spacing
from scripts.dicom.view import laterality, series_description
from scripts.dicom.voi_lut import voi
from scripts.physics import LOWER, UPPER

__all__ = [
    "ANGLE",
    "ANGLE_FROM",
    "BOX",
    "CENTRE",
    "CONFIDENCE",
    "JOINT",
    "KIND",
    "LAYER",
    "LAYER_NAMES",
    "MASKS_FROM",
    "OVERLAP",
    "PRIVATE_CREATOR",
    "PRIVATE_GROUP",
    "SOFT_TISSUE",
    "WARNINGS",
    "WHITE",
    "layer_image",
    "layer_series_uid",
]

BONES = {LOWER: "lower bone (metacarpal)", UPPER: "upper bone (phalanx)"}

AROUND = {
    IN_TISSUE: "Behind the other bone: soft tissue, estimated from what lies around. Around both: the source's values.",
    MASKED: "Outside the bone and its rim of 0.5 mm: black.",
}

SERIES_DIGITS = {UPPER: 1, LOWER: 2}
"""Last digit of a layer's Series Number: viewers sort by it."""

EXPOSURE = (
    *("general-acquisition", "x-ray-acquisition-dose", "x-ray-generation", "x-ray-filtration", "x-ray-grid"),
    *("dx-detector", "dx-positioning"),
)
"""Modules of a DX image on how it was taken, by highdicom's names (DICOM PS3.3, A.26)."""

NOT_COPIED = {"ImagesInAcquisition", "FieldOfViewShape", "FieldOfViewDimensions", "FieldOfViewOrigin"} | {
    *("FieldOfViewRotation", "FieldOfViewHorizontalFlip"),
    *("ImagerPixelSpacing", "PixelSpacing", "PixelSpacingCalibrationType", "PixelSpacingCalibrationDescription"),
}
"""Attributes of these modules that a region does not share with its source, or that need more than a copy."""

DIRECTIONS = re.compile("[APRLHF]{1,3}")


def layer_image(radiograph: Radiograph, joint: SeparatedJoint, layer: int, number: int, software: Software) -> Dataset:
    """Build a DX image (For Presentation) of one layer: the region of the joint, on the source's grid.

    Stored values are the source's where the bone is alone (above them by 2**(BitsStored - 1) if the source is signed,
    since a DX is unsigned). Behind the other bone they are the soft tissue, around both bones the source's; of a masked
    layer both are black, declared as Pixel Padding Value; of one in its tissue the source's padding is.

    Args:
        radiograph: the source; nothing of it is altered but that values are decoded.
        joint: of this radiograph.
        layer: ``LOWER`` or ``UPPER``.
        number: Instance Number, 1 and up.
        software: version and weights.

    Returns:
        The object with its File Meta Information, the same bytes for the same arguments.

    Source:
        DICOM PS3.3, A.26 (DX Image IOD), C.8.11 (DX modules).
    """
    source, grayscale = radiograph.dataset, radiograph.grayscale
    name = LAYER_NAMES[layer]
    image = Dataset()
    image.SOPClassUID = DigitalXRayImageStorageForPresentation
    image.SOPInstanceUID = derived_uid(
        source, software, "DX", name, *joint.asked, *([] if joint.kind == IN_TISSUE else [joint.kind])
    )
    image.file_meta = file_meta(image, software)
    copy_patient_and_study(source, image)
    add_equipment(image, software)
    image.ContributingEquipmentSequence = [*contributing_equipment(source), processing_equipment(software)]
    copy(source, image, ["FrameOfReferenceUID", "PositionReferenceIndicator"], sound=True)
    if "FrameOfReferenceUID" in image and "PositionReferenceIndicator" not in image:
        image.PositionReferenceIndicator = None

    image.Modality = "DX"
    image.PresentationIntentType = "FOR PRESENTATION"
    image.SeriesInstanceUID = layer_series_uid(source, layer, software)
    image.SeriesNumber = series_number(source, SERIES_DIGITS[layer])
    image.SeriesDescription = series_description(f"{name.capitalize()} bone layers", source, software.name)
    image.InstanceNumber = number

    image.ImageType = ["DERIVED", "SECONDARY", ""]
    copy(source, image, ["ContentDate", "ContentTime"], sound=True)
    what = f"{BONES[layer]}, joint {joint.name}; layers {KIND_NAMES[joint.kind]}"
    image.ImageComments = f"{RESEARCH_USE} {software.name} {software.version}: {what}."
    _add_derivation(image, radiograph, joint, layer, software)
    _add_anatomy(image, source)
    _add_exposure(image, source)
    add_spacing(image, source, radiograph.pixel_spacing)
    image.AcquisitionContextSequence = []
    _add_pixels(image, radiograph, joint, layer)
    image.update(voi(source, grayscale))
    add_private_block(image, joint, layer)
    keep_bytes(image)
    return image


def _add_derivation(
    image: Dataset, radiograph: Radiograph, joint: SeparatedJoint, layer: int, software: Software
) -> None:
    source, grayscale = radiograph.dataset, radiograph.grayscale
    reference = Dataset()
    reference.ReferencedSOPClassUID = source.SOPClassUID
    reference.ReferencedSOPInstanceUID = source.SOPInstanceUID
    # No Spatial Locations Preserved: rows and columns of a region are not those of its source; the box tells.
    purpose = codes.DCM.SourceImageForImageProcessingOperation
    reference.PurposeOfReferenceCodeSequence = [code_item(purpose)]
    image.SourceImageSequence = [reference]
    # Of CID 7203: the other bone's attenuation is subtracted pixel by pixel, what is outside of the bone masked out.
    steps = [codes.DCM.PixelByPixelSubtraction, *([codes.DCM.PixelByPixelMask] if joint.kind == MASKED else [])]
    image.DerivationCodeSequence = [code_item(step) for step in steps]
    top, left, bottom, right = joint.box
    shifted = f" plus {grayscale.offset}" if grayscale.signed else ""
    image.DerivationDescription = (
        f"{BONES[layer].capitalize()} of joint {joint.name}, without the {BONES[UPPER if layer == LOWER else LOWER]} "
        f"that overlaps it. Rows {top + 1} to {bottom}, columns {left + 1} to {right} of the source, not resampled. "
        f"Where the bone is alone: the source's stored values{shifted}. {AROUND[joint.kind]} "
        f"Where bones meet, in levels from 0 (black) to {grayscale.top}: (W - image)(W - t) = (W - upper)(W - lower), "
        f"W = {joint.white}, t the soft tissue, on average {joint.soft_tissue:.6g}. Masks: {joint.masks_from}."
        f"{_how_found(joint)}"
        f" {radiograph.pixel_spacing.in_words} {software.name} {software.version}. {RESEARCH_USE}"
    )


def _how_found(joint: SeparatedJoint) -> str:
    """Say that a joint was found automatically, and how sure that is."""
    return "" if joint.confidence is None else f" {found_sentence(joint.confidence)}"


def _add_anatomy(image: Dataset, source: Dataset) -> None:
    """Add body part and laterality: the source's, else hand and unpaired.

    Source:
        DICOM PS3.3, tables C.8-69 (DX Anatomy Imaged), C.7-5a (General Series).
    """
    copy(source, image, ["BodyPartExamined", "AnatomicRegionSequence"], sound=True)
    image.setdefault("BodyPartExamined", "HAND")
    if not all("CodeValue" in item and "CodeMeaning" in item for item in values(image, "AnatomicRegionSequence")):
        del image.AnatomicRegionSequence
    if "AnatomicRegionSequence" not in image:
        regions = get_anatomic_region_map()
        region, _ = regions.get(str(image.BodyPartExamined), regions["HAND"])
        image.AnatomicRegionSequence = [code_item(region)]
    image.ImageLaterality = laterality(source)
    orientation = [str(direction) for direction in values(source, "PatientOrientation")]
    known = len(orientation) == 2 and all(map(DIRECTIONS.fullmatch, orientation))
    # A DX has to tell. What every source here shows: the metacarpal below, so that columns run towards the head.
    image.PatientOrientation = orientation if known else ["", "H"]


def _add_exposure(image: Dataset, source: Dataset) -> None:
    """Add how the source was acquired, as far as a DX may hold it and the source's values are valid."""
    positioning = keywords_of(["dx-positioning"])
    copy(source, image, [name for name in keywords_of(EXPOSURE) if name not in NOT_COPIED], sound=True)
    image.setdefault("DetectorType", None)
    if any(keyword in image for keyword in positioning):
        image.setdefault("PositionerType", None)
    # Where the source does not tell: what is left of it is the region of a joint.
    image.BurnedInAnnotation = "YES" if values(source, "BurnedInAnnotation") == ["YES"] else "NO"
    image.LossyImageCompression = "01" if is_lossy(source) else "00"
    if is_lossy(source):
        copy(source, image, ["LossyImageCompressionRatio", "LossyImageCompressionMethod"], sound=True)


def _add_pixels(image: Dataset, radiograph: Radiograph, joint: SeparatedJoint, layer: int) -> None:
    grayscale = radiograph.grayscale
    stored = grayscale.unsigned(joint.layers[layer])
    photometric = "MONOCHROME1" if grayscale.inverted else "MONOCHROME2"
    set_pixel_data(image, stored, photometric, grayscale.bits_stored, generate_instance_uid=False)
    image.PresentationLUTShape = "INVERSE" if grayscale.inverted else "IDENTITY"
    linear = values(radiograph.dataset, "PixelIntensityRelationship") == ["LIN"]
    image.PixelIntensityRelationship = "LIN" if linear else "LOG"
    # A larger stored value of MONOCHROME2 is brighter: fewer X-rays came through.
    image.PixelIntensityRelationshipSign = 1 if grayscale.inverted else -1
    image.RescaleIntercept, image.RescaleSlope, image.RescaleType = "0", "1", "US"
    padding = padding_of(radiograph.dataset)
    top, left, bottom, right = joint.box
    if joint.kind == MASKED:
        image.add_new("PixelPaddingValue", "US", int(grayscale.unsigned(np.zeros(1, np.int64))[0]))
    elif padding and radiograph.padded is not None and radiograph.padded[top:bottom, left:right].any():
        low, high = (min(max(value + grayscale.offset, 0), grayscale.top) for value in padding)
        image.add_new("PixelPaddingValue", "US", low)
        if high > low:
            image.add_new("PixelPaddingRangeLimit", "US", high)
