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

"""DICOM Segmentation of the masks of all joints of a radiograph."""

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from highdicom import AlgorithmIdentificationSequence
from highdicom.color import CIELabColor
from highdicom.seg import (
    SegmentAlgorithmTypeValues,
    Segmentation,
    SegmentationTypeValues,
    SegmentDescription,
)
from pydicom import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import UID, DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, RLELossless

from scripts.dicom.header import (
    UNKNOWN_DATE,
    UNKNOWN_TIME,
    content_moment,
    contributing_equipment,
    copy_patient_and_study,
    is_lossy,
    keep_bytes,
)
from scripts.dicom.joint import MaskedJoint
from scripts.dicom.provenance import Software, derived_uid, file_meta, processing_equipment, series_number
from scripts.dicom.reader import Radiograph
from scripts.dicom.view import series_description
from scripts.errors import InputError
from scripts.physics import label_map

SEGMENTS = {1: "lower bone (metacarpal)", 2: "upper bone (phalanx)", 3: "overlap"}
"""Segment Number, which is the value in the label map, and Segment Label."""

# From SNOMED International's own template "Fracture of [bone structure]": 709530002 |Structure of phalanx of hand|.
PHALANX = Code("709530002", "SCT", "Phalanx of hand")
TYPES = {1: codes.SCT.Metacarpal, 2: PHALANX, 3: codes.SCT.HandBone}

COLOURS = {
    1: CIELabColor(69.8, -12.0, -34.8),
    2: CIELabColor(70.6, 16.5, 74.7),
    3: CIELabColor(57.7, 63.9, 12.4),
}
"""Recommended Display CIELab Value: blue, orange, pink, told apart by those too who cannot tell red from green."""

SERIES_DIGIT = 3


def segmentation(radiograph: Radiograph, joints: Sequence[MaskedJoint], software: Software) -> Dataset:
    """Build a Label Map Segmentation over the whole source: 0 background, 1 lower, 2 upper bone only, 3 overlap.

    A projection has no position in the patient. Viewers need one all the same: the segmentation says that its plane is
    that of the first two axes, in a frame of reference of its own.

    Args:
        radiograph: the source; nothing of it is altered but that values are decoded.
        joints: of this radiograph, at least one.
        software: version and weights.

    Returns:
        The object with its File Meta Information, RLE Lossless, the same bytes for the same arguments.

    Raises:
        InputError: two joints claim the same pixel.

    Source:
        DICOM PS3.3, A.51 (Segmentation IOD), C.8.20 (Segmentation modules); PS3.16, CID 7150 and 7151.
    """
    source = radiograph.dataset
    labels = whole_label_map(joints, radiograph.levels.shape)
    given = [joint.masks_from == "given" for joint in joints]
    drawn = hashlib.sha256(labels.tobytes()).hexdigest() if any(given) else ""
    regions = [joint.asked for joint in joints]
    stand_in = _stand_in(radiograph, software)
    result = Segmentation(
        source_images=[stand_in],
        pixel_array=labels,
        segmentation_type=SegmentationTypeValues.LABELMAP,
        segment_descriptions=_segment_descriptions(software, drawn=all(given), corrected=any(given)),
        series_instance_uid=segmentation_series_uid(source, software),
        series_number=series_number(source, SERIES_DIGIT),
        sop_instance_uid=derived_uid(source, software, "SEG", regions, drawn),
        instance_number=1,
        manufacturer=software.name,
        manufacturer_model_name=software.name,
        software_versions=software.version,
        device_serial_number=software.weights_sha256 or "none",
        content_label="BONES",
        content_description="Bones of finger joints and their overlap",
        series_description=series_description("Bone masks", source, software.name),
        transfer_syntax_uid=ExplicitVRLittleEndian,
        omit_empty_frames=False,
        content_date=UNKNOWN_DATE,
        content_time=UNKNOWN_TIME,
    )
    # By name: of the encoders that may be installed, GDCM's ends the process on some sizes.
    result.compress(RLELossless, encoding_plugin="pylibjpeg", generate_instance_uid=False)
    _copy_from_source(result, source, software)
    keep_bytes(result)
    return result


def segmentation_series_uid(source: Dataset, software: Software) -> UID:
    """Return the Series Instance UID of the segmentation of a radiograph, for any set of joints.

    Args:
        source: the radiograph's header.
        software: version and weights.
    """
    return derived_uid(source, software, "SEG series")


