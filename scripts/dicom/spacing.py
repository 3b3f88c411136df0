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

"""Spacing of a radiograph's pixels in the patient, and what it rests on."""

from dataclasses import dataclass
from enum import StrEnum

from pydicom import Dataset

from scripts.dicom.attributes import number, values
from scripts.dicom.header import copy
from scripts.errors import InputError

DEFAULT_SPACING = 0.13
"""mm that are taken where a header has no spacing: hands are imaged at 0.1 to 0.175 mm."""

AT_THE_DETECTOR = ("ImagerPixelSpacing", "NominalScannedPixelSpacing")
"""Attributes that give a spacing at the detector, or on a film that was at its place."""

CALIBRATION = ("PixelSpacingCalibrationType", "PixelSpacingCalibrationDescription")

LARGEST_MAGNIFICATION = 5.0


class Origin(StrEnum):
    """Origin of millimetres."""

    CALIBRATED = "calibrated"
    NOT_STATED = "calibration not stated"
    DIVIDED = "magnification divided out"
    DETECTOR = "at the detector"
    ASSUMED = "assumed"


@dataclass(frozen=True)
class Spacing:
    """Spacing of pixels, in the patient as far as the header tells.

    Attributes:
        down, across: mm between the centres of pixels, between rows and between columns, as DICOM orders them.
        attribute: keyword of the attribute that it comes from; empty if it is assumed.
        origin: what it rests on.
        magnification: by which the patient is larger at the detector; 1 if the header does not tell.
    """

    down: float
    across: float
    attribute: str
    origin: Origin
    magnification: float = 1.0

    @property
    def sides(self) -> tuple[float, float]:
        """Down and across."""
        return self.down, self.across

    @property
    def rests_on(self) -> str:
        """Say in words what a figure in millimetres rests on."""
        if self.origin == Origin.DIVIDED:
            return f"magnification {self.magnification:.4g} divided out"
        return str(self.origin)

    @property
    def in_words(self) -> str:
        """Two sentences, of the spacing and of what it rests on."""
        size = f"{self.down:.6g} by {self.across:.6g} mm"
        where = f"{size}, from {self.attribute}" if self.attribute else f"is not known, {size} is a default"
        return f"Pixel spacing {where}. Millimetres: {self.rests_on}."


def spacing_of(name: str, dataset: Dataset, notes: list[str]) -> Spacing:
    """Find the spacing of pixels in the patient.

    Pixel Spacing, if it is calibrated: if a calibration type says so, or it differs from Imager Pixel Spacing, or
    nothing tells. Else a spacing at the detector, divided by the magnification, if the header tells it. Else
    :data:`DEFAULT_SPACING`, in the proportion of Pixel Aspect Ratio.

    Args:
        name: of the file, for refusals.
        dataset: the header.
        notes: gets a sentence for each attribute that cannot be used, and for a spacing that is assumed.

    Raises:
        InputError: pixels are not square.

    Source:
        DICOM PS3.3 10.7.1.3 (Pixel Spacing Calibration), C.8.11.4 (DX Detector), C.8.11.5 (DX Positioning),
        C.7.6.3.1.7 (Pixel Aspect Ratio).
    """
    magnification = magnification_of(dataset, notes)
    calibrated = _sides(name, dataset, "PixelSpacing", notes)
    detector = [(keyword, _sides(name, dataset, keyword, notes)) for keyword in AT_THE_DETECTOR]
    keyword, sides = next(((keyword, sides) for keyword, sides in detector if sides), ("", None))
    if calibrated:
        typed = _text(dataset, "PixelSpacingCalibrationType") in ("GEOMETRY", "FIDUCIAL")
        imager = detector[0][1]
        if typed or imager is None or not _same(calibrated, imager):
            origin = Origin.CALIBRATED if typed or imager else Origin.NOT_STATED
            return Spacing(*calibrated, "PixelSpacing", origin, magnification or 1.0)
    if sides:
        origin, factor = (Origin.DIVIDED if magnification else Origin.DETECTOR), magnification or 1.0
        return Spacing(sides[0] / factor, sides[1] / factor, keyword, origin, factor)
    longer = _aspect(name, dataset, notes) ** 0.5
    notes.append(f"no spacing of pixels in the header: {DEFAULT_SPACING} mm assumed")
    down, across = DEFAULT_SPACING * longer, DEFAULT_SPACING / longer
    return Spacing(down, across, "", Origin.ASSUMED, magnification or 1.0)


