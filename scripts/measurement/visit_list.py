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

"""List that says which pictures are visits of the same joint."""

import csv
import io
from pathlib import Path

from scripts.errors import InputError

LIST = "visits.csv"
"""Where the visits of pictures are looked for in a folder of images, if nothing else is said."""


def read_visits(path: Path) -> dict[str, list[str]]:
    """Read the visits of pictures: ``subject`` and ``image``, in the order of time; other columns are passed over.

    Args:
        path: a CSV file; images are names of pictures.

    Returns:
        The images of each subject.

    Raises:
        InputError: no such file, a missing column, no visit, a row without a subject or an image, an image twice.
    """
    if not path.is_file():
        raise InputError(f"visits {path.name}: no such file; expected a CSV with the columns subject, image")
    try:
        table = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig")))
        rows, columns = list(table), table.fieldnames or ()
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"visits {path.name}: expected CSV in UTF-8, got other bytes") from error
    missing = [name for name in ("subject", "image") if name not in columns]
    if missing:
        raise InputError(f"visits {path.name}: expected the columns subject, image, got {', '.join(columns) or 'none'}")
    if not rows:
        raise InputError(f"visits {path.name}: expected visits, got none")
    found: dict[str, list[str]] = {}
    for number, row in enumerate(rows, start=2):
        subject, image = ((row[key] or "").strip() for key in ("subject", "image"))
        if not subject or not image:
            raise InputError(f"visits {path.name}, line {number}: expected a subject and an image, got {row}")
        if image in found.setdefault(subject, []):
            where = f"visits {path.name}, line {number}"
            raise InputError(f"{where}: expected each picture of {subject} once, got {image} again")
        found[subject].append(image)
    return found
