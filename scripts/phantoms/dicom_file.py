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

"""DICOM files of drawn hands and joints: complete radiographs of gray levels."""

from typing import Literal
from uuid import NAMESPACE_OID, uuid5

import numpy as np
from highdicom.sr.coding import CodedConcept
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

COMMENT = "phantom, drawn by a program"
DATE, TIME = "20260101", "120000"


def uid_of(text: str) -> UID:
    """Return a UID that depends on a text alone, of a name-based UUID (DICOM PS3.5, section B.2)."""
    return UID(f"2.25.{uuid5(NAMESPACE_OID, f'bls-gan {text}').int}")


def wrap(
    gray: np.ndarray,
    *,
    spacing: float,
    laterality: Literal["R", "L"],
    seed: str,
    study: str | None = None,
    bits: int = 12,
    photometric: Literal["MONOCHROME2", "MONOCHROME1"] = "MONOCHROME2",
    window: tuple[float, float] | None = None,
    patient_name: str = "Phantom^Hand",
    patient_id: str = "PHANTOM",
    comment: str = COMMENT,
) -> Dataset:
    """Return a Digital X-Ray Image, For Presentation (DICOM PS3.3, table A.26-1), of a hand seen from its back.

    Args:
        gray: (rows, columns), gray levels 0..1, bright = more attenuation.
        spacing: Imager Pixel Spacing, mm between the centres of pixels, down and across.
        laterality: Image Laterality, ``"R"`` or ``"L"``.
        seed: decides series and SOP Instance UID; the same text gives the same.
        study: decides the Study Instance UID; ``seed`` if not given.
        bits: Bits Stored, 8 to 16; 8 are allocated for 8, else 16.
        photometric: Photometric Interpretation; ``"MONOCHROME1"`` stores bright as small.
        window: Window Center and Window Width in stored values; the whole range if not given.
        patient_name: Patient's Name.
        patient_id: Patient ID.
        comment: Image Comments.

    Returns:
        The dataset with File Meta Information, uncompressed, Explicit VR Little Endian; ``save_as`` writes it.

    Raises:
        ValueError: an argument outside its range.
    """
    _check(gray, spacing, laterality, bits, photometric)
    inverted = photometric == "MONOCHROME1"
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    dataset.file_meta.MediaStorageSOPInstanceUID = uid_of(f"image {seed}")
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = DigitalXRayImageStorageForPresentation
    dataset.SOPInstanceUID = uid_of(f"image {seed}")
    dataset.StudyInstanceUID = uid_of(f"study {seed if study is None else study}")
    dataset.SeriesInstanceUID = uid_of(f"series {seed}")
    _describe(dataset, patient_name, patient_id, comment)
    _position(dataset, laterality, spacing)
    _present(dataset, inverted, window or (2.0 ** (bits - 1), 2.0**bits))
    dataset.PhotometricInterpretation = photometric
    _store(dataset, 1 - gray if inverted else gray, bits)
    return dataset


def _check(gray: np.ndarray, spacing: float, laterality: str, bits: int, photometric: str) -> None:
    """Refuse arguments of :func:`wrap` that are outside their range.

    Raises:
        ValueError: names the first of them.
    """
    if gray.ndim != 2 or not 0 <= gray.min() <= gray.max() <= 1:
        raise ValueError(f"gray: expected two axes, 0 to 1, got {gray.shape}, {gray.min():g} to {gray.max():g}")
    if not 8 <= bits <= 16:
        raise ValueError(f"bits: expected 8 to 16, got {bits}")
    if laterality not in ("R", "L"):
        raise ValueError(f"laterality: expected 'R' or 'L', got {laterality!r}")
    if photometric not in ("MONOCHROME1", "MONOCHROME2"):
        raise ValueError(f"photometric: expected 'MONOCHROME1' or 'MONOCHROME2', got {photometric!r}")
    if not spacing > 0:
        raise ValueError(f"spacing: expected more than 0 mm, got {spacing}")


def _store(dataset: Dataset, gray: np.ndarray, bits: int) -> None:
    """Fill in Image Pixel (DICOM PS3.3, C.7.6.3)."""
    stored = np.rint(gray.astype(np.float64) * (2**bits - 1))
    dataset.SamplesPerPixel = 1
    dataset.Rows, dataset.Columns = stored.shape
    dataset.BitsAllocated = 8 if bits == 8 else 16
    dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = bits, bits - 1, 0
    # An odd number of bytes is padded (DICOM PS3.5, section 8.1.1).
    pixels = stored.astype("u1" if bits == 8 else "<u2").tobytes()
    dataset.PixelData = pixels + b"\0" * (len(pixels) % 2)
    dataset["PixelData"].VR = "OB" if bits == 8 else "OW"


def _describe(dataset: Dataset, patient_name: str, patient_id: str, comment: str) -> None:
    """Fill in Patient, General Study, Series and Equipment (DICOM PS3.3, C.7.1.1, C.7.2.1, C.7.3.1, C.7.5.1)."""
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientName, dataset.PatientID = patient_name, patient_id
    dataset.PatientBirthDate = dataset.PatientSex = ""
    for moment in ("Study", "Series", "Content", "Acquisition"):
        setattr(dataset, f"{moment}Date", DATE)
        setattr(dataset, f"{moment}Time", TIME)
    dataset.StudyID = "1"
    dataset.AccessionNumber = dataset.ReferringPhysicianName = ""
    dataset.StudyDescription = dataset.SeriesDescription = "Hand, drawn"
    dataset.Modality, dataset.PresentationIntentType = "DX", "FOR PRESENTATION"
    dataset.SeriesNumber = dataset.InstanceNumber = 1
    dataset.Manufacturer = dataset.ManufacturerModelName = "BLS-GAN"
    dataset.SoftwareVersions = dataset.DeviceSerialNumber = "phantom"
    dataset.ImageComments = comment


def _position(dataset: Dataset, laterality: str, spacing: float) -> None:
    """Fill in DX Anatomy Imaged, DX Positioning, DX Detector (DICOM PS3.3, C.8.11.2, C.8.11.5, C.8.11.4)."""
    dataset.BodyPartExamined = "HAND"
    dataset.ImageLaterality = laterality
    dataset.AnatomicRegionSequence = Sequence([CodedConcept("85562004", "SCT", "Hand")])
    # Directions are those of a hand that hangs down, the palm in front: the little finger is medial, the wrist above.
    dataset.PatientOrientation = ["R", "H"] if laterality == "L" else ["L", "H"]
    dataset.ViewPosition, dataset.PositionerType = "PA", "NONE"
    dataset.ViewCodeSequence = Sequence([CodedConcept("272479007", "SCT", "postero-anterior")])
    dataset.ImagerPixelSpacing = [spacing, spacing]
    dataset.DetectorType = ""


def _present(dataset: Dataset, inverted: bool, window: tuple[float, float]) -> None:
    """Fill in General and DX Image, VOI LUT, Acquisition Context (DICOM PS3.3, C.7.6.1, C.8.11.3, C.11.2, C.7.6.14)."""
    dataset.ImageType = ["ORIGINAL", "PRIMARY", ""]
    dataset.PixelIntensityRelationship = "LIN"
    dataset.PixelIntensityRelationshipSign = 1 if inverted else -1
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = 0, 1, "US"
    dataset.PresentationLUTShape = "INVERSE" if inverted else "IDENTITY"
    dataset.LossyImageCompression = "00"
    dataset.BurnedInAnnotation = "NO"
    dataset.WindowCenter, dataset.WindowWidth = window
    dataset.AcquisitionContextSequence = Sequence([])
