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

"""Reader of radiographs: a DICOM file's pixels as levels, its spacing and its header, checked."""

import hashlib
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom import Dataset, FileDataset, dcmread
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_file_meta_info
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    MediaStorageDirectoryStorage,
)

from scripts.dicom.attributes import number, values
from scripts.dicom.grayscale import Grayscale, grayscale_of
from scripts.dicom.header import quiet
from scripts.dicom.inflate import LARGEST_INFLATED
from scripts.dicom.padding import padding_of
from scripts.dicom.pixel_data import read_pixels
from scripts.dicom.private_block import is_layer
from scripts.dicom.spacing import Spacing, spacing_of
from scripts.errors import InputError, SkippedInput

MODALITIES = ("DX", "CR", "MG", "RG", "OT")
"""Modality (0008,0060) of projection radiographs, OT as Secondary Captures of them often have it."""

DICOM_SUFFIXES = (".dcm", ".dicom", ".ima")
"""Suffixes of files that are meant to be DICOM; many have none."""

LARGEST_IMAGE = 64_000_000
"""Rows x columns that are read, px: four times the largest flat detectors."""

LARGEST_FILE = 512 * 2**20
"""Bytes of a file that is read, also when it is inflated."""

MAKER = "BLS-GAN"
"""Manufacturer (0008,0070) of the objects that this software derives, and of the hands that it draws."""


@dataclass(frozen=True)
class Radiograph:
    """One DICOM radiograph.

    Attributes:
        dataset: the header, all of it but Pixel Data, with its File Meta Information.
        levels: (rows, columns) int32, 0..2**bits_stored - 1, bright = more attenuation, see :class:`Grayscale`.
        grayscale: how levels, stored values and gray levels belong together.
        pixel_spacing: how far apart its pixels are in the patient, and what that rests on.
        sha256: of the file's bytes.
        notes: what a reader of the result should know of the source.
        padded: (rows, columns) bool, pixels that the source declares to be padding; nothing if there are none.
    """

    dataset: Dataset
    levels: np.ndarray
    grayscale: Grayscale
    pixel_spacing: Spacing
    sha256: str
    notes: tuple[str, ...]
    padded: np.ndarray | None = None

    @property
    def spacing(self) -> tuple[float, float]:
        """Mm between the centres of pixels in the patient, row spacing (down), column spacing (across)."""
        return self.pixel_spacing.sides

    @property
    def spacing_from(self) -> str:
        """Keyword of the attribute that the spacing comes from; empty if none has it and a default is taken."""
        return self.pixel_spacing.attribute

    def gray(self, box: tuple[int, int, int, int]) -> np.ndarray:
        """Return the gray levels of a box (top, left, bottom, right), (H, W) float32 0..1; padding is black."""
        top, left, bottom, right = box
        shown = self.grayscale.gray(self.levels[top:bottom, left:right])
        return shown if self.padded is None else np.where(self.padded[top:bottom, left:right], np.float32(0), shown)


def is_dicom(path: Path) -> bool:
    """Return whether a file is meant to be DICOM: by its suffix, or by the four letters after the preamble."""
    if path.suffix.lower() in DICOM_SUFFIXES:
        return True
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def read_radiograph(path: Path) -> Radiograph:
    """Read a radiograph and check all that the separation and the derived objects rest on.

    DX (for presentation and for processing), CR, MG, and Secondary Captures of them: one frame, grayscale, 8 to 16
    bits stored, signed or not, uncompressed, deflated, RLE, JPEG, JPEG-LS or JPEG 2000. Nothing of the file is altered,
    and no refusal quotes a value of the patient's.

    Args:
        path: the file.

    Returns:
        The :class:`Radiograph`.

    Raises:
        SkippedInput: DICOM, but no radiograph: another modality, a DICOMDIR, an object that this software made.
        InputError: cannot be read, or cannot be used, with the reason.

    Source:
        DICOM PS3.3 C.7.6.3 (image pixel), C.8.11 (DX); PS3.5 8 and A.4 (encapsulation).
    """
    with _refusing(path), quiet():
        size = path.stat().st_size
        if size == 0:
            raise InputError(f"{path.name}: an empty file, 0 bytes")
        with path.open("rb") as file:
            head = dcmread(file, stop_before_pixels=True, force=True) if not _inflates(path) else None
            if head is not None:
                _check_kind(path, head)
            if size > LARGEST_FILE:
                raise InputError(f"{path.name}: expected at most {LARGEST_FILE:,} bytes, got {size:,}")
            file.seek(0)
            content = file.read()
        dataset = dcmread(io.BytesIO(content), force=True)
        _check_kind(path, dataset)
        _check_identity(path, dataset)
        rows, columns = _check_image(path, dataset)
        stored = read_pixels(path, dataset, rows, columns)
        padded = _padding(dataset, stored)
        seen = stored if padded is None else stored[~padded]
        if not seen.size or seen.min() == seen.max():
            raise InputError(f"{path.name}: every pixel is {int(seen.flat[0]) if seen.size else 'padding'}")
        grayscale, notes = grayscale_of(dataset, seen)
        spacing = spacing_of(path.name, dataset, notes)
    del dataset.PixelData
    return Radiograph(
        dataset=dataset,
        levels=grayscale.levels(stored),
        grayscale=grayscale,
        pixel_spacing=spacing,
        sha256=hashlib.sha256(content).hexdigest(),
        notes=tuple(notes),
        padded=padded,
    )


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    """Turn all that parsers and decoders raise on broken bytes into a refusal that quotes nothing of them."""
    try:
        yield
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"{path.name}: cannot be read ({error.strerror or 'input or output error'})") from error
    except Exception as error:
        raise InputError(f"{path.name}: not a readable DICOM file ({type(error).__name__})") from None


