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

from pathlib import Path

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
    JPEGBaseline8Bit: "pillow",
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

_END = b"\xff\xd9"
_FRAME_HEADERS = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}
_ALONE = frozenset({0x01, 0xD8, *range(0xD0, 0xD8)})


def declared_size(frame: bytes) -> tuple[int, int] | None:
    """Return rows and columns that a whole JPEG, JPEG-LS or JPEG 2000 code stream declares.

    A decoder takes its memory by these, not by the DICOM header.

    Args:
        frame: the code stream, with its padding.

    Returns:
        Rows and columns; nothing if the stream has no such header or does not end with its end marker (cut off).

    Source:
        ITU-T T.81 B.2.2, T.87 C.2.2 (frame header), T.800 A.5.1 (SIZ).
    """
    if _END not in frame[-16:].rstrip(b"\0")[-2:]:
        return None
    if frame[:4] == b"\xff\x4f\xff\x51" and len(frame) > 24:
        right, bottom, left, top = (int.from_bytes(frame[at : at + 4], "big") for at in (8, 12, 16, 20))
        return bottom - top, right - left
    at = 0
    while at + 9 <= len(frame) and frame[at] == 0xFF:
        marker = frame[at + 1]
        if marker in _FRAME_HEADERS:
            return int.from_bytes(frame[at + 5 : at + 7], "big"), int.from_bytes(frame[at + 7 : at + 9], "big")
        at += 2 if marker in _ALONE else 1 if marker == 0xFF else 2 + int.from_bytes(frame[at + 2 : at + 4], "big")
    return None


def decode(dataset: Dataset, syntax: str) -> np.ndarray:
    """Decode the only frame of a dataset, (rows, columns), by its decoder of :data:`DECODERS`.

    Raises:
        Exception: any that the decoder raises on broken bytes; ``EOFError`` if it died of them or did not end.
    """
    if DECODERS.get(UID(syntax)) not in APART:
        return _decode(dataset, syntax)
    return call_apart(_decode, dataset, syntax, seconds=SLOWEST)


def _decode(dataset: Dataset, syntax: str) -> np.ndarray:
    stored, _ = get_decoder(syntax).as_array(dataset, raw=True, decoding_plugin=DECODERS.get(UID(syntax), ""))
    return stored


NATIVE = (
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
)
"""Transfer syntaxes whose pixels are not encapsulated."""


def read_pixels(path: Path, dataset: FileDataset, rows: int, columns: int) -> np.ndarray:
    """Decode stored values (rows, columns), of the bits stored."""
    syntax = dataset.file_meta.get("TransferSyntaxUID") or dataset.original_encoding_syntax
    if syntax is None:
        raise InputError(f"{path.name}: TransferSyntaxUID is missing")
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
    # Bits above the stored ones may hold anything, an overlay for one.
    kept = stored.astype(np.int32) & (2 * half - 1)
    return (kept ^ half) - half if dataset.PixelRepresentation else kept
