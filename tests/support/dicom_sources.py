"""Radiographs as DICOM of every kind that archives hold, made from drawn pixels: sources for tests of no patient."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gdcm
import numpy as np
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.sr.codedict import codes
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    DeflatedExplicitVRLittleEndian,
    DigitalMammographyXRayImageStorageForPresentation,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
    SecondaryCaptureImageStorage,
    generate_uid,
)

from scripts.dicom.grayscale import Grayscale
from tests.support.drawn import joint

SOP_CLASSES = {
    "DX": DigitalXRayImageStorageForPresentation,
    "DX for processing": DigitalXRayImageStorageForProcessing,
    "CR": ComputedRadiographyImageStorage,
    "SC": SecondaryCaptureImageStorage,
    "MG": DigitalMammographyXRayImageStorageForPresentation,
    "bare": DigitalXRayImageStorageForPresentation,
}
"""Kinds of sources; a bare one has nothing but its class, its UIDs and its pixels."""

MODALITIES = {"DX": "DX", "DX for processing": "DX", "CR": "CR", "SC": "OT", "MG": "MG"}

TRANSFER_SYNTAXES = (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
    RLELossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEG2000Lossless,
)

ROWS, COLUMNS = 160, 200
SPACING = (0.105, 0.1)
"""mm between rows, between columns: not quite square, so that a mix-up shows."""


def source(
    kind: str = "DX",
    photometric: str = "MONOCHROME2",
    bits: int = 12,
    signed: bool = False,
    spacing: str | None = "ImagerPixelSpacing",
    transfer_syntax: str = ExplicitVRLittleEndian,
    window: Sequence[tuple[float, float]] = (),
    voi_lut: Sequence[int] = (),
    rescale: tuple[float, float] | None = None,
    levels: np.ndarray | None = None,
    **attributes: Any,
) -> Dataset:
    """A complete dataset, encoded, with File Meta Information: ``write`` it or take it as it is.

    The same arguments make the same bytes; other arguments make other UIDs of the instance, in the same study.

    Args:
        kind: one of :data:`SOP_CLASSES`.
        photometric: MONOCHROME1 or MONOCHROME2.
        bits: Bits Stored; up to 8 are allocated in 8, more in 16.
        signed: Pixel Representation 1.
        spacing: keyword of the attribute that has :data:`SPACING`, none has it if None; with PixelSpacing, a DX has a
            calibration type and an ImagerPixelSpacing that is 2 % larger.
        transfer_syntax: one of :data:`TRANSFER_SYNTAXES`.
        window: center and width of each window, in modality values.
        voi_lut: entries of a VOI LUT whose first input is the smallest stored value, brought to modality values.
        rescale: slope and intercept; none for None where the class lets them away.
        levels: (rows, columns) integers 0..2**bits - 1, bright = more attenuation; a drawn joint if None.
        attributes: further ones, or other values, by keyword; None takes one away.
    """
    grayscale = Grayscale(bits, signed, photometric == "MONOCHROME1", black=0.0, white=2.0**bits - 1, origin="")
    levels = joint(ROWS, COLUMNS, bits)[0] if levels is None else levels
    made_of = (kind, photometric, bits, signed, spacing, transfer_syntax, window, voi_lut, rescale, attributes)
    dataset = Dataset()
    dataset.SOPClassUID = SOP_CLASSES[kind]
    dataset.SOPInstanceUID = generate_uid(entropy_srcs=[repr(made_of), levels.tobytes().hex()])
    dataset.StudyInstanceUID = generate_uid(entropy_srcs=["study"])
    dataset.SeriesInstanceUID = generate_uid(entropy_srcs=["series", kind])
    if kind != "bare":
        _add_patient_and_study(dataset)
        _add_series_and_image(dataset, kind)
    if kind in ("DX", "DX for processing", "MG"):
        _add_digital_x_ray(dataset, kind, grayscale)
    _add_grayscale(dataset, grayscale, window, voi_lut, rescale)
    if spacing:
        setattr(dataset, spacing, list(SPACING))
    if spacing == "PixelSpacing" and "DetectorType" in dataset:
        dataset.ImagerPixelSpacing = [round(1.02 * side, 6) for side in SPACING]
        dataset.EstimatedRadiographicMagnificationFactor = "1.02"
        dataset.PixelSpacingCalibrationType = "GEOMETRY"
        dataset.PixelSpacingCalibrationDescription = "Distances known"
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = photometric
    dataset.Rows, dataset.Columns = levels.shape
    dataset.BitsAllocated = 8 if bits <= 8 else 16
    dataset.BitsStored = bits
    dataset.HighBit = bits - 1
    dataset.PixelRepresentation = int(signed)
    for keyword, value in attributes.items():
        if value is not None:
            setattr(dataset, keyword, value)
        elif keyword in dataset:
            delattr(dataset, keyword)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.get("SOPClassUID", SOP_CLASSES[kind])
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID", generate_uid(entropy_srcs=["none"]))
    dtype = np.dtype(f"{'i' if signed else 'u'}{dataset.BitsAllocated // 8}")
    _encode(dataset, grayscale.stored(levels).astype(dtype), transfer_syntax)
    return dataset


def write(dataset: Dataset, path: Path) -> Path:
    """Write a source as a DICOM file, folders made; the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)
    return path