def _inflates(path: Path) -> bool:
    """Return whether a file is deflated.

    Raises:
        InputError: it inflates to more than :data:`LARGEST_INFLATED`.
    """
    try:
        meta = read_file_meta_info(path)
    except InvalidDicomError:
        return False
    if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
        return False
    length = meta.get("FileMetaInformationGroupLength")
    if length is None:
        raise InputError(f"{path.name}: FileMetaInformationGroupLength is missing")
    with path.open("rb") as file:
        # Preamble, prefix, and the group length that counts what follows it.
        file.seek(132 + 12 + length)
        inflater, inflated = zlib.decompressobj(-zlib.MAX_WBITS), 0
        while chunk := file.read(2**20):
            while chunk:
                inflated += len(inflater.decompress(chunk, 2**24))
                chunk = inflater.unconsumed_tail
                if inflated > (most := min(LARGEST_FILE, LARGEST_INFLATED)):
                    raise InputError(f"{path.name}: inflates to over {most:,} bytes")
    return True


def _check_kind(path: Path, dataset: FileDataset) -> None:
    """Pass over what is DICOM, but not a radiograph."""
    if dataset.get("SOPClassUID", dataset.file_meta.get("MediaStorageSOPClassUID")) == MediaStorageDirectoryStorage:
        raise SkippedInput(f"{path.name}: a DICOMDIR", kind="DICOMDIR")
    modality = str(dataset.get("Modality") or "")
    if modality and modality not in MODALITIES:
        # Letters only: a broken header could hold anything here.
        named = modality if modality.isalpha() and modality.isupper() and len(modality) <= 8 else "unknown"
        raise SkippedInput(f"{path.name}: modality {named}, no radiograph", kind=f"modality {named}")
    if is_layer(dataset):
        raise SkippedInput(f"{path.name}: a layer that this software made", kind="layers")


def _check_identity(path: Path, dataset: FileDataset) -> None:
    """Refuse what the derived objects could not refer to."""
    # Any bytes are elements to a parser that is told to go on without a preamble.
    if not dataset or not (dataset.preamble or dataset.file_meta or "SOPClassUID" in dataset):
        raise InputError(f"{path.name}: not a DICOM file")
    for keyword in ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"):
        uid = UID(str(dataset.get(keyword) or ""))
        if not uid:
            raise InputError(f"{path.name}: {keyword} is missing")
        if len(uid) > 64 or not all(part.isdigit() for part in uid.split(".")):
            raise InputError(f"{path.name}: {keyword} is not a UID")


def _check_image(path: Path, dataset: FileDataset) -> tuple[int, int]:
    """Check that a dataset describes one grayscale frame of integers; return its rows and columns."""
    if "FloatPixelData" in dataset or "DoubleFloatPixelData" in dataset:
        raise InputError(f"{path.name}: expected integer pixel data, got floating-point values")
    if "PixelData" not in dataset or not dataset.PixelData:
        raise InputError(f"{path.name}: no pixel data")
    rows, columns = (_whole(path, dataset, keyword) for keyword in ("Rows", "Columns"))
    if rows < 1 or columns < 1:
        raise InputError(f"{path.name}: {rows} rows x {columns} columns, an image has one of each at least")
    if rows * columns > LARGEST_IMAGE:
        raise InputError(f"{path.name}: expected at most {LARGEST_IMAGE:,} px, got {rows} rows x {columns} columns")
    frames = _whole(path, dataset, "NumberOfFrames", 1)
    if frames != 1:
        raise InputError(f"{path.name}: expected one frame, got {frames}")
    samples = _whole(path, dataset, "SamplesPerPixel", 1)
    if samples != 1:
        raise InputError(f"{path.name}: expected a grayscale image, got a colour image of {samples} samples a pixel")
    if dataset.get("PhotometricInterpretation") not in ("MONOCHROME1", "MONOCHROME2"):
        raise InputError(f"{path.name}: PhotometricInterpretation is not MONOCHROME1 or MONOCHROME2")
    allocated, bits = _whole(path, dataset, "BitsAllocated"), _whole(path, dataset, "BitsStored")
    if allocated not in (8, 16) or not 8 <= bits <= allocated:
        raise InputError(f"{path.name}: expected 8 to 16 bits stored of 8 or 16 allocated, got {bits} of {allocated}")
    high = _whole(path, dataset, "HighBit", bits - 1)
    if high != bits - 1:
        raise InputError(f"{path.name}: expected HighBit {bits - 1} with {bits} bits stored, got {high}")
    sign = _whole(path, dataset, "PixelRepresentation", 0)
    if sign not in (0, 1):
        raise InputError(f"{path.name}: expected PixelRepresentation 0 or 1, got {sign}")
    dataset.PixelRepresentation = sign
    return rows, columns


def _whole(path: Path, dataset: FileDataset, keyword: str, usual: int | None = None) -> int:
    found = values(dataset, keyword)
    value = number(found[0]) if len(found) == 1 else usual if not found else None
    if value is None or value != int(value):
        raise InputError(f"{path.name}: {keyword} is missing" if not found else f"{path.name}: {keyword} is no number")
    return int(value)


def _padding(dataset: FileDataset, stored: np.ndarray) -> np.ndarray | None:
    """Return the pixels of padding; nothing if there are none."""
    ends = padding_of(dataset)
    padded = (stored >= ends[0]) & (stored <= ends[1]) if ends else np.zeros(stored.shape, np.bool_)
    return padded if padded.any() else None
