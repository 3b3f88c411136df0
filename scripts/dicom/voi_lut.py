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

"""VOI LUT module of derived images: the source's windows and VOI LUTs, converted to the derived stored values."""

import numpy as np
from pydicom import Dataset
from pydicom.pixels import apply_modality_lut, apply_voi, apply_windowing

from scripts.dicom.grayscale import UNREADABLE, Grayscale, number, values
from scripts.dicom.header import copy

FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")

LARGEST = 2**20
"""Largest center and width of a window that is used, in modality values."""


def voi(source: Dataset, grayscale: Grayscale) -> Dataset:
    """Return the VOI LUT module for unsigned stored values without a rescale, see :meth:`Grayscale.unsigned`.

    Windows and VOI LUTs of the source are in its modality values; each is brought to the stored values, so that it
    shows source and derived image alike. Behind a Modality LUT a window becomes a VOI LUT. A source that has neither
    gets the window from black to white.

    Args:
        source: the header. Windows and LUTs that cannot be used are skipped.
        grayscale: of the source.

    Returns:
        Window Center, Window Width and their explanation, VOI LUT Function, VOI LUT Sequence: those that are needed.

    Source:
        DICOM PS3.3, C.11.2 (VOI LUT), C.11.1 (Modality LUT), table C.8-71 (DX Image).
    """
    shown = Dataset()
    stored = np.arange(grayscale.top + 1, dtype=np.int32) - grayscale.offset
    windows = _windows(source)
    if "ModalityLUTSequence" in source:
        luts, windows = _luts_behind_a_modality_lut(source, stored, len(windows)), []
    else:
        slope, intercept = _rescale(source)
        luts = _luts(source, np.rint(slope * stored + intercept).astype(np.int64))
    if windows:
        _add_windows(shown, windows, source, grayscale)
    if luts:
        shown.VOILUTSequence = luts
    if not windows and not luts:
        first, last = sorted(_unsigned(level, grayscale) for level in (grayscale.black, grayscale.white))
        # The function LINEAR shows black from center - 0.5 - (width - 1) / 2 on.
        shown.WindowCenter, shown.WindowWidth = _decimal((first + last + 1) / 2), _decimal(last - first + 1)
        shown.WindowCenterWidthExplanation = "Black to white"
    return shown


def _unsigned(level: float, grayscale: Grayscale) -> float:
    return grayscale.top - level if grayscale.inverted else level


def _rescale(source: Dataset) -> tuple[float, float]:
    """Return slope and intercept; 1 and 0 where they are not usable numbers."""
    slope, intercept = (
        number(next(iter(values(source, keyword)), usual))
        for keyword, usual in (("RescaleSlope", 1.0), ("RescaleIntercept", 0.0))
    )
    return (slope, intercept) if slope and intercept is not None else (1.0, 0.0)


def _windows(source: Dataset) -> list[tuple[float, float]]:
    """Return center and width of the usable windows, in modality values."""
    pairs = zip(values(source, "WindowCenter"), values(source, "WindowWidth"), strict=False)
    found = [(number(center), number(width)) for center, width in pairs]
    return [
        (center, width)
        for center, width in found
        if center is not None and width is not None and 1 <= width <= LARGEST and abs(center) <= LARGEST
    ]


def _function(source: Dataset) -> str:
    function = str(next(iter(values(source, "VOILUTFunction")), "LINEAR"))
    return function if function in FUNCTIONS else "LINEAR"


def _add_windows(shown: Dataset, windows: list[tuple[float, float]], source: Dataset, grayscale: Grayscale) -> None:
    slope, intercept = _rescale(source)
    # LINEAR is linear between center - 0.5 and in width - 1 (PS3.3, C.11.2.1.2.1), the other functions in both.
    half, one = (0.5, 1.0) if _function(source) == "LINEAR" else (0.0, 0.0)
    shown.WindowCenter = [
        _decimal((center - half - intercept) / slope + grayscale.offset + half) for center, _ in windows
    ]
    shown.WindowWidth = [_decimal((width - one) / abs(slope) + one) for _, width in windows]
    if len(windows) == len(values(source, "WindowWidth")):
        copy(source, shown, ["WindowCenterWidthExplanation"])
    if "VOILUTFunction" in source:
        shown.VOILUTFunction = _function(source)


def _decimal(value: float) -> str:
    """Return a Decimal String of 16 characters at most."""
    return f"{value:.10g}"


def _luts(source: Dataset, modality: np.ndarray) -> list[Dataset]:
    luts = []
    for index, item in enumerate(values(source, "VOILUTSequence")):
        try:
            entries, first, bits = item.LUTDescriptor
            if first > 2**15 and modality.min() < 0:
                # Negative, and read as unsigned.
                item.LUTDescriptor = [entries, first - 2**16, bits]
            curve = apply_voi(modality, source, index) / (2**bits - 1)
        except UNREADABLE:
            continue
        luts.append(_lut(curve, modality))
        copy(item, luts[-1], ["LUTExplanation"])
    return luts


def _luts_behind_a_modality_lut(source: Dataset, stored: np.ndarray, windows: int) -> list[Dataset]:
    try:
        modality = apply_modality_lut(stored, source).astype(np.int64)
        white = 2 ** source.ModalityLUTSequence[0].LUTDescriptor[2] - 1
        curves = [apply_windowing(modality, source, index) / white for index in range(windows)]
    except UNREADABLE:
        return []
    return _luts(source, modality) + [_lut(curve, modality) for curve in curves]


def _lut(curve: np.ndarray, modality: np.ndarray) -> Dataset:
    """Return an item of VOI LUT Sequence with an entry of 16 bits for each stored value (PS3.3 C.8.11.3.1.5)."""
    if modality[-1] < modality[0]:
        # The derived image is of the other polarity: its curve rises with the stored values, as a window does.
        curve = 1.0 - curve
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(curve) % 2**16, 0, 16])
    item.add_new("LUTData", "OW", np.rint(curve.clip(0.0, 1.0) * (2**16 - 1)).astype("<u2").tobytes())
    return item
