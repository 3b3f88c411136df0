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

"""DICOM's JSON (PS3.18, F), as a PACS answers in it."""

import logging
from collections.abc import Iterator
from typing import Any

from pydicom import Dataset

logger = logging.getLogger(__name__)


def headers_of(found: list[dict[str, Any]]) -> Iterator[Dataset]:
    """Yield the headers that DICOM's JSON describes; one that cannot be read is passed over."""
    for item in found:
        try:
            # Pixel data are addresses (BulkDataURI), which are not needed here.
            header = Dataset.from_json({tag: value for tag, value in item.items() if "BulkDataURI" not in value})
            uid = header.SOPInstanceUID
        except Exception as error:
            logger.warning("passed over a header that cannot be read (%s)", type(error).__name__)
            continue
        if uid:
            yield header


def text_of(item: dict[str, Any], tag: str) -> str:
    """Return the first value of an attribute as text; empty if there is none."""
    return str((item.get(tag, {}).get("Value") or [""])[0])