def whole_label_map(joints: Sequence[MaskedJoint], shape: tuple[int, ...]) -> np.ndarray:
    """Draw the label map of all joints on the radiograph's grid.

    Args:
        joints: their boxes lie inside of the radiograph.
        shape: rows, columns of the radiograph.

    Returns:
        (rows, columns) uint8, 0..3 as :func:`scripts.physics.label_map` has them.

    Raises:
        InputError: two joints claim the same pixel.
    """
    labels = np.zeros(shape, np.uint8)
    for number, joint in enumerate(joints):
        top, left, bottom, right = joint.box
        region = labels[top:bottom, left:right]
        own = label_map(torch.from_numpy(joint.masks)[None])[0, 0].numpy()
        twice = int(np.count_nonzero((region > 0) & (own > 0)))
        if twice:
            others = ", ".join(other.name for other in joints[:number])
            raise InputError(f"joint {joint.name}: {twice} px of its masks are in those of another joint ({others})")
        region |= own
    return labels


def _segment_descriptions(software: Software, *, drawn: bool, corrected: bool) -> list[SegmentDescription]:
    kind = SegmentAlgorithmTypeValues.SEMIAUTOMATIC if corrected else SegmentAlgorithmTypeValues.AUTOMATIC
    algorithm = AlgorithmIdentificationSequence(
        name=software.name,
        family=codes.DCM.ArtificialIntelligence,
        version=software.version,
        source=software.name,
        parameters={"weights": software.weights_sha256 or "none"},
    )
    return [
        SegmentDescription(
            segment_number=number,
            segment_label=label,
            segmented_property_category=codes.SCT.AnatomicalStructure,
            segmented_property_type=TYPES[number],
            algorithm_type=SegmentAlgorithmTypeValues.MANUAL if drawn else kind,
            algorithm_identification=None if drawn else algorithm,
            display_color=COLOURS[number],
        )
        for number, label in SEGMENTS.items()
    ]


def _stand_in(radiograph: Radiograph, software: Software) -> Dataset:
    """Return the source as highdicom needs it: its grid and its UIDs; text is copied later, byte for byte."""
    source = radiograph.dataset
    stand_in = Dataset()
    for keyword in ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID"):
        setattr(stand_in, keyword, "")
    stand_in.StudyDate = stand_in.StudyTime = stand_in.ReferringPhysicianName = None
    # highdicom knows the modules of this class; the class of the source replaces it later.
    stand_in.SOPClassUID = DigitalXRayImageStorageForPresentation
    stand_in.SOPInstanceUID = source.SOPInstanceUID
    stand_in.StudyInstanceUID = source.StudyInstanceUID
    stand_in.SeriesInstanceUID = source.SeriesInstanceUID
    stand_in.Modality = "DX"
    stand_in.Rows, stand_in.Columns = radiograph.levels.shape
    stand_in.LossyImageCompression = "01" if is_lossy(source) else "00"
    # highdicom asks for a thickness; a projection has none.
    stand_in.SliceThickness = 1
    stand_in.PixelSpacing = [f"{side:.10g}" for side in radiograph.spacing]
    stand_in.FrameOfReferenceUID = derived_uid(source, software, "plane of the image")
    stand_in.ImagePositionPatient = [0, 0, 0]
    stand_in.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    return stand_in


def _copy_from_source(result: Dataset, source: Dataset, software: Software) -> None:
    """Bring the source's text in, take the time of day and chance out."""
    for keyword in ("InstanceCreationDate", "InstanceCreationTime"):
        del result[keyword]
    copy_patient_and_study(source, result)
    result.ContentDate, result.ContentTime = content_moment(source)
    for item in result.ContributingEquipmentSequence:
        item.pop("ContributionDateTime", None)
    result.ContributingEquipmentSequence = [
        *contributing_equipment(source),
        processing_equipment(software),
        *result.ContributingEquipmentSequence,
    ]
    for item in (*result.DimensionOrganizationSequence, *result.DimensionIndexSequence):
        item.DimensionOrganizationUID = derived_uid(source, software, "dimensions")
    for item in source_references(result):
        item.ReferencedSOPClassUID = source.SOPClassUID
    result.file_meta = file_meta(result, software, RLELossless)


def source_references(dataset: Dataset) -> Iterator[Dataset]:
    """Yield the items that refer to source images: of the whole, of all frames, of each frame."""
    for series in dataset.get("ReferencedSeriesSequence") or []:
        yield from series.get("ReferencedInstanceSequence") or []
    yield from dataset.get("SourceImageSequence") or []
    for keyword in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        for groups in dataset.get(keyword) or []:
            yield from frame_references(groups)


def frame_references(groups: Dataset) -> Iterator[Dataset]:
    """Yield the items of one frame's functional groups that refer to source images."""
    for derivation in groups.get("DerivationImageSequence") or []:
        yield from derivation.get("SourceImageSequence") or []
