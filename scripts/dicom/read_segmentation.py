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

"""Reader of DICOM Segmentations: ours, and corrected ones that a viewer has saved."""

from pathlib import Path

import numpy as np
from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError
from pydicom.pixels import pixel_array

from scripts.dicom.attributes import UNREADABLE
from scripts.dicom.header import (
    quiet,
)
from scripts.dicom.reader import Radiograph
from scripts.dicom.segmentation import SEGMENTS, frame_references, source_references
from scripts.errors import InputError


def read_label_map(segmentation: Dataset | Path, radiograph: Radiograph) -> np.ndarray:
    """Read the label map of a Segmentation, label map or binary: one of ours, or one that a viewer has saved.

    A segment is known by its label, which begins with lower, upper or overlap, or else by its number, 1 to 3. A pixel
    in both bones' segments is in the overlap. Frames of other images of a series are skipped.

    Args:
        segmentation: the object with its File Meta Information, or its file.
        radiograph: the image that it has to refer to.

    Returns:
        (rows, columns) uint8 on the radiograph's grid, 0..3 as :func:`scripts.physics.label_map` has them.

    Raises:
        InputError: it is no Segmentation, of another image, of another size, has unknown segments, or is broken.

    Source:
        DICOM PS3.3, A.51 (Segmentation IOD), C.8.20 (Segmentation modules).
    """
    name = segmentation.name if isinstance(segmentation, Path) else "segmentation"
    try:
        with quiet():
            dataset = dcmread(segmentation) if isinstance(segmentation, Path) else segmentation
            return _label_map(dataset, radiograph)
    except InputError as error:
        raise InputError(f"{name}: {error}") from error
    except (InvalidDicomError, *UNREADABLE) as error:
        raise InputError(f"{name}: cannot be read as a Segmentation ({type(error).__name__})") from error


def _label_map(dataset: Dataset, radiograph: Radiograph) -> np.ndarray:
    kind = str(dataset.get("SegmentationType"))
    if dataset.get("Modality") != "SEG" or kind not in ("LABELMAP", "BINARY"):
        raise InputError(f"expected SEG, LABELMAP or BINARY, got {dataset.get('Modality')}, {kind}")
    rows, columns = radiograph.levels.shape
    if (dataset.Rows, dataset.Columns) != (rows, columns):
        raise InputError(f"is of {dataset.Rows} x {dataset.Columns} px, the radiograph of {rows} x {columns}")
    own = str(radiograph.dataset.SOPInstanceUID)
    referenced = {str(item.ReferencedSOPInstanceUID) for item in source_references(dataset)}
    if own not in referenced:
        raise InputError("does not refer to the radiograph")
    bones = {int(item.SegmentNumber): _label_of(item) for item in dataset.SegmentSequence if _is_segment(item)}
    labels = np.zeros((rows, columns), np.uint8)
    # Of one bit a pixel all at once: a frame need not begin at a byte.
    binary = pixel_array(dataset).reshape(-1, rows, columns) if kind == "BINARY" else None
    for index, groups in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        shown = {str(item.ReferencedSOPInstanceUID) for item in frame_references(groups)} or referenced
        if own not in shown:
            continue
        if shown != {own}:
            raise InputError(f"frame {index + 1} refers to several images")
        if binary is None:
            frame = pixel_array(dataset, index=index)
        else:
            frame = binary[index] * int(groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber)
        unknown = set(np.unique(frame).tolist()) - {0, *bones}
        if unknown:
            raise InputError(f"has pixels of segment {min(unknown)}, which it does not describe")
        for number, label in bones.items():
            labels[frame == number] |= label
    return labels


def _is_segment(item: Dataset) -> bool:
    """Return whether an item describes a segment; background, segment 0 of label maps, is none."""
    return int(item.SegmentNumber) != 0


def _label_of(item: Dataset) -> int:
    """Return a segment's value in the label map: its bits are the lower and the upper bone."""
    number, words = int(item.SegmentNumber), str(item.get("SegmentLabel") or "").lower()
    for value, label in SEGMENTS.items():
        if words.startswith(label.split()[0]):
            return value
    # What viewers call a segment that nobody has named.
    if number in SEGMENTS and words in ("", f"segment {number}", str(number)):
        return number
    raise InputError(f"expected lower, upper and overlap as labels, got an unknown segment {number}")
