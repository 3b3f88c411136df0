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

from scripts.dicom.attributes import values
from scripts.dicom.grayscale import Grayscale
from scripts.dicom.header import copy
from scripts.dicom.lut import Lut
from scripts.dicom.transformations import Transformations, Window, transformations_of


def voi(source: Dataset, grayscale: Grayscale) -> Dataset:
    """Return the VOI LUT module for unsigned stored values without a rescale, see :meth:`Grayscale.unsigned`.

    Windows and VOI LUTs of the source are in its modality values; each is brought to the stored values, so that it
    shows source and derived image alike. A window becomes a VOI LUT where it stands behind a Modality LUT or before a
    Presentation LUT that is no line. A source that has neither gets the window from black to white, or such a LUT's
    curve.

    Args:
        source: the header. Windows and LUTs that cannot be used are skipped.
        grayscale: of the source.

    Returns:
        Window Center, Window Width and their explanation, VOI LUT Function, VOI LUT Sequence: those that are needed.

    Source:
        DICOM PS3.3, C.11.2 (VOI LUT), C.11.1 (Modality LUT), table C.8-71 (DX Image).
    """
    shown, steps = Dataset(), transformations_of(source, [])
    straight = steps.rescale is not None and steps.presentation_is_line
    luts = [(lut, values(source, "VOILUTSequence")[index]) for index, lut in steps.luts.items()]
    curves = [_with_explanation(_lut(steps, lut, grayscale), item) for lut, item in luts]
    if straight and steps.windows:
        _add_windows(shown, steps, source, grayscale)
    else:
        curves += [_lut(steps, window, grayscale) for window in steps.windows]
    if not steps.windows and not luts and not straight:
        curves = [_lut(steps, None, grayscale)]
    if curves:
        shown.VOILUTSequence = curves
    if not steps.windows and not curves:
        first, last = sorted(_unsigned(level, grayscale) for level in (grayscale.black, grayscale.white))
        # The function LINEAR shows black from center - 0.5 - (width - 1) / 2 on.
        shown.WindowCenter, shown.WindowWidth = _decimal((first + last + 1) / 2), _decimal(last - first + 1)
        shown.WindowCenterWidthExplanation = "Black to white"
    return shown


def _unsigned(level: float, grayscale: Grayscale) -> float:
    return grayscale.top - level if grayscale.inverted else level


def _add_windows(shown: Dataset, steps: Transformations, source: Dataset, grayscale: Grayscale) -> None:
    slope, intercept = steps.rescale or (1.0, 0.0)
    function = steps.windows[0].function
    # LINEAR is linear between center - 0.5 and in width - 1 (PS3.3, C.11.2.1.2.1), the other functions in both.
    half, one = (0.5, 1.0) if function == "LINEAR" else (0.0, 0.0)
    shown.WindowCenter = [
        _decimal((window.center - half - intercept) / slope + grayscale.offset + half) for window in steps.windows
    ]
    shown.WindowWidth = [_decimal((window.width - one) / abs(slope) + one) for window in steps.windows]
    if len(steps.windows) == len(values(source, "WindowWidth")):
        copy(source, shown, ["WindowCenterWidthExplanation"])
    if "VOILUTFunction" in source:
        shown.VOILUTFunction = function


def _decimal(value: float) -> str:
    """Return a Decimal String of 16 characters at most."""
    return f"{value:.10g}"


def _lut(steps: Transformations, voi: Window | Lut | None, grayscale: Grayscale) -> Dataset:
    """Return an item of VOI LUT Sequence with an entry of 16 bits for each stored value (PS3.3 C.8.11.3.1.5)."""
    bright = steps.shown(voi)
    if steps.inverted != grayscale.inverted:
        # An image for processing is brought to the polarity of presentation.
        bright = 1.0 - bright
    # MONOCHROME1 shows the derived image's curve inverted.
    curve = 1.0 - bright if grayscale.inverted else bright
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(curve) % 2**16, 0, 16])
    item.add_new("LUTData", "OW", np.rint(curve.clip(0.0, 1.0) * (2**16 - 1)).astype("<u2").tobytes())
    return item


def _with_explanation(lut: Dataset, source: Dataset) -> Dataset:
    copy(source, lut, ["LUTExplanation"])
    return lut
