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

"""Spool: the files of received objects and of their results, until these are sent."""

import shutil
from collections.abc import Collection, Sequence
from pathlib import Path

from pydicom import Dataset, dcmread

from serving.pacs.client import encode
from serving.private_files import private_folder, write_private_durably


class Spool:
    """Folder of received objects and of their results, for its owner alone.

    Args:
        folder: of the node alone; created if it is missing.
    """

    def __init__(self, folder: Path) -> None:
        private_folder(folder)
        self.sources = private_folder(folder / "received")
        self.derived = private_folder(folder / "results")

    def path(self, name: str) -> Path:
        """Return the file of a received object."""
        return self.sources / name

    def keep(self, name: str, content: bytes) -> None:
        """Write a received object, down to the disk.

        Raises:
            OSError: it cannot be written; nothing of it stays.
        """
        write_private_durably(self.path(name), content)

    def keep_results(self, name: str, objects: Sequence[Dataset]) -> None:
        """Write the results of a received object, down to the disk, in the place of former ones.

        Raises:
            OSError: they cannot be written; nothing of them stays.
        """
        folder = self.derived / name
        shutil.rmtree(folder, ignore_errors=True)
        private_folder(folder)
        try:
            for number, each in enumerate(objects):
                write_private_durably(folder / f"{number:03d}.dcm", encode(each))
        except OSError:
            # A full disk has room again, for the journal at least.
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def results(self, name: str) -> list[Dataset]:
        """Return the results of a received object, in their order; none if there are none."""
        return [dcmread(path) for path in sorted((self.derived / name).glob("*.dcm"))]

    def remove(self, name: str) -> None:
        """Remove all that there is of a received object."""
        self.path(name).unlink(missing_ok=True)
        shutil.rmtree(self.derived / name, ignore_errors=True)

    def sweep(self, kept: Collection[str]) -> None:
        """Remove what a crash has left: all but the objects of these names."""
        for path in (*self.sources.iterdir(), *self.derived.iterdir()):
            if path.name not in kept:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
