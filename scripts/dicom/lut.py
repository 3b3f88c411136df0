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

"""Lookup tables of a header: Modality, VOI and Presentation LUT, in all the ways in which their entries are written."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from pydicom import Dataset

from scripts.dicom.attributes import UNREADABLE, in_range, values, words


@dataclass(frozen=True, eq=False)
class Lut:
    """One lookup table.

    Attributes:
        first: value that the first entry is for; smaller values have it too, and larger ones the last entry.
        entries: int64, 0..top.
        bits: of an entry.
    """

    first: int
    entries: np.ndarray
    bits: int

    @property
    def top(self) -> int:
        """The largest value that an entry can hold, e.g. 4095."""
        return 2**self.bits - 1

    @property
    def last(self) -> int:
        """Value that the last entry is for."""
        return self.first + len(self.entries) - 1

    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        """Return the entries, int64, of numbers, which are rounded."""
        index = np.rint(np.asarray(inputs, np.float64)) - self.first
        return self.entries[index.clip(0, len(self.entries) - 1).astype(np.int64)]

    @property
    def used(self) -> tuple[float, float]:
        """First and last value between which the entries still change."""
        changes = np.flatnonzero(np.diff(self.entries))
        return self.first + float(changes[0]), self.first + float(changes[-1]) + 1


def read_lut(item: Dataset, low: float, high: float, *, big_endian: bool = False) -> Lut | None:
    """Read the table of an item of a LUT sequence; nothing if it cannot be read or tells nothing apart.

    Entries have a word each, or are packed two a word where they have 8 bits: the length of the data tells. The second
    value of the descriptor is signed if the values that come in are, whatever its VR.

    Args:
        item: with LUT Descriptor and LUT Data.
        low, high: range of the values that come in.
        big_endian: byte order of data that are bytes.

    Source:
        DICOM PS3.3 C.11.1.1.1 (Modality LUT), C.11.2.1.1 (VOI LUT).
    """
    try:
        descriptor = words(item, "LUTDescriptor", big_endian)
        if len(descriptor) != 3 or not 1 <= descriptor[2] <= 16:
            return None
        entries, first, bits = descriptor[0] or 2**16, descriptor[1], descriptor[2]
        table, bits = _table(item.get("LUTData"), entries, bits, big_endian)
    except UNREADABLE:
        return None
    if len(table) < 2 or table.min() == table.max():
        return None
    return Lut(in_range(first, low - entries + 1, high, signed=low < 0), table, bits)


def read_luts(dataset: Dataset, keyword: str, low: float, high: float, *, big_endian: bool = False) -> list[Lut | None]:
    """Return the tables of a sequence, see :func:`read_lut`."""
    items = values(dataset, keyword)
    return [read_lut(item, low, high, big_endian=big_endian) for item in items if isinstance(item, Dataset)]


def _table(data: Any, entries: int, bits: int, big_endian: bool) -> tuple[np.ndarray, int]:
    """Return the entries, int64, and their bits.

    Raises:
        ValueError: there are not as many as the descriptor says.
    """
    if isinstance(data, bytes):
        data = np.frombuffer(data + b"\0" * (len(data) % 2), ">u2" if big_endian else "<u2")
    table = np.atleast_1d(np.asarray([] if data is None else data, np.int64) % 2**16)
    if len(table) >= entries:
        # Of entries of 8 bits with a word each, the upper half may hold anything.
        table = table[:entries] & (0xFF if bits <= 8 else 0xFFFF)
    elif len(table) == (entries + 1) // 2 or (bits <= 8 and 2 * len(table) > entries):
        # Two a word, the first one in its lower half.
        table, bits = np.frombuffer(table.astype("<u2").tobytes()[:entries], np.uint8).astype(np.int64), 8
    else:
        raise ValueError(f"expected {entries} entries, got {len(table)}")
    return table, max(bits, int(table.max()).bit_length())
