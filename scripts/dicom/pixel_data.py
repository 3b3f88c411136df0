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

"""Pixel data: decoders of encapsulated frames, and the size that a code stream declares."""

import os
import tempfile
from pathlib import Path
from typing import NamedTuple

import gdcm
import numpy as np
from pydicom import Dataset, FileDataset
from pydicom.encaps import generate_frames
from pydicom.pixels import get_decoder
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from scripts.dicom.child_process import call_apart
from scripts.errors import InputError

DECODERS = {
    RLELossless: "pydicom",
    JPEGBaseline8Bit: "gdcm",
    JPEGExtended12Bit: "gdcm",
    JPEGLossless: "gdcm",
    JPEGLosslessSV1: "gdcm",
    JPEGLSLossless: "pyjpegls",
    JPEGLSNearLossless: "pyjpegls",
    JPEG2000Lossless: "pylibjpeg",
    JPEG2000: "pylibjpeg",
    HTJ2KLossless: "pylibjpeg",
    HTJ2KLosslessRPCL: "pylibjpeg",
    HTJ2K: "pylibjpeg",
}
"""Transfer syntax of encapsulated pixels and pydicom's name of the decoder that reads them."""

APART = ("gdcm",)
"""Decoders that end their process on some broken streams, and so get one of their own."""

SLOWEST = 120.0
"""Seconds that a decoder in a process of its own may take."""

LOSSY = (JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLSNearLossless, JPEG2000, HTJ2K)
"""Transfer syntaxes whose decoded values may lie beyond Bits Stored, by the loss, and not by what is stored there."""

_END = b"\xff\xd9"
_FRAME_HEADERS = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}
_ALONE = frozenset({0x01, 0xD8, *range(0xD0, 0xD8)})


class CodeStream(NamedTuple):
    """Header of a code stream, as it declares itself.

    Attributes:
        rows, columns: its size.
        precision: bits of a sample.
    """

    rows: int
    columns: int
    precision: int


def declared(frame: bytes) -> CodeStream | None:
    """Return what a JPEG, JPEG-LS or JPEG 2000 code stream declares of itself.

    Args:
        frame: the code stream, with whatever pads it behind its end marker.

    Returns:
        Nothing if the stream has no such header, or no end marker behind it (cut off). Before the header there may be
        one, in a thumbnail; whether all between both is there, the decoder tells.

    Source:
        ITU-T T.81 B.2.2, T.87 C.2.2 (frame header), T.800 A.5.1 (SIZ).
    """
    at, found = 0, None
    if frame[:4] == b"\xff\x4f\xff\x51" and len(frame) > 42:
        right, bottom, left, top = (int.from_bytes(frame[at : at + 4], "big") for at in (8, 12, 16, 20))
        at, found = 43, CodeStream(bottom - top, right - left, (frame[42] & 0x7F) + 1)
    while found is None and at + 9 <= len(frame) and frame[at] == 0xFF:
        marker = frame[at + 1]
        if marker in _FRAME_HEADERS:
            size = (int.from_bytes(frame[at + 5 : at + 7], "big"), int.from_bytes(frame[at + 7 : at + 9], "big"))
            found = CodeStream(*size, frame[at + 4])
        at += 2 if marker in _ALONE else 1 if marker == 0xFF else 2 + int.from_bytes(frame[at + 2 : at + 4], "big")
    return found if _END in frame[at:] else None


def declared_size(frame: bytes) -> tuple[int, int] | None:
    """Return rows and columns that a whole code stream declares, see :func:`declared`.

    A decoder takes its memory by these, not by the DICOM header.
    """
    stream = declared(frame)
    return None if stream is None else (stream.rows, stream.columns)


def decode(dataset: Dataset, syntax: str) -> np.ndarray:
    """Decode the only frame of a dataset, (rows, columns), by its decoder of :data:`DECODERS`.

    Raises:
        Exception: any that the decoder raises on broken bytes; ``EOFError`` if it died of them or did not end.
    """
    if DECODERS.get(UID(syntax)) not in APART:
        return _decode(dataset, syntax)
    return call_apart(_decode_apart, dataset, syntax, seconds=SLOWEST)


def _decode_apart(dataset: Dataset, syntax: str) -> np.ndarray:
    """Decode in a process of its own: GDCM says only on standard error that a stream had no end."""
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        decoded = _decode(dataset, syntax)
        said.seek(0)
        if b"premature end" in said.read():
            raise ValueError("cut off")
    return decoded


