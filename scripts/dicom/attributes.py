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

"""Values of attributes in headers that may be broken."""

import math
import struct
from typing import Any

from pydicom import Dataset
from pydicom.errors import BytesLengthException

UNREADABLE = (
    *(ArithmeticError, AttributeError, LookupError, OSError, RuntimeError, TypeError, ValueError),
    *(BytesLengthException, EOFError, struct.error),
)
"""What pydicom raises when it is asked for something in a header that is broken."""


def number(value: Any) -> float | None:
    """Return a finite number; None if ``value`` is not one."""
    try:
        parsed = float(value)
    except (TypeError, ValueError):
        return None
    return parsed if math.isfinite(parsed) else None


def values(dataset: Dataset, keyword: str) -> list[Any]:
    """Return the values of an attribute as a list; empty if it is absent, empty or cannot be parsed."""
    try:
        value = dataset.get(keyword)
    except UNREADABLE:
        return []
    if value is None or value == "":
        return []
    return list(value) if isinstance(value, (list, tuple)) or hasattr(value, "append") else [value]


def is_big_endian(dataset: Dataset) -> bool:
    """Return whether a dataset was read from big endian, in which pydicom leaves bytes of words as they are."""
    return dataset.original_encoding[1] is False


def words(dataset: Dataset, keyword: str, big_endian: bool = False) -> list[int]:
    """Return 16-bit values as unsigned, whichever VR they are written in; empty if there are none.

    Args:
        dataset: the header.
        keyword: of an attribute that is US or SS by another one, which its writer may not have looked at.
        big_endian: byte order, for a VR of bytes.
    """
    found = values(dataset, keyword)
    if len(found) == 1 and isinstance(found[0], bytes):
        data = found[0]
        order = "big" if big_endian else "little"
        return [int.from_bytes(data[at : at + 2], order) for at in range(0, len(data) - 1, 2)]  # type: ignore[arg-type]
    numbers = [number(value) for value in found]
    return [int(value) % 2**16 for value in numbers if value is not None] if None not in numbers else []


def in_range(word: int, low: float, high: float, *, signed: bool) -> int:
    """Return the value that an unsigned 16-bit word stands for: as it is, or negative.

    Args:
        word: 0..65535.
        low, high: range that the value lies in; the other reading is taken if it alone lies there.
        signed: whether the values that it belongs to are.

    Source:
        DICOM PS3.3 C.7.5.1.1.2 (Pixel Padding Value), C.11.1.1.1 and C.11.2.1.1 (second value of LUT Descriptor).
    """
    negative = word - 2**16 if word >= 2**15 else word
    first, second = (negative, word) if signed else (word, negative)
    return first if low <= first <= high or not low <= second <= high else second