def magnification_of(dataset: Dataset, notes: list[str]) -> float | None:
    """Return by how much the patient is larger at the detector: the estimate, else by the distances of the source.

    Args:
        dataset: the header.
        notes: gets a sentence for each value that cannot be used.
    """
    stated, detector, patient = (
        number(next(iter(values(dataset, keyword)), None))
        for keyword in (
            *("EstimatedRadiographicMagnificationFactor", "DistanceSourceToDetector", "DistanceSourceToPatient"),
        )
    )
    by_distance = detector / patient if detector and patient else None
    for factor, what in (
        (stated, "Estimated Radiographic Magnification Factor"),
        (by_distance, "Distance Source to Detector over Distance Source to Patient"),
    ):
        if factor is not None and 1 <= factor <= LARGEST_MAGNIFICATION:
            return factor
        if factor is not None:
            notes.append(f"{what} is not from 1 to {LARGEST_MAGNIFICATION:g} and was passed over")
    return None


def add_spacing(image: Dataset, source: Dataset, spacing: Spacing) -> None:
    """Add a source's spacing attributes to a DX; Imager Pixel Spacing, which it must have, if there is none.

    With the magnification that the image has too, they mean the same spacing in the patient.

    Source:
        DICOM PS3.3, table C.8-72 (DX Detector), 10.7 (Basic Pixel Spacing Calibration Macro).
    """
    copy(source, image, ["ImagerPixelSpacing", "PixelSpacing", *CALIBRATION], sound=True)
    for keyword in ("ImagerPixelSpacing", "PixelSpacing"):
        sides = values(image, keyword)
        if keyword in image and not (len(sides) == 2 and all((number(side) or 0) > 0 for side in sides)):
            delattr(image, keyword)
    if "ImagerPixelSpacing" not in image:
        image.ImagerPixelSpacing = [f"{side * spacing.magnification:.10g}" for side in spacing.sides]
    if "PixelSpacing" not in image or "PixelSpacingCalibrationType" not in image:
        for keyword in CALIBRATION:
            image.pop(keyword, None)
    elif "PixelSpacingCalibrationDescription" not in image:
        image.PixelSpacingCalibrationDescription = "The source does not say how"


def _sides(name: str, dataset: Dataset, keyword: str, notes: list[str]) -> tuple[float, float] | None:
    found = [number(value) for value in values(dataset, keyword)]
    if not found:
        return None
    if len(found) == 2 and all(value is not None and 0.001 <= value <= 10 for value in found):
        down, across = (float(value) for value in found if value is not None)
        if not 0.75 <= down / across <= 1.34:
            raise InputError(f"{name}: expected square pixels, got {down:g} x {across:g} mm")
        return down, across
    notes.append(f"{keyword} is not two numbers from 0.001 to 10 mm and was passed over")
    return None


def _aspect(name: str, dataset: Dataset, notes: list[str]) -> float:
    """Return how much higher a pixel is than wide, where no spacing tells."""
    found = [number(value) for value in values(dataset, "PixelAspectRatio")]
    if not found:
        return 1.0
    if len(found) != 2 or not all(value and value > 0 for value in found):
        notes.append("Pixel Aspect Ratio is not two numbers above 0 and was passed over")
        return 1.0
    down, across = (float(value) for value in found if value)
    if not 0.75 <= down / across <= 1.34:
        raise InputError(f"{name}: expected square pixels, got a Pixel Aspect Ratio of {down:g}:{across:g}")
    return down / across


def _text(dataset: Dataset, keyword: str) -> str:
    return str(next(iter(values(dataset, keyword)), "")).strip().upper()


def _same(first: tuple[float, float], second: tuple[float, float]) -> bool:
    """Return whether two spacings are one, written with more or fewer digits."""
    return all(abs(one / other - 1) < 1e-3 for one, other in zip(first, second, strict=True))
