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

"""Entries of the journal: objects that are being stored in a PACS, and those that they replace."""

from collections.abc import Sequence
from dataclasses import dataclass

from serving.database import Database
from serving.pacs.client import Instance


@dataclass(frozen=True)
class Entry:
    """One store that has not ended.

    Attributes:
        id: of the entry; a later one has a larger number.
        source: SOP Instance UID of the radiograph.
        stored: True as soon as all new objects are in the PACS.
        rejected: True if a note rejects the objects to delete: the PACS does not let them out, and knows it.
        gone: objects to delete: the new ones until all of them are stored, then those that they replace.
    """

    id: int
    source: str
    stored: bool
    rejected: bool
    gone: tuple[Instance, ...]


class Entries:
    """Entries of the journal in a database.

    Args:
        database: of the state folder.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    def add(
        self,
        source: str,
        made: Sequence[Instance],
        replaced: Sequence[Instance],
        *,
        stored: bool = False,
        rejected: bool = False,
    ) -> int:
        """Add an entry, before anything is sent; return its id.

        Raises:
            OSError: it cannot be written.
        """
        with self.database.writing() as connection:
            added = connection.execute(
                "INSERT INTO entries (source, stored, rejected) VALUES (?, ?, ?)", (source, stored, rejected)
            )
            connection.executemany(
                "INSERT INTO entry_objects VALUES (?, ?, ?, ?, ?)",
                [
                    (added.lastrowid, kind, each.study, each.series, each.sop)
                    for kind, objects in ((1, made), (0, replaced))
                    for each in objects
                ],
            )
            return int(added.lastrowid or 0)

    def mark_stored(self, entry: int) -> None:
        """Note that all new objects of an entry are in the PACS."""
        with self.database.writing() as connection:
            connection.execute("UPDATE entries SET stored = 1 WHERE id = ?", (entry,))

    def mark_rejected(self, entry: int) -> None:
        """Note that the objects to delete are rejected by a note."""
        with self.database.writing() as connection:
            connection.execute("UPDATE entries SET rejected = 1 WHERE id = ?", (entry,))

    def remove(self, entry: int) -> None:
        """Remove an entry of which nothing is left to do."""
        with self.database.writing() as connection:
            connection.execute("DELETE FROM entries WHERE id = ?", (entry,))

    def find(self, source: str = "") -> list[Entry]:
        """Return the entries of a radiograph, or all of them, in their order."""
        rows = self.database.rows(
            "SELECT entries.*, study, series, sop FROM entries "
            "LEFT JOIN entry_objects ON entry = id AND made != stored "
            "WHERE source = ? OR ? = '' ORDER BY id",
            (source, source),
        )
        gone: dict[int, list[Instance]] = {}
        for row in rows:
            objects = gone.setdefault(row["id"], [])
            if row["sop"] is not None:
                objects.append(Instance(row["study"], row["series"], row["sop"]))
        entries = {
            row["id"]: Entry(
                row["id"], row["source"], bool(row["stored"]), bool(row["rejected"]), tuple(gone[row["id"]])
            )
            for row in rows
        }
        return list(entries.values())
