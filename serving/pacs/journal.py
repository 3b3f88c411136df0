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

"""All of a result in the PACS, or nothing: a journal on disk that outlives a crash of the server or of the PACS."""

import json
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from filelock import FileLock, Timeout
from pydicom import Dataset

from scripts.files import write_durably
from serving.pacs.client import Instance, Pacs, PacsAwayError

logger = logging.getLogger(__name__)

PAUSES = (0.3, 1.0)
"""Seconds before a failed store is tried again."""

PATIENCE = 120.0
"""Seconds to wait for another request on the same radiograph."""


class BusyError(RuntimeError):
    """Somebody else is at work on the same radiograph."""


class Journal:
    """Stores objects and takes out those that they replace, so that no part of a result stays alone.

    What is about to be stored is written down first. What a crash leaves behind is undone at the next contact: a result
    that was not stored as a whole is taken out, one that was stored loses what it replaced.

    Args:
        pacs: where objects go.
        folder: for the journal and the locks, the same for all processes that serve this PACS.
    """

    def __init__(self, pacs: Pacs, folder: Path) -> None:
        self.pacs = pacs
        self.folder = folder
        (folder / "locks").mkdir(parents=True, exist_ok=True)
        (folder / "journal").mkdir(exist_ok=True)

    @contextmanager
    def alone(self, source: str, patience: float = PATIENCE) -> Iterator[None]:
        """One request at a time on a radiograph, in all processes.

        Args:
            source: SOP Instance UID of the radiograph.
            patience: seconds to wait.

        Raises:
            BusyError: it took longer.
        """
        try:
            with FileLock(self.folder / "locks" / _name(source), timeout=patience):
                yield
        except Timeout as error:
            raise BusyError(f"image {source}: another request is at work on it; try again") from error

    def store(self, source: str, objects: Sequence[Dataset], replaced: Sequence[Instance]) -> None:
        """Store objects that are not in the PACS yet, then take out others; call it within :meth:`alone`.

        Args:
            source: SOP Instance UID of the radiograph.
            objects: of one result.
            replaced: what is in the PACS and goes.

        Raises:
            PacsAwayError: the objects could not be stored; no part of them stays.
            OSError: the journal cannot be written; nothing was sent.
        """
        path = self.folder / "journal" / f"{_name(source)}-{time.time_ns()}.json"
        made = [instance_of(each) for each in objects]
        entry = {"source": source, "stored": False, "made": made, "replaced": list(replaced)}
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
        for pause in (*PAUSES, None):
            try:
                return self.pacs.store(objects)
            except PacsAwayError:
                if pause is None:
                    raise
                time.sleep(pause)

    def recover(self) -> None:
        """Finish or undo what a crash has left, as far as the PACS answers and nobody is at work on it."""
        for path in self._entries():
            try:
                source = json.loads(path.read_text())["source"]
                with self.alone(source, patience=0):
                    self.left_over(source)
            except (BusyError, OSError):
                continue

    def left_over(self, source: str) -> set[str]:
        """Finish or undo what a crash has left of the results of a radiograph; call it within :meth:`alone`.

        Returns:
            SOP Instance UIDs of what should be gone, but is not: the PACS lets nobody take objects out.
        """
        gone: set[str] = set()
        for path in self._entries(source):
            self._settle(path)
            gone |= {where.sop for where in _gone(path)}
        return gone

    def gone(self) -> set[str]:
        """SOP Instance UIDs of all that should be gone, or is not there as a whole yet, of all radiographs."""
        return {where.sop for path in self._entries() for where in _gone(path)}

    def _entries(self, source: str = "") -> list[Path]:
        return sorted((self.folder / "journal").glob(f"{_name(source)}-*.json" if source else "*.json"))

    def _settle(self, path: Path) -> None:
        """Bring the PACS to one of the two states that an entry allows; keep the entry if that fails."""
        try:
            self.pacs.remove(_gone(path))
        except PacsAwayError as error:
            logger.warning("left for later: %s", error)
            return
        path.unlink(missing_ok=True)


def instance_of(dataset: Dataset) -> Instance:
    """Where an object belongs."""
    return Instance(str(dataset.StudyInstanceUID), str(dataset.SeriesInstanceUID), str(dataset.SOPInstanceUID))


def _gone(path: Path) -> list[Instance]:
    """What an entry wants out of the PACS."""
    try:
        entry = json.loads(path.read_text())
    except FileNotFoundError:
        return []
    return [Instance(*where) for where in entry["replaced" if entry["stored"] else "made"]]


def _name(source: str) -> str:
    return sha256(source.encode()).hexdigest()[:32]


def _write(path: Path, entry: dict) -> None:
    """Write an entry."""
    plain = {**entry, **{key: [list(vars(where).values()) for where in entry[key]] for key in ("made", "replaced")}}
    write_durably(path, json.dumps(plain).encode())
