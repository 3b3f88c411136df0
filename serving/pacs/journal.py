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

import json
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

from filelock import FileLock, Timeout
from pydicom import Dataset

from scripts.files import write_durably
from serving.pacs.client import Instance, Pacs
from serving.pacs.errors import NotInPacsError, PacsAwayError, RemovalRefusedError
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
        self.folder = folder
        for each in ("locks", "journal"):
            private_folder(folder / each)

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
            with FileLock(self.folder / "locks" / _name(source), timeout=patience):
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
        path = self.folder / "journal" / f"{_name(source)}-{time.time_ns()}.json"
        new = [instance_of(each) for each in objects]
        entry = {"source": source, "stored": False, "made": new, "replaced": list(replaced)}
        _write(path, entry)
        try:
            self._send(objects)
        except PacsAwayError as error:
            self._settle(path)
            raise PacsAwayError(f"the result could not be stored, no part of it is kept: {error}") from error
        entry["stored"] = True
        _write(path, entry)
        self._settle(path)

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
        for path in self._entries():
            try:
                source = json.loads(path.read_text())["source"]
                with self.alone(source, patience=0):
                    self.left_over(source)
            except (BusyError, OSError):
                continue

    def left_over(self, source: str) -> set[str]:
        """Finish or undo the entries that a crash has left of a radiograph, within :meth:`alone`.

        Returns:
            SOP Instance UIDs of objects that could not be deleted.
        """
        gone: set[str] = set()
        for path in self._entries(source):
            self._settle(path)
            gone |= {instance.sop for instance in _gone(path)}
        return gone

    def gone(self) -> set[str]:
        """Return the SOP Instance UIDs of all objects that are to be deleted, or belong to an incomplete result."""
        return {instance.sop for path in self._entries() for instance in _gone(path)}

    def _entries(self, source: str = "") -> list[Path]:
        return sorted((self.folder / "journal").glob(f"{_name(source)}-*.json" if source else "*.json"))

    def _settle(self, path: Path) -> None:
        """Delete the objects that an entry tells to delete, then the entry; keep the entry if that fails."""
        if _is_rejected(path):
            return
        try:
            self.pacs.remove(_gone(path))
        except RemovalRefusedError:
            self._reject(path)
            return
        except PacsAwayError as error:
            logger.warning("a journal entry is left for later: %s", error)
            return
        path.unlink(missing_ok=True)

    def _reject(self, path: Path) -> None:
        """Store a note that rejects what the PACS does not let out; the entry stays, so that this counts no more."""
        objects = []
        try:
            for instance in _gone(path):
                with suppress(NotInPacsError):
                    objects.append(self.pacs.fetch(instance))
            if objects:
                self.pacs.store([rejection_note(objects)])
        except PacsAwayError as error:
            logger.warning("a rejection note is left for later: %s", error)
            return
        write_durably(path, json.dumps({**json.loads(path.read_text()), "rejected": True}).encode())


def instance_of(dataset: Dataset) -> Instance:
    """Return the identity of an object."""
    return Instance(str(dataset.StudyInstanceUID), str(dataset.SeriesInstanceUID), str(dataset.SOPInstanceUID))


def _gone(path: Path) -> list[Instance]:
    """Return the objects that an entry tells to delete."""
    try:
        entry = json.loads(path.read_text())
    except FileNotFoundError:
        return []
    return [Instance(*where) for where in entry["replaced" if entry["stored"] else "made"]]


def _is_rejected(path: Path) -> bool:
    """Return whether a note rejects the objects of an entry: the PACS does not let them out, and knows it."""
    try:
        return bool(json.loads(path.read_text()).get("rejected"))
    except FileNotFoundError:
        return False


def _name(source: str) -> str:
    return sha256(source.encode()).hexdigest()[:32]


def _write(path: Path, entry: dict) -> None:
    """Write an entry, with instances as lists of UIDs."""
    plain = {
        **entry,
        **{key: [list(vars(instance).values()) for instance in entry[key]] for key in ("made", "replaced")},
    }
    write_durably(path, json.dumps(plain).encode())
