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

"""Stored pixel values, levels and gray levels of a radiograph: MONOCHROME1 inverted, windows applied."""

import math
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydicom import Dataset
from pydicom.errors import BytesLengthException
from pydicom.uid import DigitalXRayImageStorageForProcessing

UNREADABLE = (
    *(ArithmeticError, AttributeError, LookupError, OSError, RuntimeError, TypeError, ValueError),
    *(BytesLengthException, EOFError, struct.error),
)
"""What pydicom raises when it is asked for something in a header that is broken."""

BIT_DEPTHS = (8, 10, 12, 14, 16)
"""Bit depths of radiographs that a wider Bits Stored may hold."""


@dataclass(frozen=True)
class Grayscale:
    """Conversion between the stored values of one radiograph, its levels and its gray levels.

    Between both stand *levels*: the stored values counted up from the darkest that the bit depth can hold, so that 0 is
    black, bright = more attenuation, for every sign and polarity of the stored values. Stored values and levels are
    the same integers in another order; nothing is rounded between them. A gray level is linear in them, 0 at ``black``
    and 1 at ``white``.

    Attributes:
        bits_stored: Bits Stored (0028,0101), 8 to 16.
        signed: Pixel Representation (0028,0103) is 1.
        inverted: the smallest stored value is the brightest, as in MONOCHROME1.
        black: level that is shown black, gray level 0; may lie outside the bit depth.
        white: level that is shown white, gray level 1, above ``black``.
        origin: where ``black`` and ``white`` come from, in words.
    """

    bits_stored: int
    signed: bool
    inverted: bool
    black: float
    white: float
    origin: str

    @property
    def top(self) -> int:
        """The brightest level of the bit depth, e.g. 4095."""
        return 2**self.bits_stored - 1

    @property
    def offset(self) -> int:
        """Difference between an unsigned value of the bit depth and the signed one at the same position."""
        return 2 ** (self.bits_stored - 1) if self.signed else 0

    def levels(self, stored: np.ndarray) -> np.ndarray:
        """Return the levels 0..top, int32, of stored values."""
        unsigned = stored.astype(np.int32) + self.offset
        return self.top - unsigned if self.inverted else unsigned

    def unsigned(self, levels: np.ndarray) -> np.ndarray:
        """Return unsigned stored values 0..top, uint8 or uint16: the source's, plus :attr:`offset` if signed."""
        kept = self.top - levels if self.inverted else levels
        return kept.astype(np.uint8 if self.bits_stored <= 8 else np.uint16)

    def stored(self, levels: np.ndarray) -> np.ndarray:
        """Return stored values, int32: the inverse of :meth:`levels`."""
        return self.unsigned(levels).astype(np.int32) - self.offset

    def gray(self, levels: np.ndarray) -> np.ndarray:
        """Return gray levels 0..1, float32; values darker than black or brighter than white are clipped."""
        return ((levels - self.black) / (self.white - self.black)).clip(0.0, 1.0).astype(np.float32)

    def level(self, gray: float) -> float:
        """Return the level of a gray level."""
        return self.black + gray * (self.white - self.black)


def grayscale_of(dataset: Dataset, stored: np.ndarray) -> tuple[Grayscale, list[str]]:
    """Find which stored values are black and white.

    Polarity: the smallest stored value is the brightest for MONOCHROME1, and the other way round again where the
    rescale slope is negative. An image for processing says by Pixel Intensity Relationship Sign which end is bone: 1,
    values grow with the X-ray intensity, the smallest is the brightest; -1, the largest is.

    Black and white, the first of these that there is: the ends of the first usable window (linear between them, also
    for the sigmoid function); the ends of what the VOI LUT tells apart; for an image for processing its darkest and its
    brightest value; else the ends of the smallest of :data:`BIT_DEPTHS` that holds all values.

    Args:
        dataset: its header.
        stored: (rows, columns), its stored values, without those of the padding.

    Returns:
        The gray scale, and notes on what was not used or is a guess.

    Source:
        DICOM PS3.3 C.7.6.3.1.2 (photometric interpretation), C.11.1 (modality LUT), C.11.2.1.2 (windows),
        C.11.2.1.1 (VOI LUT), C.8.11.3.1.2 (pixel intensity relationship).
    """
    notes: list[str] = []
    signed, bits = bool(dataset.PixelRepresentation), int(dataset.BitsStored)
    slope, intercept = _rescale(dataset, notes)
    raw = is_for_processing(dataset)
    sign = dataset.get("PixelIntensityRelationshipSign") if raw else None
    inverted = sign == 1 if sign in (1, -1) else (dataset.PhotometricInterpretation == "MONOCHROME1") != (slope < 0)
    plain = Grayscale(bits, signed, inverted, 0.0, 2.0**bits - 1, "")
    ends, origin = _window(dataset, notes), "window"
    if ends is None:
        ends, origin = _voi_lut(dataset), "VOI LUT"
    if ends is not None and "ModalityLUTSequence" in dataset:
        notes.append(f"the {origin} was not used: a Modality LUT Sequence stands between it and the stored values")
        ends = None
    if ends is not None:
        ends = ((ends[0] - intercept) / slope, (ends[1] - intercept) / slope)
    elif raw:
        ends, origin = (float(stored.min()), float(stored.max())), "darkest and brightest value"
    else:
        ends, origin = _depth(stored, signed, bits), "bit depth"
        notes.append(f"no usable window or VOI LUT: stored values {ends[0]:g} to {ends[1]:g} were taken as its ends")
    first, last = (plain.top - plain.offset - end if inverted else end + plain.offset for end in ends)
    black, white = min(first, last), max(first, last)
    return Grayscale(bits, signed, inverted, black, max(white, black + 1), origin), notes


