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

"""Limit of what pydicom inflates: a deflated file of 1 MB can take gigabytes.

pydicom inflates a deflated dataset as a whole, wherever it is read: by us, or by a client of DICOMweb that knows no
limit. So the limit is set in pydicom itself, when this package is imported.
"""

import zlib
from types import SimpleNamespace

from pydicom import filereader

from scripts.errors import InputError

LARGEST_INFLATED = 192 * 2**20
"""Bytes of a dataset when it is inflated: the pixels of the largest image, and half as much."""

_PIECE = 2**20


def inflate(deflated: bytes, wbits: int = -zlib.MAX_WBITS) -> bytes:
    """Inflate bytes as :func:`zlib.decompress` does, up to :data:`LARGEST_INFLATED`.

    Raises:
        InputError: they inflate to more; no memory is taken for them before that is known.
        zlib.error: they are broken.
    """
    inflater, size, rest = zlib.decompressobj(wbits), 0, deflated
    while rest and not inflater.eof:
        size += len(inflater.decompress(rest, _PIECE))
        rest = inflater.unconsumed_tail
        if size > LARGEST_INFLATED:
            raise InputError(f"inflates to over {LARGEST_INFLATED:,} bytes")
    return zlib.decompress(deflated, wbits, max(size, 1))


def limit_inflation() -> None:
    """Let pydicom inflate by :func:`inflate`."""
    filereader.zlib = SimpleNamespace(decompress=inflate, MAX_WBITS=zlib.MAX_WBITS, error=zlib.error)  # type: ignore
