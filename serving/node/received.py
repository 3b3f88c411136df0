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

"""Objects that the node has received, in the journal: how far each of them is."""

import time
from collections.abc import Collection
from dataclasses import dataclass

from serving.database import Database

RECEIVED, SEPARATED, SENT, LEFT, FAILED = STATES = ("received", "separated", "sent", "left alone", "failed")
"""States of an object: to be looked at; results to be sent; done; not for this software; cannot be used."""


@dataclass(frozen=True)
class Received:
    """One object.

    Attributes:
        sop: its SOP Instance UID.
        study: its Study Instance UID.
        sha256: of the bytes of its data set.
        file: its name in the spool.
        state: of :data:`STATES`.
        reason: why it is left alone, has failed, or waits.
        attempts: how often its state was tried to be left, without success.
        due: when to try next, seconds since 1970.
        results: number of objects derived from it.
        changed: when its state changed, seconds since 1970.
    """

    sop: str
    study: str
    sha256: str
    file: str
    state: str = RECEIVED
    reason: str = ""
    attempts: int = 0
    due: float = 0.0
    results: int = 0
    changed: float = 0.0


class ReceivedObjects:
    """Table of all objects that the node has received.

    Args:
        database: of the state folder.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    def find(self, sop: str) -> Received | None:
        """Return an object by its SOP Instance UID."""
        rows = self.database.rows("SELECT * FROM received WHERE sop = ?", (sop,))
        return Received(**rows[0]) if rows else None

    def put(self, new: Received) -> None:
        """Add an object, in the place of a former one of the same UID.

        Raises:
            OSError: it cannot be written.
        """
        with self.database.writing() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO received VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                tuple((vars(new) | {"changed": time.time()}).values()),
            )

    def change(
        self, row: Received, state: str, *, reason: str = "", attempts: int = 0, due: float = 0.0, results: int = 0
    ) -> bool:
        """Change the state of an object, unless it has arrived anew meanwhile, with other bytes.

        Returns:
            Whether it was changed.
        """
        with self.database.writing() as connection:
            changed = connection.execute(
                "UPDATE received SET state = ?, reason = ?, attempts = ?, due = ?, results = ?, changed = ? "
                "WHERE sop = ? AND sha256 = ?",
                (state, reason, attempts, due, results, time.time(), row.sop, row.sha256),
            )
            return changed.rowcount == 1

    def next(self, state: str, waiting: Collection[str] = ()) -> Received | None:
        """Return the object of a state that is due first, if one is due now.

        Args:
            state: of :data:`STATES`.
            waiting: studies that are passed over.
        """
        marks = ", ".join("?" * len(waiting))
        rows = self.database.rows(
            f"SELECT * FROM received WHERE state = ? AND due <= ? AND study NOT IN ({marks}) "
            "ORDER BY due, changed LIMIT 1",
            (state, time.time(), *waiting),
        )
        return Received(**rows[0]) if rows else None

    def hasten(self, state: str, reason: str) -> None:
        """Let all objects be due now that wait for a reason which is no more."""
        with self.database.writing() as connection:
            connection.execute("UPDATE received SET due = 0 WHERE state = ? AND reason = ?", (state, reason))

    def counts(self) -> dict[str, int]:
        """Return the number of objects of each state."""
        rows = self.database.rows("SELECT state, count(*) AS number FROM received GROUP BY state")
        return dict.fromkeys(STATES, 0) | {row["state"]: row["number"] for row in rows}

    def last(self, number: int) -> list[Received]:
        """Return the objects that have changed last, the latest first."""
        rows = self.database.rows("SELECT * FROM received ORDER BY changed DESC LIMIT ?", (number,))
        return [Received(**row) for row in rows]

    def files(self) -> set[str]:
        """Return the names in the spool of all objects that are not done with."""
        rows = self.database.rows("SELECT file FROM received WHERE state IN (?, ?)", (RECEIVED, SEPARATED))
        return {row["file"] for row in rows}