def is_for_processing(dataset: Dataset) -> bool:
    """Return whether a dataset holds raw data of a detector, not yet processed for display."""
    return (
        dataset.get("PresentationIntentType") == "FOR PROCESSING"
        or dataset.get("SOPClassUID") == DigitalXRayImageStorageForProcessing
    )


def number(value: Any) -> float | None:
    """Return a finite number; None if ``value`` is not one."""
    try:
        parsed = float(value)
    except (TypeError, ValueError):
        return None
    return parsed if math.isfinite(parsed) else None


def values(dataset: Dataset, keyword: str) -> list[Any]:
    """Return the values of an attribute as a list; empty if it is absent, empty or cannot be parsed."""
    try:
        value = dataset.get(keyword)
    except UNREADABLE:
        return []
    if value is None or value == "":
        return []
    return list(value) if isinstance(value, (list, tuple)) or hasattr(value, "append") else [value]


def _rescale(dataset: Dataset, notes: list[str]) -> tuple[float, float]:
    slope, intercept = (
        number(next(iter(values(dataset, keyword)), usual))
        for keyword, usual in (("RescaleSlope", 1.0), ("RescaleIntercept", 0.0))
    )
    if not slope or intercept is None:
        notes.append("Rescale Slope or Intercept is not a number to work with: both were passed over")
        return 1.0, 0.0
    return slope, intercept


def _window(dataset: Dataset, notes: list[str]) -> tuple[float, float] | None:
    """Return the ends of the first usable window, in modality values."""
    exact = str(dataset.get("VOILUTFunction") or "LINEAR") != "LINEAR"
    pairs = zip(values(dataset, "WindowCenter"), values(dataset, "WindowWidth"), strict=False)
    for center, width in ((number(center), number(width)) for center, width in pairs):
        if center is None or width is None or width < 1 or width > 2**20 or abs(center) > 2**20:
            notes.append("a window without a usable center and width was passed over")
        elif exact:
            return center - width / 2, center + width / 2
        else:
            return center - 0.5 - (width - 1) / 2, center - 0.5 + (width - 1) / 2
    return None


def _voi_lut(dataset: Dataset) -> tuple[float, float] | None:
    """Return the first and last modality value between which the first VOI LUT still changes."""
    item = next(iter(values(dataset, "VOILUTSequence")), None)
    if item is None:
        return None
    descriptor, table = values(item, "LUTDescriptor"), item.get("LUTData")
    if isinstance(table, bytes):
        table = np.frombuffer(table[: len(table) // 2 * 2], dtype="<u2")
    if len(descriptor) != 3 or table is None or np.size(table) < 2:
        return None
    changes = np.flatnonzero(np.diff(np.asarray(table).astype(np.int64)))
    if not changes.size:
        return None
    start = float(descriptor[1])
    return start + float(changes[0]), start + float(changes[-1]) + 1


def _depth(stored: np.ndarray, signed: bool, bits: int) -> tuple[float, float]:
    """Return the ends of the smallest bit depth that holds all stored values, at most Bits Stored."""
    low, high = int(stored.min()), int(stored.max())
    for depth in (*BIT_DEPTHS, bits):
        start = -(2 ** (depth - 1)) if signed and low < 0 else 0
        if depth <= bits and start <= low and high < start + 2**depth:
            return float(start), float(start + 2**depth - 1)
    start = -(2 ** (bits - 1)) if signed else 0
    return float(start), float(start + 2**bits - 1)
