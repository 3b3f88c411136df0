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

"""Volume files that clients send, NRRD, MetaImage and NIfTI: one slice, read without a library that trusts headers.

ITK takes its memory, and the names of further files to open, from the header: a file of 150 bytes can end the process,
or make it read a pipe. Here nothing is taken from a header before it is known to describe one slice of the expected
size, held by the file itself.
"""

import math
import zlib
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np

from scripts.errors import InputError

LONGEST_HEADER = 2**16
"""Bytes of a header of NRRD or MetaImage; those of a NIfTI file may end after 16 times as many."""

NRRD_TYPES = {
    name: code
    for code, names in {
        "i1": "signed char, int8, int8_t",
        "u1": "uchar, unsigned char, uint8, uint8_t",
        "i2": "short, short int, signed short, signed short int, int16, int16_t",
        "u2": "ushort, unsigned short, unsigned short int, uint16, uint16_t",
        "i4": "int, signed int, int32, int32_t",
        "u4": "uint, unsigned int, uint32, uint32_t",
        "i8": "longlong, long long, long long int, signed long long, signed long long int, int64, int64_t",
        "u8": "ulonglong, unsigned long long, unsigned long long int, uint64, uint64_t",
        "f4": "float",
        "f8": "double",
    }.items()
    for name in names.split(", ")
}
"""Types of NRRD, and numpy's."""

META_TYPES = {
    **{"MET_CHAR": "i1", "MET_UCHAR": "u1", "MET_SHORT": "i2", "MET_USHORT": "u2", "MET_INT": "i4", "MET_UINT": "u4"},
    **{"MET_LONG_LONG": "i8", "MET_ULONG_LONG": "u8", "MET_FLOAT": "f4", "MET_DOUBLE": "f8"},
}
"""Types of MetaImage, and numpy's."""


@dataclass(frozen=True)
class Layout:
    """Layout of a file's pixels.

    Attributes:
        sizes: pixels along each axis, the fastest one first.
        dtype: of a pixel.
        start: byte at which they begin.
        packed: True if they are compressed, by zlib or gzip.
        scale: slope and intercept of the values.
    """

    sizes: tuple[int, ...]
    dtype: np.dtype
    start: int
    packed: bool
    scale: tuple[float, float] = (1.0, 0.0)


def read_volume(path: Path, rows: int, columns: int) -> np.ndarray:
    """Read one slice.

    Args:
        path: ``.nrrd``, ``.mha``, ``.nii`` or ``.nii.gz``.
        rows: that it has to have.
        columns: that it has to have.

    Returns:
        (rows, columns), of the type in the file.

    Raises:
        InputError: another format, size or type; pixels that are missing or in another file.

    Source:
        NRRD format 0001 to 0005 (teem.sourceforge.net/nrrd), MetaIO (itk.org), NIfTI-1.
    """
    content = path.read_bytes()
    if path.suffix == ".gz":
        content = inflate(content, rows * columns * 8 + 16 * LONGEST_HEADER)
    reader = {".nrrd": _nrrd, ".mha": _meta}.get(path.suffix, _nifti)
    try:
        layout = reader(content)
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"{path.name}: cannot be read as an image") from error
    if [side for side in layout.sizes if side != 1] != [side for side in (columns, rows) if side != 1]:
        got = " x ".join(map(str, layout.sizes[:8]))
        raise InputError(f"label: expected {columns} columns x {rows} rows, got {got}")
    expected = rows * columns * layout.dtype.itemsize
    pixels = content[layout.start :]
    pixels = inflate(pixels, expected) if layout.packed else pixels[:expected]
    if len(pixels) != expected:
        raise InputError(f"{path.name}: expected {expected:,} bytes of pixels, got {len(pixels):,}")
    values = np.frombuffer(pixels, layout.dtype).reshape(rows, columns)
    slope, intercept = layout.scale
    return values if layout.scale == (1.0, 0.0) else values * slope + intercept


def inflate(content: bytes, most: int) -> bytes:
    """Inflate zlib's or gzip's bytes.

    Args:
        content: the bytes.
        most: bytes that they may inflate to.

    Raises:
        InputError: they are none, or inflate to more.
    """
    inflater = zlib.decompressobj(zlib.MAX_WBITS | 32)
    try:
        # One byte more tells that there are too many; the rest is never inflated.
        inflated = inflater.decompress(content, most + 1)
    except zlib.error as error:
        raise InputError("label: its compressed bytes are broken") from error
    if len(inflated) > most:
        raise InputError(f"label: expected at most {most:,} bytes when inflated, got more")
    return inflated