def code(value: str, scheme: str, meaning: str) -> Dataset:
    """An item of a code sequence."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def _add_patient_and_study(dataset: Dataset) -> None:
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.PatientName = "Drawn^Hand"
    dataset.PatientID = "DRAWN-1"
    dataset.PatientBirthDate = "19500102"
    dataset.PatientSex = "F"
    dataset.PatientAge = "074Y"
    dataset.StudyDate = "20240506"
    dataset.StudyTime = "101112"
    dataset.AccessionNumber = "A-1"
    dataset.ReferringPhysicianName = "Drawn^Physician"
    dataset.StudyID = "S-1"
    dataset.StudyDescription = "Hand, both"


def _add_series_and_image(dataset: Dataset, kind: str) -> None:
    dataset.Modality = MODALITIES[kind]
    dataset.SeriesNumber = 2
    dataset.InstanceNumber = 1
    dataset.SeriesDescription = "Hand PA"
    dataset.Manufacturer = "Drawn Detectors"
    dataset.ManufacturerModelName = "Pencil"
    dataset.DeviceSerialNumber = "17"
    dataset.SoftwareVersions = "1.0"
    dataset.StationName = "ROOM1"
    dataset.InstitutionName = "Drawn Hospital"
    dataset.ContentDate = dataset.AcquisitionDate = "20240506"
    dataset.ContentTime = dataset.AcquisitionTime = "101213"
    dataset.ImageType = ["ORIGINAL", "PRIMARY"]
    dataset.PatientOrientation = ["L", "F"]
    dataset.BodyPartExamined = "HAND"
    if kind == "SC":
        dataset.ConversionType = "WSD"
        dataset.Laterality = "L"
        dataset.ImageType = ["DERIVED", "SECONDARY"]
        return
    dataset.ViewPosition = "PA"
    dataset.KVP = "50"
    dataset.Exposure = 2
    if kind == "CR":
        dataset.Laterality = "L"


def _add_digital_x_ray(dataset: Dataset, kind: str, grayscale: Grayscale) -> None:
    dataset.PresentationIntentType = "FOR PROCESSING" if kind == "DX for processing" else "FOR PRESENTATION"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", ""]
    dataset.ImageLaterality = "L"
    region = codes.SCT.Breast if kind == "MG" else codes.SCT.Hand
    dataset.AnatomicRegionSequence = [code(region.value, region.scheme_designator, region.meaning)]
    dataset.BurnedInAnnotation = "NO"
    dataset.LossyImageCompression = "00"
    dataset.PixelIntensityRelationship = "LOG"
    dataset.PixelIntensityRelationshipSign = 1 if grayscale.inverted else -1
    dataset.PresentationLUTShape = "INVERSE" if grayscale.inverted else "IDENTITY"
    dataset.DetectorType = "SCINTILLATOR"
    dataset.AcquisitionContextSequence = []
    dataset.EstimatedRadiographicMagnificationFactor = "1"
    if kind == "MG":
        dataset.BodyPartExamined = "BREAST"
        dataset.PositionerType = "MAMMOGRAPHIC"
        dataset.PatientOrientation = ["A", "F"]
        dataset.ImageType = ["ORIGINAL", "PRIMARY"]
        dataset.OrganExposed = "BREAST"
        view = code("399162004", "SCT", "cranio-caudal")
        view.ViewModifierCodeSequence = []
        dataset.ViewCodeSequence = [view]
        dataset.ViewPosition = None
        dataset.BreastImplantPresent = "NO"
        dataset.PartialView = "NO"
    else:
        dataset.PositionerType = ""


def _add_grayscale(
    dataset: Dataset,
    grayscale: Grayscale,
    window: Sequence[tuple[float, float]],
    voi_lut: Sequence[int],
    rescale: tuple[float, float] | None,
) -> None:
    presentation = "PresentationIntentType" in dataset
    if presentation and rescale is None:
        rescale = (1.0, 0.0)
    if rescale:
        dataset.RescaleSlope, dataset.RescaleIntercept = rescale
        dataset.RescaleType = "US"
    slope, intercept = rescale or (1.0, 0.0)
    if presentation and dataset.PresentationIntentType == "FOR PRESENTATION" and not window and not len(voi_lut):
        middle = 2 ** (grayscale.bits_stored - 1)
        window = [((middle - grayscale.offset) * slope + intercept, 2 * middle * abs(slope))]
    if window:
        centers, widths = zip(*window, strict=True)
        dataset.WindowCenter, dataset.WindowWidth = [float(x) for x in centers], [float(x) for x in widths]
        dataset.WindowCenterWidthExplanation = [f"WINDOW{number}" for number in range(1, len(window) + 1)]
    if len(voi_lut):
        item = Dataset()
        first = round(-grayscale.offset * slope + intercept)
        item.add_new("LUTDescriptor", "SS" if first < 0 else "US", [len(voi_lut), first, max(voi_lut).bit_length()])
        item.LUTExplanation = "CURVE"
        item.add_new("LUTData", "OW", np.asarray(voi_lut, "<u2").tobytes())
        dataset.VOILUTSequence = [item]


def _encode(dataset: Dataset, stored: np.ndarray, transfer_syntax: str) -> None:
    """Pixel Data and Transfer Syntax UID."""
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.add_new("PixelData", "OW", _even(stored.astype(stored.dtype.newbyteorder("<")).tobytes()))
    if transfer_syntax == JPEGLosslessSV1:
        dataset.PixelData = _jpeg_lossless(dataset)
        dataset.file_meta.TransferSyntaxUID = JPEGLosslessSV1
    elif transfer_syntax in (RLELossless, JPEGLSLossless, JPEG2000Lossless):
        dataset.compress(transfer_syntax, stored, generate_instance_uid=False)
    else:
        for item in dataset.get("VOILUTSequence", []) if transfer_syntax == ExplicitVRBigEndian else []:
            item.LUTData = np.frombuffer(item.LUTData, "<u2").astype(">u2").tobytes()
        order = ">" if transfer_syntax == ExplicitVRBigEndian else "<"
        dataset.PixelData = _even(stored.astype(stored.dtype.newbyteorder(order)).tobytes())
        dataset.file_meta.TransferSyntaxUID = transfer_syntax
    dataset["PixelData"].VR = "OB" if stored.itemsize == 1 or dataset["PixelData"].is_undefined_length else "OW"


def _even(data: bytes) -> bytes:
    return data + b"\0" * (len(data) % 2)


def _jpeg_lossless(dataset: Dataset) -> bytes:
    """Pixel Data as JPEG Lossless, process 14, first-order prediction, by GDCM."""
    with tempfile.TemporaryDirectory() as folder:
        plain, packed = Path(folder, "plain.dcm"), Path(folder, "packed.dcm")
        few = Dataset()
        # Of a class that GDCM asks nothing of.
        few.file_meta = FileMetaDataset()
        few.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        few.SOPClassUID = few.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
        few.SOPInstanceUID = few.file_meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=["plain"])
        for keyword in (
            *("SamplesPerPixel", "PhotometricInterpretation", "Rows", "Columns"),
            *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelData"),
        ):
            few[keyword] = dataset[keyword]
        few.save_as(plain, enforce_file_format=True)
        reader = gdcm.ImageReader()
        reader.SetFileName(str(plain))
        change = gdcm.ImageChangeTransferSyntax()
        change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGLosslessProcess14_1))
        writer = gdcm.ImageWriter()
        writer.SetFileName(str(packed))
        if not reader.Read():
            raise ValueError("GDCM cannot read the source")
        change.SetInput(reader.GetImage())
        if not change.Change():
            raise ValueError("GDCM cannot encode the source")
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        if not writer.Write():
            raise ValueError("GDCM cannot write the source")
        frames = list(generate_frames(dcmread(packed).PixelData, number_of_frames=1))
    return encapsulate(frames)