def _decode(dataset: Dataset, syntax: str) -> np.ndarray:
    if DECODERS.get(UID(syntax)) == "gdcm":
        return _decode_by_gdcm(next(generate_frames(dataset.PixelData, number_of_frames=1)), syntax)
    stored, _ = get_decoder(syntax).as_array(dataset, raw=True, decoding_plugin=DECODERS.get(UID(syntax), ""))
    return stored


def _decode_by_gdcm(frame: bytes, syntax: str) -> np.ndarray:
    """Decode a frame by GDCM, with the precision that the stream declares: pydicom lets it have 8 bits only.

    Returns:
        (rows, columns), unsigned: the bits of a sample, whatever their sign.
    """
    stream = declared(frame)
    if stream is None:
        raise ValueError("a stream without a frame header")
    fragment, fragments = gdcm.Fragment(), gdcm.SequenceOfFragments.New()
    fragment.SetByteStringValue(frame)
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((stream.columns, stream.rows, 1))
    image.SetDataElement(element)
    monochrome = gdcm.PhotometricInterpretation.GetPIType("MONOCHROME2")
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(monochrome))
    image.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(syntax)))
    allocated = 8 if stream.precision <= 8 else 16
    image.SetPixelFormat(gdcm.PixelFormat(1, allocated, stream.precision, stream.precision - 1, 0))
    # Bytes as text, which is None where the stream cannot be decoded.
    decoded = image.GetBuffer().encode("utf-8", "surrogateescape")
    return np.frombuffer(decoded, np.uint8 if allocated == 8 else "<u2").reshape(stream.rows, stream.columns)


NATIVE = (
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
)
"""Transfer syntaxes whose pixels are not encapsulated."""


def read_pixels(path: Path, dataset: FileDataset, rows: int, columns: int) -> np.ndarray:
    """Decode stored values (rows, columns), of the bits stored."""
    syntax = _syntax_of(path, dataset)
    if syntax in NATIVE:
        expected = rows * columns * dataset.BitsAllocated // 8
        if len(dataset.PixelData) < expected:
            size = f"{columns}x{rows}, {dataset.BitsAllocated} bit"
            raise InputError(
                f"{path.name}: expected {expected:,} bytes of PixelData ({size}), got {len(dataset.PixelData):,}"
            )
    elif syntax in DECODERS:
        frame = next(generate_frames(dataset.PixelData, number_of_frames=1), b"")
        if syntax != RLELossless and declared_size(frame) != (rows, columns):
            raise InputError(f"{path.name}: the compressed image is cut off, or not {rows} rows x {columns} columns")
    else:
        # Only what looks like a UID is quoted: a broken header could hold anything here.
        named = UID(syntax).name if UID(syntax).is_valid else "of no UID"
        raise InputError(f"{path.name}: transfer syntax {named} is unknown or holds no single image")
    try:
        stored = decode(dataset, syntax)
    except Exception:
        raise InputError(f"{path.name}: PixelData cannot be decoded ({UID(syntax).name})") from None
    if stored.shape != (rows, columns) or stored.dtype.kind not in "iu":
        raise InputError(f"{path.name}: PixelData does not hold {rows} rows x {columns} columns of whole numbers")
    half = 2 ** (dataset.BitsStored - 1)
    # Bits above the stored ones may hold anything, an overlay for one; after a loss they are an overshoot.
    whole = stored.astype(np.int32)
    if syntax in LOSSY and not dataset.PixelRepresentation:
        whole = whole.clip(0, 2 * half - 1)
    kept = whole & (2 * half - 1)
    return (kept ^ half) - half if dataset.PixelRepresentation else kept


def _syntax_of(path: Path, dataset: FileDataset) -> UID:
    """Return the transfer syntax; of a file that has none, that in which its header could be read.

    Raises:
        InputError: there is none, and the pixels are encapsulated.
    """
    if syntax := dataset.file_meta.get("TransferSyntaxUID"):
        return UID(syntax)
    if dataset["PixelData"].is_undefined_length:
        raise InputError(f"{path.name}: TransferSyntaxUID is missing")
    implicit, little = dataset.original_encoding
    native = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian if little else ExplicitVRBigEndian
    # A decoder asks the dataset.
    dataset.file_meta.TransferSyntaxUID = native
    return native