def _nrrd(content: bytes) -> Layout:
    head = content[:LONGEST_HEADER].replace(b"\r\n", b"\n")
    magic, _, rest = head.partition(b"\n")
    text, blank, _ = rest.partition(b"\n\n")
    if magic[:7] != b"NRRD000" or not blank:
        raise ValueError("no header of NRRD")
    fields = {}
    for line in text.decode("latin-1").split("\n"):
        name, colon, value = line.partition(":")
        if colon and not line.startswith("#") and not value.startswith("="):
            fields[name.strip().lower().replace(" ", "")] = value.strip()
    _hold_pixels("datafile" not in fields)
    _expect("encoding", fields["encoding"].lower(), ("raw", "gzip", "gz"))
    for skip in ("lineskip", "byteskip"):
        _expect(skip, fields.get(skip, "0"), ("0",))
    sizes = _sizes(fields["sizes"], int(fields["dimension"]))
    _expect("type", fields["type"].lower(), tuple(NRRD_TYPES))
    dtype = _dtype(NRRD_TYPES[fields["type"].lower()], big=fields.get("endian", "little").lower() == "big")
    start = min(content.find(end) + len(end) for end in (b"\n\n", b"\r\n\r\n") if end in content)
    return Layout(sizes, dtype, start, packed=fields["encoding"].lower() != "raw")


def _meta(content: bytes) -> Layout:
    fields, start = {}, 0
    while "ElementDataFile" not in fields:
        end = content.index(b"\n", start, LONGEST_HEADER)
        name, equals, value = content[start:end].decode("latin-1").partition("=")
        if not equals:
            raise ValueError("no header of MetaImage")
        fields[name.strip()], start = value.strip(), end + 1
    _hold_pixels(fields["ElementDataFile"].upper() == "LOCAL")
    _expect("ObjectType", fields.get("ObjectType", "Image"), ("Image",))
    _expect("ElementNumberOfChannels", fields.get("ElementNumberOfChannels", "1"), ("1",))
    _expect("BinaryData", fields.get("BinaryData", "False").capitalize(), ("True",))
    _expect("HeaderSize", fields.get("HeaderSize", "0"), ("0",))
    _expect("ElementType", fields["ElementType"], tuple(META_TYPES))
    order = fields.get("BinaryDataByteOrderMSB", fields.get("ElementByteOrderMSB", "False"))
    return Layout(
        _sizes(fields["DimSize"], int(fields["NDims"])),
        _dtype(META_TYPES[fields["ElementType"]], big=order.capitalize() == "True"),
        start,
        packed=fields.get("CompressedData", "False").capitalize() == "True",
    )


def _nifti(content: bytes) -> Layout:
    header = nibabel.Nifti1Header(content[:348], check=False)
    _hold_pixels(bytes(header["magic"]).rstrip(b"\0") != b"ni1")
    _expect("magic", bytes(header["magic"]).rstrip(b"\0").decode("latin-1"), ("n+1",))
    dtype, start = header.get_data_dtype(), float(header["vox_offset"])
    _expect("datatype", f"{dtype.kind}{dtype.itemsize}", tuple(META_TYPES.values()))
    if not 348 <= start <= 16 * LONGEST_HEADER:
        raise ValueError("no place of the pixels")
    sizes = _sizes(" ".join(map(str, header["dim"][1:8])), int(header["dim"][0]))
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    scale = (slope, intercept) if slope and math.isfinite(slope) and math.isfinite(intercept) else (1.0, 0.0)
    return Layout(sizes, dtype, int(start), packed=False, scale=scale)


def _sizes(text: str, dimension: int) -> tuple[int, ...]:
    if not 2 <= dimension <= 4:
        raise InputError(f"label: dimension: expected 2 to 4, got {dimension}")
    sizes = tuple(int(side) for side in text.split()[:dimension])
    if len(sizes) != dimension or min(sizes) < 1:
        raise InputError(f"label: sizes: expected {dimension} numbers from 1 on, got {text[:32]!r}")
    return sizes


def _dtype(code: str, *, big: bool) -> np.dtype:
    return np.dtype(f"{'>' if big else '<'}{code}")


def _hold_pixels(held: bool) -> None:
    if not held:
        raise InputError("label: expected the pixels in the file itself, got the name of another file")


def _expect(field: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise InputError(f"label: {field}: expected {', '.join(known)}, got {value[:32]!r}")
