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

"""Pixel Padding Value and Pixel Padding Range Limit."""

from pydicom import Dataset

from scripts.dicom.attributes import in_range, is_big_endian, words


def padding_of(dataset: Dataset) -> tuple[int, int] | None:
    """Return the smallest and the largest stored value that mean padding; nothing if the header declares none.

    Both are read by the sign of the pixels, whichever VR they are written in: 63488 is -2048 where pixels are signed.

    Args:
        dataset: the header.

    Source:
        DICOM PS3.3 C.7.5.1.1.2 (Pixel Padding Value and Pixel Padding Range Limit).
    """
    value = words(dataset, "PixelPaddingValue", is_big_endian(dataset))
    limit = words(dataset, "PixelPaddingRangeLimit", is_big_endian(dataset))
    bits, signed = int(dataset.BitsStored), bool(dataset.PixelRepresentation)
    ends = [_stored(word, bits, signed) for word in (*value, *limit)]
    return (min(ends), max(ends)) if value else None


def _stored(word: int, bits: int, signed: bool) -> int:
    low = -(2 ** (bits - 1)) if signed else 0
    value = in_range(word, low, low + 2**bits - 1, signed=signed)
    # Written as the bits of a pixel, without those above the stored ones.
    return word - 2**bits if signed and value >= -low and word < 2**bits else value
