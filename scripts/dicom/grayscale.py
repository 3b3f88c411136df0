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

from dataclasses import dataclass

import numpy as np
from pydicom import Dataset
from pydicom.uid import DigitalXRayImageStorageForProcessing

from scripts.dicom.lut import Lut
from scripts.dicom.transformations import Transformations, Window, transformations_of

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

    Polarity: all steps from the stored values to what is shown count, see :attr:`Transformations.inverted`. An image
    for processing says by Pixel Intensity Relationship Sign which end is bone: 1, values grow with the X-ray intensity,
    the smallest is the brightest; -1, the largest is.

    Black and white, the first of these that there is: the ends of the first usable window (linear between them, also
    for the sigmoid function); the ends of what the first VOI LUT tells apart; for an image for processing its darkest
    and its brightest value; else the ends of the smallest of :data:`BIT_DEPTHS` that holds all values.

    Args:
        dataset: its header.
        stored: (rows, columns), its stored values, without those of the padding.

    Returns:
        The gray scale, and notes on what was not used or is a guess.

    Source:
        DICOM PS3.3 C.8.11.3.1.2 (pixel intensity relationship), and as :func:`transformations_of`.
    """
    notes: list[str] = []
    signed, bits = bool(dataset.PixelRepresentation), int(dataset.BitsStored)
    steps = transformations_of(dataset, notes)
    raw = is_for_processing(dataset)
    sign = dataset.get("PixelIntensityRelationshipSign") if raw else None
    inverted = sign == 1 if sign in (1, -1) else steps.inverted
    plain = Grayscale(bits, signed, inverted, 0.0, 2.0**bits - 1, "")
    ends, origin = _ends(steps), "window" if isinstance(steps.used, Window) else "VOI LUT"
    if ends is None and raw:
        ends, origin = (float(stored.min()), float(stored.max())), "darkest and brightest value"
    if ends is None:
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


def _ends(steps: Transformations) -> tuple[float, float] | None:
    """Return the stored values between which the first window or VOI LUT tells apart, in their order or against it."""
    if steps.used is None:
        return None
    if steps.rescale:
        slope, intercept = steps.rescale
        first, last = steps.used.used if isinstance(steps.used, Lut) else steps.used.ends
        return (first - intercept) / slope, (last - intercept) / slope
    # Behind a Modality LUT that is no line: where the brightness of stored values begins and ends to change.
    changes = np.flatnonzero(np.diff(steps.shown(steps.used)))
    return (float(steps.stored[changes[0]]), float(steps.stored[changes[-1] + 1])) if changes.size else None


def _depth(stored: np.ndarray, signed: bool, bits: int) -> tuple[float, float]:
    """Return the ends of the smallest bit depth that holds all stored values, at most Bits Stored."""
    low, high = int(stored.min()), int(stored.max())
    for depth in (*BIT_DEPTHS, bits):
        start = -(2 ** (depth - 1)) if signed and low < 0 else 0
        if depth <= bits and start <= low and high < start + 2**depth:
            return float(start), float(start + 2**depth - 1)
    start = -(2 ** (bits - 1)) if signed else 0
    return float(start), float(start + 2**bits - 1)
