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

"""Pictures without a hand: the test images that pydicom and scikit-image bring along."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom.data
import skimage.data
import torch
from pydicom import dcmread
from skimage.color import rgb2gray
from skimage.io import imread

from scripts.dicom.header import quiet

SUFFIXES = (".png", ".jpg", ".tif", ".gif")
SMALLEST = 64
"""Side of a picture that is looked at, px."""


def pictures_without_hands() -> Iterator[tuple[str, torch.Tensor]]:
    """Yield name and gray levels (rows, columns), 0..1, of each picture; one that cannot be decoded is passed over."""
    for path in sorted(Path(skimage.data.__file__).parent.iterdir()):
        if path.suffix in SUFFIXES:
            yield from _gray(path.name, imread(path))
    for path in sorted((Path(pydicom.data.__file__).parent / "test_files").glob("*.dcm")):
        try:
            with quiet():
                pixels = dcmread(path).pixel_array
        except Exception:  # some of these files are broken on purpose
            continue
        yield from _gray(path.name, pixels)


def _gray(name: str, pixels: np.ndarray) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield the first plane of a picture, if it is large enough to be looked at."""
    values = np.asarray(pixels, dtype=np.float64)
    while values.ndim > 2:
        values = rgb2gray(values[..., :3]) if values.ndim == 3 and values.shape[-1] in (3, 4) else values[0]
    span = float(np.ptp(values))
    if min(values.shape) >= SMALLEST and span > 0:
        yield name, torch.from_numpy((values - values.min()) / span).float()
