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

"""A radiograph in: a DICOM file -> its pixels as levels, its spacing and its header, checked; refusals by name."""

from dataclasses import dataclass

import numpy as np
from pydicom import Dataset

from scripts.dicom.grayscale import Grayscale


@dataclass(frozen=True)
class Radiograph:
    """One DICOM radiograph.

    Attributes:
        dataset: the header, all of it but Pixel Data, with its File Meta Information.
        levels: (rows, columns) int32, 0..2**bits_stored - 1, bright = more attenuation, see :class:`Grayscale`.
        grayscale: how levels, stored values and gray levels belong together.
        spacing: mm between the centres of pixels, row spacing (down), column spacing (across), as DICOM orders them.
        spacing_from: keyword of the attribute that ``spacing`` comes from; empty if none has it and a default is taken.
        sha256: of the file's bytes.
        notes: what a reader of the result should know of the source.
    """

    dataset: Dataset
    levels: np.ndarray
    grayscale: Grayscale
    spacing: tuple[float, float]
    spacing_from: str
    sha256: str
    notes: tuple[str, ...]
