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

"""Rows of joints that a batch takes along in a file: too many for a command line."""

import json
import time
import uuid
from pathlib import Path
from typing import Any

from scripts.errors import InputError
from serving.private_files import private_folder, write_private

KEPT = 24 * 3600.0
"""Seconds after which rows that no batch has taken are removed."""


class BatchRows:
    """Rows of batches that wait for their process.

    Args:
        folder: for them, of the server alone.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keep(self, rows: list[Any]) -> str:
        """Write rows, and return the name by which a batch takes them."""
        private_folder(self.folder)
        for path in self.folder.glob("*.json"):
            if time.time() - path.stat().st_mtime > KEPT:
                path.unlink(missing_ok=True)
        name = uuid.uuid4().hex
        write_private(self.folder / f"{name}.json", json.dumps(rows))
        return name

    def take(self, name: str) -> list[Any]:
        """Return rows, and remove their file.

        Raises:
            InputError: there are no such rows.
        """
        path = self.folder / f"{uuid.UUID(name).hex}.json"
        try:
            rows: list[Any] = json.loads(path.read_text())
        except FileNotFoundError as error:
            raise InputError("the rows of this batch are gone: start it anew") from error
        path.unlink(missing_ok=True)
        return rows
