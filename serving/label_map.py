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

"""Label maps in the formats of MONAI Label's clients: 0 background, 1 lower bone, 2 upper bone, 3 overlap."""

import gzip
import tempfile
import zlib
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from scripts.dicom.child_process import call_apart
from scripts.dicom.read_segmentation import read_label_map
from scripts.dicom.reader import Radiograph
from scripts.errors import InputError
from serving.volume_file import read_volume

VOLUMES = (".nrrd", ".nii", ".nii.gz", ".mha")
LARGEST_LABEL = 3

SLOWEST = 60.0
"""Seconds that reading a label map may take."""


def write(labels: np.ndarray, path: Path, radiograph: Radiograph) -> None:
    """Write a label map in ITK's geometry of a radiograph: one slice, at the origin, columns along the first axis.

    Args:
        labels: (rows, columns) uint8.
        path: ends with one of :data:`VOLUMES`.
        radiograph: whose pixel spacing it has.
    """
    image = sitk.GetImageFromArray(labels[None])
    down, across = radiograph.spacing
    image.SetSpacing((across, down, 1.0))
    sitk.WriteImage(image, str(path), useCompression=True)


def write_temporary(labels: np.ndarray, radiograph: Radiograph, suffix: str = ".nrrd") -> str:
    """Write a label map, as :func:`write` does, to a new file that the caller removes; return its path."""
    with tempfile.NamedTemporaryFile(prefix="label-", suffix=suffix, delete=False) as file:
        path = Path(file.name)
    try:
        write(labels, path, radiograph)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return str(path)


def read(path: Path, radiograph: Radiograph) -> np.ndarray:
    """Read a label map that a client sent, in a process of its own: what it holds can end that one only.

    Args:
        path: ``.nrrd``, ``.nii``, ``.nii.gz``, ``.mha``; ``.dcm`` (a Segmentation); ``.bin`` or ``.bin.gz``: a byte a
            pixel, row by row.
        radiograph: the image of the label map.

    Returns:
        (rows, columns) uint8, 0..3.

    Raises:
        InputError: the file cannot be read, has another size, or holds other values.
    """
    try:
        return call_apart(_read, path, radiograph, seconds=SLOWEST)
    except InputError:
        raise
    except (ValueError, EOFError) as error:
        raise InputError(f"{path.name}: cannot be read, or takes too much memory or time") from error


def read_stored(segmentation: Dataset, radiograph: Radiograph) -> np.ndarray:
    """Read a Segmentation from the PACS, which anybody may have stored there under the UIDs of ours.

    Args:
        segmentation: the object with its File Meta Information.
        radiograph: as for :func:`read`.

    Raises:
        InputError: it cannot be read.
    """
    syntax = segmentation.file_meta.get("TransferSyntaxUID") if hasattr(segmentation, "file_meta") else None
    if syntax == ExplicitVRLittleEndian and segmentation.get("SegmentationType") == "LABELMAP":
        # Ours: a byte a pixel, no decoder.
        return read_label_map(segmentation, radiograph)
    try:
        return call_apart(read_label_map, segmentation, radiograph, seconds=SLOWEST)
    except InputError:
        raise
    except (ValueError, EOFError) as error:
        raise InputError("segmentation: cannot be read, or takes too much memory or time") from error


def _read(path: Path, radiograph: Radiograph) -> np.ndarray:
    if path.suffix == ".dcm":
        return read_label_map(path, radiograph)
    rows, columns = radiograph.levels.shape
    suffix = "".join(path.suffixes[-2:]) if path.suffix == ".gz" else path.suffix
    if suffix in (".bin", ".bin.gz"):
        labels = _bytes(path, rows, columns, packed=suffix == ".bin.gz")
    elif suffix in VOLUMES:
        labels = read_volume(path, rows, columns)
    else:
        raise InputError(
            f"label: expected {', '.join(VOLUMES)}, .dcm, .bin or .bin.gz, got a file {suffix or 'without a suffix'}"
        )
    if not labels.any():
        raise InputError("label: expected marked pixels, got background only")
    with np.errstate(invalid="ignore"):
        known = labels.astype(np.uint8)
    unknown = labels[(known != labels) | (known > LARGEST_LABEL)]
    if unknown.size:
        raise InputError(f"label: expected values 0 to {LARGEST_LABEL}, got {unknown.flat[0]:g}")
    return known


def _bytes(path: Path, rows: int, columns: int, *, packed: bool) -> np.ndarray:
    expected = rows * columns
    try:
        with gzip.open(path) if packed else path.open("rb") as file:
            # One byte more tells that the file is too long; the rest is never unpacked.
            content = file.read(expected + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path.name}: cannot be unpacked ({type(error).__name__})") from error
    if len(content) != expected:
        size = f"{len(content):,} bytes" if len(content) <= expected else f"more than {expected:,} bytes"
        raise InputError(f"label: expected {expected:,} bytes ({rows} rows x {columns} columns), got {size}")
    return np.frombuffer(content, np.uint8).reshape(rows, columns)
