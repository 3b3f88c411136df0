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

"""Stored pixel values and gray levels: which is which, and back without a loss."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Grayscale:
    """How the stored values of one radiograph and its gray levels belong together.

    Between both stand *levels*: the stored values counted up from the darkest that the bit depth can hold, so that 0 is
    black, bright = more attenuation, whatever the sign and the polarity of what is stored. Stored values and levels are
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
        """What an unsigned value of the bit depth is above the signed one with the same place in the range."""
        return 2 ** (self.bits_stored - 1) if self.signed else 0

    def levels(self, stored: np.ndarray) -> np.ndarray:
        """Levels 0..top, int32, of stored values."""
        unsigned = stored.astype(np.int32) + self.offset
        return self.top - unsigned if self.inverted else unsigned

    def unsigned(self, levels: np.ndarray) -> np.ndarray:
        """Unsigned stored values 0..top, uint8 or uint16: those of the source, :attr:`offset` above them if signed."""
        kept = self.top - levels if self.inverted else levels
        return kept.astype(np.uint8 if self.bits_stored <= 8 else np.uint16)

    def stored(self, levels: np.ndarray) -> np.ndarray:
        """Stored values, int32: the inverse of :meth:`levels`."""
        return self.unsigned(levels).astype(np.int32) - self.offset

    def gray(self, levels: np.ndarray) -> np.ndarray:
        """Gray levels 0..1, float32; what is darker than black or brighter than white is cut."""
        return ((levels - self.black) / (self.white - self.black)).clip(0.0, 1.0).astype(np.float32)

    def level(self, gray: float) -> float:
        """The level of a gray level."""
        return self.black + gray * (self.white - self.black)
