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

"""Transformations from stored values to what is shown: modality, VOI, presentation, and the polarity they add up to."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from pydicom import Dataset

from scripts.dicom.attributes import is_big_endian, number, values
from scripts.dicom.lut import Lut, read_luts

LARGEST = 2**20
"""Largest center and width of a window that is used, in modality values."""

FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")


class Window(NamedTuple):
    """One window, in modality values.

    Attributes:
        center, width: as they stand in the header.
        function: VOI LUT Function, of :data:`FUNCTIONS`.
    """

    center: float
    width: float
    function: str = "LINEAR"

    @property
    def ends(self) -> tuple[float, float]:
        """Modality values that are shown black and white; of a sigmoid those of the same line."""
        if self.function == "LINEAR":
            return self.center - 0.5 - (self.width - 1) / 2, self.center - 0.5 + (self.width - 1) / 2
        return self.center - self.width / 2, self.center + self.width / 2

    def shown(self, modality: np.ndarray) -> np.ndarray:
        """Return 0..1 for modality values.

        Source:
            DICOM PS3.3 C.11.2.1.2 and C.11.2.1.3.
        """
        if self.function == "SIGMOID":
            # Beyond these ends all is 0 or 1 in any float.
            return 1 / (1 + np.exp((-4 * (modality - self.center) / self.width).clip(-700, 700)))
        low, high = self.ends
        return (modality > low).astype(float) if high <= low else ((modality - low) / (high - low)).clip(0.0, 1.0)


@dataclass(frozen=True, eq=False)
class Transformations:
    """Transformations of one header, over all stored values that its bit depth holds.

    Attributes:
        stored: int32, ascending.
        modality: modality value of each.
        rescale: slope and intercept, if modality values are linear in the stored ones: those of the header, or those of
            a Modality LUT that is a line; else nothing.
        windows: the usable ones.
        luts: the usable VOI LUTs, by their number in the sequence.
        presentation: Presentation LUT, if the header has one.
        reversed: the smallest value that comes out of the VOI step is the brightest.
    """

    stored: np.ndarray
    modality: np.ndarray
    rescale: tuple[float, float] | None
    windows: tuple[Window, ...]
    luts: dict[int, Lut]
    presentation: Lut | None
    reversed: bool

    @property
    def used(self) -> Window | Lut | None:
        """The first usable window; without one the first usable VOI LUT."""
        return self.windows[0] if self.windows else next(iter(self.luts.values()), None)

    @property
    def inverted(self) -> bool:
        """Tell whether the smallest stored value is the brightest: each step may turn what those before it turned."""
        turns = [falls(self.stored, self.modality), self.reversed]
        if isinstance(self.used, Lut):
            reached = self.used(self.modality)
            inputs = np.arange(len(self.used.entries))
            turns.append(falls(self.modality, reached) if np.ptp(reached) else falls(inputs, self.used.entries))
        if self.presentation:
            turns.append(falls(np.arange(len(self.presentation.entries)), self.presentation.entries))
        return sum(turns) % 2 == 1

    @property
    def presentation_is_line(self) -> bool:
        """Tell whether there is no Presentation LUT, or one whose entries are linear."""
        return self.presentation is None or bool(np.ptp(np.diff(self.presentation.entries)) <= 1)

    def shown(self, voi: Window | Lut | None) -> np.ndarray:
        """Return the brightness 0..1 of each stored value by a window or a VOI LUT; without one, of the whole range."""
        if isinstance(voi, Lut):
            bright = voi(self.modality) / voi.top
        elif voi:
            bright = voi.shown(self.modality)
        else:
            low, high = self.modality.min(), self.modality.max()
            bright = (self.modality - low) / (high - low)
        if self.presentation:
            last = len(self.presentation.entries) - 1
            bright = self.presentation(self.presentation.first + bright * last) / self.presentation.top
        return 1.0 - bright if self.reversed else bright


def falls(inputs: np.ndarray, outputs: np.ndarray) -> bool:
    """Return whether a curve falls, on the whole."""
    return float(np.dot(inputs - inputs.mean(), outputs - outputs.mean())) < 0


def transformations_of(dataset: Dataset, notes: list[str]) -> Transformations:
    """Read the transformations of a header, which may be broken.

    Args:
        dataset: the header.
        notes: gets a sentence for each that cannot be used.

    Source:
        DICOM PS3.3 C.11.1 (Modality LUT), C.11.2 (VOI LUT), C.11.6 (Softcopy Presentation LUT), C.7.6.3.1.2
        (Photometric Interpretation).
    """
    bits, big_endian = int(dataset.BitsStored), is_big_endian(dataset)
    stored = np.arange(2**bits, dtype=np.int32) - (2 ** (bits - 1) if dataset.PixelRepresentation else 0)
    slope, intercept = _rescale(dataset, notes)
    modality, readable = slope * stored + intercept, True
    rescale: tuple[float, float] | None = (slope, intercept)
    if "ModalityLUTSequence" in dataset:
        low, high = float(stored[0]), float(stored[-1])
        lut = next(iter(read_luts(dataset, "ModalityLUTSequence", low, high, big_endian=big_endian)), None)
        readable = lut is not None
        modality, rescale = (stored.astype(np.float64), (1.0, 0.0)) if lut is None else _by(lut, stored)
    windows = _windows(dataset, notes)
    found = read_luts(dataset, "VOILUTSequence", modality.min(), modality.max(), big_endian=big_endian)
    luts = {index: lut for index, lut in enumerate(found) if lut}
    if not readable:
        what = "window" if windows else "VOI LUT" if luts else "Modality LUT"
        notes.append(f"the {what} was not used: a Modality LUT Sequence that cannot be read stands before it")
        windows, luts = (), {}
    presentation = next(iter(read_luts(dataset, "PresentationLUTSequence", 0, 2**16, big_endian=big_endian)), None)
    return Transformations(
        stored=stored,
        modality=modality,
        rescale=rescale,
        windows=windows,
        luts=luts,
        presentation=presentation,
        reversed=presentation is None and _is_reversed(dataset),
    )


def _by(lut: Lut, stored: np.ndarray) -> tuple[np.ndarray, tuple[float, float] | None]:
    """Return the modality values of a Modality LUT, and slope and intercept if it is a line."""
    modality = lut(stored).astype(np.float64)
    slope = (modality[-1] - modality[0]) / (len(stored) - 1)
    intercept = modality[0] - slope * stored[0]
    straight = slope != 0 and np.allclose(slope * stored + intercept, modality, rtol=0, atol=1e-6)
    return modality, (float(slope), float(intercept)) if straight else None


def _is_reversed(dataset: Dataset) -> bool:
    """Return whether black is the largest value: Presentation LUT Shape tells, else Photometric Interpretation.

    Source:
        DICOM PS3.3 C.11.6.1.2; DCMTK and dcm4che do the same where the two contradict each other.
    """
    shape = str(next(iter(values(dataset, "PresentationLUTShape")), "")).strip().upper()
    return (
        shape == "INVERSE" if shape in ("IDENTITY", "INVERSE") else dataset.PhotometricInterpretation == "MONOCHROME1"
    )


def _rescale(dataset: Dataset, notes: list[str]) -> tuple[float, float]:
    slope, intercept = (
        number(next(iter(values(dataset, keyword)), usual))
        for keyword, usual in (("RescaleSlope", 1.0), ("RescaleIntercept", 0.0))
    )
    if not slope or intercept is None:
        notes.append("Rescale Slope or Intercept is not a number to work with: both were passed over")
        return 1.0, 0.0
    return slope, intercept


def _windows(dataset: Dataset, notes: list[str]) -> tuple[Window, ...]:
    function = str(next(iter(values(dataset, "VOILUTFunction")), "LINEAR"))
    windows = []
    for pair in zip(values(dataset, "WindowCenter"), values(dataset, "WindowWidth"), strict=False):
        center, width = map(number, pair)
        if center is None or width is None or not 1 <= width <= LARGEST or abs(center) > LARGEST:
            notes.append("a window without a usable center and width was passed over")
        else:
            windows.append(Window(center, width, function if function in FUNCTIONS else "LINEAR"))
    return tuple(windows)
