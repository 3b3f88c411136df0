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

"""Journal on disk, by which results are stored in the PACS as a whole or not at all, also after a crash."""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

from filelock import FileLock, Timeout
from pydicom import Dataset

from serving.database import Database
from serving.pacs.client import Instance, Pacs
from serving.pacs.entries import Entries, Entry
from serving.pacs.errors import NotInPacsError, PacsAwayError, RemovalRefusedError
from serving.pacs.old_entries import take_over
from serving.pacs.rejection_note import rejection_note
from serving.private_files import private_folder

logger = logging.getLogger(__name__)

PAUSES = (0.3, 1.0)
"""Seconds before a failed store is tried again."""

PATIENCE = 120.0
"""Seconds to wait for other requests on the same radiograph."""


class BusyError(RuntimeError):
    """Error for a radiograph, or a training, that another request is working on."""


class Journal:
    """Journal of the objects that are being stored and deleted in a PACS, so that no result stays there in part.

    An entry is written before anything is sent. After a crash the entry tells how to go on: a result that was not
    stored as a whole is deleted; of one that was, the replaced objects are deleted.

    Args:
        pacs: stores the objects.
        folder: for the journal and the locks, the same for all processes that serve this PACS.
    """

    def __init__(self, pacs: Pacs, folder: Path) -> None:
        self.pacs = pacs
        self.locks = private_folder(folder / "locks")
        self.database = Database(folder)
        self.entries = Entries(self.database)
        take_over(folder / "journal", self.entries)

    @contextmanager
    def alone(self, source: str, patience: float = PATIENCE) -> Iterator[None]:
        """Lock a radiograph, for all processes.

        Args:
            source: SOP Instance UID of the radiograph.
            patience: seconds to wait.

        Raises:
            BusyError: another request holds the lock for longer.
        """
        try:
            with FileLock(self.locks / _name(source), timeout=patience):
                yield
        except Timeout as error:
            raise BusyError(f"image {source}: another request is working on it; try again") from error

    def store(self, source: str, objects: Sequence[Dataset], replaced: Sequence[Instance]) -> None:
        """Store objects that are not in the PACS yet, then delete those that they replace, within :meth:`alone`.

        Args:
            source: SOP Instance UID of the radiograph.
            objects: of one result.
            replaced: objects in the PACS to delete.

        Raises:
            PacsAwayError: the objects could not be stored; none of them stays.
            OSError: the journal cannot be written; nothing was sent.
        """
        entry = self.entries.add(source, [instance_of(each) for each in objects], replaced)
        try:
            self._send(objects)
        except PacsAwayError as error:
            self._settle(source, entry)
            raise PacsAwayError(f"the result could not be stored, no part of it is kept: {error}") from error
        self.entries.mark_stored(entry)
        self._settle(source, entry)

    def _send(self, objects: Sequence[Dataset]) -> None:
        """Store objects, with pauses and new attempts after a failure."""
        for pause in (*PAUSES, None):
            try:
                return self.pacs.store(objects)
            except PacsAwayError:
                if pause is None:
                    raise
                time.sleep(pause)

    def recover(self) -> None:
        """Finish or undo the entries that a crash has left, except of radiographs that are locked."""
        for source in dict.fromkeys(entry.source for entry in self.entries.find()):
            try:
                with self.alone(source, patience=0):
                    self.left_over(source)
            except (BusyError, OSError):
                continue

    def left_over(self, source: str) -> set[str]:
        """Finish or undo the entries that a crash has left of a radiograph, within :meth:`alone`.

        Returns:
            SOP Instance UIDs of objects that could not be deleted.
        """
        for entry in self.entries.find(source):
            self._settle(source, entry.id)
        return {instance.sop for entry in self.entries.find(source) for instance in entry.gone}

    def gone(self) -> set[str]:
        """Return the SOP Instance UIDs of all objects that are to be deleted, or belong to an incomplete result."""
        return {instance.sop for entry in self.entries.find() for instance in entry.gone}

    def _settle(self, source: str, number: int) -> None:
        """Delete the objects that an entry tells to delete, then the entry; keep the entry if that fails."""
        for entry in self.entries.find(source):
            if entry.id != number or entry.rejected:
                continue
            try:
                self.pacs.remove(entry.gone)
            except RemovalRefusedError:
                self._reject(entry)
            except PacsAwayError as error:
                logger.warning("a journal entry is left for later: %s", error)
            else:
                self.entries.remove(entry.id)

    def _reject(self, entry: Entry) -> None:
        """Store a note that rejects what the PACS does not let out; the entry stays, so that this counts no more."""
        objects = []
        try:
            for instance in entry.gone:
                with suppress(NotInPacsError):
                    objects.append(self.pacs.fetch(instance))
            if objects:
                self.pacs.store([rejection_note(objects)])
        except PacsAwayError as error:
            logger.warning("a rejection note is left for later: %s", error)
            return
        self.entries.mark_rejected(entry.id)


def instance_of(dataset: Dataset) -> Instance:
    """Return the identity of an object."""
    return Instance(str(dataset.StudyInstanceUID), str(dataset.SeriesInstanceUID), str(dataset.SOPInstanceUID))


def _name(source: str) -> str:
    return sha256(source.encode()).hexdigest()[:32]
