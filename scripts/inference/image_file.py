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

"""Reader of picture files (PNG, JPEG, BMP, TIFF, NIfTI): stored integers on a (rows, columns) grid, checked."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, cast

import nibabel as nib
import numpy as np
from nibabel.spatialimages import SpatialImage
from PIL import Image, ImageFile, TiffImagePlugin

from scripts.dicom.grayscale import BIT_DEPTHS
from scripts.errors import InputError
from scripts.physics import LARGEST_SIDE, SMALLEST_SIDE

NIFTI_SUFFIXES = (".nii", ".nii.gz")
RASTER_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
RASTER_FORMATS = ("PNG", "JPEG", "BMP", "TIFF")

PLAIN_AFFINE = np.diag([-1.0, -1.0, 1.0, 1.0])
"""The affine that ITK gives a picture without one: 1 mm pixels, rows from the top down (NIfTI is RAS+)."""

_WIDE_GRAY = ("I;16", "I;16L", "I;16B", "I;16N", "I", "F")


@dataclass(frozen=True)
class Picture:
    """A grayscale picture as it is stored.

    Attributes:
        levels: (H, W) int32, stored integers 0..white, row 0 at the top, column 0 at the left.
        bits_stored: bit depth that the levels use, one of :data:`BIT_DEPTHS`.
        container: bits of the integers that the file holds them in, 8 or 16.
        step: what one level is in the values of the source; 1 but for NIfTI of floats 0..1, there 1 / 65535.
        affine: (4, 4), NIfTI's (i, j, k) -> mm, RAS+; where i is the column and j the row.
        dimensions: 2 or 3, dimensions of the NIfTI array, the third of size 1.
        notes: what a reader of the result should know of the source.
    """

    levels: np.ndarray
    bits_stored: int
    container: int
    step: float
    affine: np.ndarray
    dimensions: int
    notes: tuple[str, ...]

    @property
    def white(self) -> int:
        """The brightest level of the bit depth, e.g. 255."""
        return 2**self.bits_stored - 1


class _Decoded(NamedTuple):
    """Content of a file before its bit depth is known: (H, W) numbers of any type, and as in :class:`Picture`."""

    values: np.ndarray
    notes: list[str]
    affine: np.ndarray = PLAIN_AFFINE
    dimensions: int = 2


def suffix_of(path: Path) -> str:
    """Return the suffix in lower case, ``.nii.gz`` as one; empty if it is not one of a picture."""
    name = path.name.lower()
    return next((s for s in (".nii.gz", ".nii", *RASTER_SUFFIXES) if name.endswith(s)), "")


def read_picture(path: Path) -> Picture:
    """Read a radiograph.

    Bit depth: a file of 8 bits has 8; a 16-bit PNG or TIFF and whole-number NIfTI have the smallest of
    :data:`BIT_DEPTHS` that holds their maximum (a note says so); NIfTI and TIFF of floats 0..1 are put on a grid of 16
    bits. A picture without an affine gets the one that ITK gives it: 1 mm pixels, rows from the top down.

    Args:
        path: a file with one of the picture suffixes.

    Returns:
        The :class:`Picture`.

    Raises:
        InputError: missing, empty, truncated, not an image, 3-D, colour, not opaque, NaN or infinite, negative, over
            16 bits, constant, or a side outside 64..1024 px.
    """
    values, notes, affine, dimensions = _decode(path)
    low, high = float(values.min()), float(values.max())
    if low < 0:
        raise InputError(f"{path.name}: expected values of 0 or more, got {low:g}")
    levels, step, bits, container = np.rint(values), 1.0, 8, 8
    if np.issubdtype(values.dtype, np.floating) and high <= 1:
        levels, step, bits, container = np.rint(values * 65535), 1 / 65535, 16, 16
        notes.append("floating-point values 0..1 were read on a grid of 16 bits")
    elif (levels != values).any():
        raise InputError(f"{path.name}: values up to {high:g} are not whole numbers, nor do they lie in 0..1")
    elif high > 65535:
        raise InputError(f"{path.name}: expected values of at most 16 bits (65535), got {high:g}")
    elif values.dtype != np.uint8:
        bits = next(depth for depth in BIT_DEPTHS if high < 2**depth)
        container = 8 if bits == 8 and suffix_of(path) in NIFTI_SUFFIXES else 16
        if bits < 16:
            notes.append(f"bit depth taken as {bits}, the smallest that holds the brightest value {high:g}")
    if levels.min() == levels.max():
        raise InputError(f"{path.name}: every pixel is {low:g}, a constant image")
    return Picture(levels.astype(np.int32), bits, container, step, affine, dimensions, tuple(notes))


def read_mask(path: Path, size: tuple[int, int]) -> np.ndarray:
    """Read a bone mask: a pixel is inside above half of the mask's brightest value (so 0/1 and 0/255 are the same).

    Args:
        path: a file with one of the picture suffixes.
        size: rows and columns of the image that it belongs to.

    Returns:
        (H, W) bool, rows and columns.

    Raises:
        InputError: as :func:`read_picture`, but of another size than the image, and constant only if it is empty.
    """
    values = _decode(path, size).values
    if values.max() <= 0:
        raise InputError(f"{path.name}: an empty mask, no pixel is above 0")
    return values > values.max() / 2


def _decode(path: Path, size: tuple[int, int] | None = None) -> _Decoded:
    if not path.is_file():
        raise InputError(f"{path.name}: no such file in {path.parent}")
    if path.stat().st_size == 0:
        raise InputError(f"{path.name}: an empty file, 0 bytes")
    try:
        decoded = _nifti(path, size) if suffix_of(path) in NIFTI_SUFFIXES else _raster(path, size)
    except InputError:
        raise
    except Exception as error:  # decoders raise many kinds on broken bytes
        reason = " ".join(str(error).replace(str(path), path.name).split()) or type(error).__name__
        raise InputError(f"{path.name}: not a readable image ({reason})") from error
    finite = np.isfinite(decoded.values)
    if not finite.all():
        raise InputError(f"{path.name}: {(~finite).sum():,} of {finite.size:,} pixels are NaN or infinite")
    return decoded


def _raster(path: Path, size: tuple[int, int] | None) -> _Decoded:
    with warnings.catch_warnings():
        # Of odd metadata, which no pixel depends on, and of large sizes, which are refused before a pixel is decoded.
        warnings.simplefilter("ignore")
        with Image.open(path, formats=RASTER_FORMATS) as image:
            _check_size(path, image.height, image.width, size)
            pages = getattr(image, "n_frames", 1)
            if pages > 1:
                raise InputError(f"{path.name}: expected one radiograph, got a 3-D volume or film of {pages} pages")
            return _gray(path, image)


def _gray(path: Path, image: ImageFile.ImageFile) -> _Decoded:
    """Bring any mode of Pillow to one channel; mode names as in Pillow's documentation."""
    notes = []
    args = image.tile[0].args  # of the decoder: how the file itself packs a pixel
    packing = str(args[0] if isinstance(args, tuple) else args)
    if image.mode in _WIDE_GRAY:
        if getattr(image, "tag_v2", {}).get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) == 0:
            raise InputError(f"{path.name}: expected bright = more attenuation, got white stored as zero")
    elif "16" in packing:
        raise InputError(f"{path.name}: expected 16-bit grayscale, got 16-bit colour ({packing})")
    elif image.mode in ("P", "PA", "LA", "RGB", "RGBA", "YCbCr"):
        alpha = image.mode in ("LA", "RGBA", "PA") or "transparency" in image.info
        channels = np.asarray(image.convert("RGBA" if alpha else "RGB"))
        if alpha:
            if channels[..., 3].min() < 255:
                raise InputError(f"{path.name}: transparent pixels, alpha down to {channels[..., 3].min()} of 255")
            notes.append("an opaque alpha channel was dropped")
        apart = int(np.ptp(channels[..., :3], axis=2).max())
        if apart:
            raise InputError(f"{path.name}: a colour image, its channels differ by up to {apart} levels")
        if image.mode != "LA":
            notes.append(f"a colour image ({image.mode}) with equal channels, read as grayscale")
        return _Decoded(channels[..., 0], notes)
    elif image.mode not in ("1", "L"):
        raise InputError(f"{path.name}: expected grayscale, got colour space {image.mode}")
    return _Decoded(np.asarray(image.convert("L") if image.mode == "1" else image), notes)


