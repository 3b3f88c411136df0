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
"""How a source is shown, said of the stored values of what is derived from it: windows and VOI LUTs brought over."""

import math

import numpy as np
from pydicom import Dataset
from pydicom.pixels import apply_modality_lut, apply_voi, apply_windowing

from scripts.dicom.grayscale import Grayscale
from scripts.dicom.header import UNREADABLE, copy, value_of

FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")


def voi(source: Dataset, grayscale: Grayscale) -> Dataset:
    """Attributes of the VOI LUT module for unsigned stored values without a rescale, see :meth:`Grayscale.unsigned`.

    Windows and VOI LUTs of the source are in its modality values; each is brought to the stored values, so that it
    shows source and derived image alike. Behind a Modality LUT a window becomes a VOI LUT. A source that has neither
    gets the window from black to white.

    Args:
        source: the header. Windows and LUTs that cannot be used are passed over.
        grayscale: of the source.

    Returns:
        Window Center, Window Width and their explanation, VOI LUT Function, VOI LUT Sequence: those that are needed.

    Source:
        DICOM PS3.3, C.11.2 (VOI LUT), C.11.1 (Modality LUT), table C.8-71 (DX Image).
    """
    shown = Dataset()
    stored = np.arange(grayscale.top + 1, dtype=np.int32) - grayscale.offset
    modality = apply_modality_lut(stored, source)
    windows = _windows(source)
    if "ModalityLUTSequence" in source:
        luts = _luts(source, modality) + _luts_of_windows(source, modality, len(windows))
        windows = []
    else:
        luts = _luts(source, np.rint(modality).astype(np.int64))
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


def _windows(source: Dataset) -> list[tuple[float, float]]:
    """Center and width of each window; none if one of them cannot be used."""
    try:
        centers, widths = (
            [float(value) for value in np.atleast_1d(source[keyword].value)] if source.get(keyword) is not None else []
            for keyword in ("WindowCenter", "WindowWidth")
        )
        windows = list(zip(centers, widths, strict=True))
    except UNREADABLE:
        return []
    least = 1.0 if _function(source) == "LINEAR" else 1e-6
    usable = all(math.isfinite(center) and least <= width < math.inf for center, width in windows)
    return windows if usable else []


def _function(source: Dataset) -> str:
    function = str(value_of(source, "VOILUTFunction") or "LINEAR")
    return function if function in FUNCTIONS else "LINEAR"


def _add_windows(shown: Dataset, windows: list[tuple[float, float]], source: Dataset, grayscale: Grayscale) -> None:
    slope, intercept = (
        float(default if source.get(keyword) is None else source[keyword].value)
        for keyword, default in (("RescaleSlope", 1.0), ("RescaleIntercept", 0.0))
    )
    # LINEAR is linear between center - 0.5 and in width - 1 (PS3.3, C.11.2.1.2.1), the other functions in both.
    half, one = (0.5, 1.0) if _function(source) == "LINEAR" else (0.0, 0.0)
    brought = [
        ((center - half - intercept) / slope + grayscale.offset + half, (width - one) / abs(slope) + one)
        for center, width in windows
    ]
    shown.WindowCenter = [_decimal(center) for center, _ in brought]
    shown.WindowWidth = [_decimal(width) for _, width in brought]
    copy(source, shown, ["WindowCenterWidthExplanation"])
    if "VOILUTFunction" in source:
        shown.VOILUTFunction = _function(source)


def _decimal(value: float) -> str:
    """A Decimal String of 16 characters at most."""
    return f"{value:.10g}"


def _luts(source: Dataset, modality: np.ndarray) -> list[Dataset]:
    luts = []
    for index, item in enumerate(value_of(source, "VOILUTSequence") or []):
        try:
            entries, first, bits = item.LUTDescriptor
            if first > 2**15 and modality.min() < 0:
                item.LUTDescriptor = [entries, first - 2**16, bits]
            curve = apply_voi(modality, source, index) / (2**bits - 1)
        except UNREADABLE:
            continue
        luts.append(_lut(curve, modality))
        copy(item, luts[-1], ["LUTExplanation"])
    return luts


def _luts_of_windows(source: Dataset, modality: np.ndarray, count: int) -> list[Dataset]:
    white = 2 ** source.ModalityLUTSequence[0].LUTDescriptor[2] - 1
    return [_lut(apply_windowing(modality, source, index) / white, modality) for index in range(count)]


def _lut(curve: np.ndarray, modality: np.ndarray) -> Dataset:
    """An item of VOI LUT Sequence, an entry a stored value; of 16 bits: a DX may have 10 to 16 (PS3.3 C.8.11.3.1.5)."""
    if modality[-1] < modality[0]:
        # The derived image is of the other polarity: its curve rises with the stored values, as a window does.
        curve = 1.0 - curve
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(curve) % 2**16, 0, 16])
    item.add_new("LUTData", "OW", np.rint(curve.clip(0.0, 1.0) * (2**16 - 1)).astype("<u2").tobytes())
    return item