def _nifti(path: Path, size: tuple[int, int] | None) -> _Decoded:
    image = cast(SpatialImage, nib.load(path))
    shape = tuple(image.shape)
    if len(shape) < 2 or any(side != 1 for side in shape[2:]):
        sides = " x ".join(str(side) for side in shape)
        raise InputError(
            f"{path.name}: expected one radiograph of W x H or W x H x 1, got a {len(shape)}-D volume of {sides}"
        )
    columns, rows = shape[:2]
    _check_size(path, rows, columns, size)
    values = np.asanyarray(image.dataobj).reshape(columns, rows)
    if not (np.issubdtype(values.dtype, np.integer) or np.issubdtype(values.dtype, np.floating)):
        raise InputError(f"{path.name}: expected real numbers, got values of type {values.dtype}")
    notes = []
    runs = nib.aff2axcodes(image.affine)[1]
    if runs not in ("P", "I"):
        notes.append(f"rows are read from the top down as stored; the affine lets them run towards {runs}")
    # NIfTI stores (column, row); everything else here is (row, column).
    return _Decoded(np.ascontiguousarray(values.T), notes, image.affine, min(len(shape), 3))


def _check_size(path: Path, rows: int, columns: int, size: tuple[int, int] | None) -> None:
    here = f"{path.name}: {rows} rows x {columns} columns"
    if size and size != (rows, columns):
        raise InputError(f"{here}, its image has {size[0]} rows x {size[1]} columns")
    if not all(SMALLEST_SIDE <= side <= LARGEST_SIDE for side in (rows, columns)):
        raise InputError(f"{here}, a region of one joint has {SMALLEST_SIDE} to {LARGEST_SIDE} px a side")
