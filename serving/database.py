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

"""Database of a state folder: SQLite with a write-ahead log, for all processes that share the folder."""

import errno
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock

from scripts.errors import InputError
from serving.private_files import private_folder

VERSION = 1
"""Version of the schema, SQLite's ``user_version``."""

SCHEMA = """
CREATE TABLE entries (id INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL, stored INTEGER NOT NULL DEFAULT 0,
    rejected INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE INDEX entries_of_source ON entries (source);
CREATE TABLE entry_objects (entry INTEGER NOT NULL REFERENCES entries (id) ON DELETE CASCADE, made INTEGER NOT NULL,
    study TEXT NOT NULL, series TEXT NOT NULL, sop TEXT NOT NULL) STRICT;
CREATE INDEX objects_of_entry ON entry_objects (entry);
CREATE TABLE received (sop TEXT PRIMARY KEY, study TEXT NOT NULL, sha256 TEXT NOT NULL, file TEXT NOT NULL,
    state TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '', attempts INTEGER NOT NULL DEFAULT 0,
    due REAL NOT NULL DEFAULT 0, results INTEGER NOT NULL DEFAULT 0, changed REAL NOT NULL) STRICT;
CREATE INDEX received_by_state ON received (state, due);
CREATE INDEX received_by_time ON received (changed);
"""

PATIENCE = 60.0
"""Seconds to wait for another process that writes."""

PAGES = 64
"""Pages of 4 KiB after which the write-ahead log goes into the database: both stay small on a small disk."""

FULL = "No space left on device"


class Database:
    """Connection to the database of a state folder; threads share it, each process has its own.

    What was committed is on the disk, also after a power cut. The file is for its owner alone.

    Args:
        state: the folder.

    Raises:
        InputError: the database is of a newer version, or not one of this software.
        OSError: it cannot be read or written.
    """

    def __init__(self, state: Path) -> None:
        self.path = private_folder(state / "journal") / "journal.sqlite"
        self._lock = threading.RLock()
        # The first change to a write-ahead log waits for nobody, whatever the timeout.
        with FileLock(self.path.with_suffix(".lock"), timeout=PATIENCE, mode=0o600), _failures(self.path):
            if not self.path.exists():
                # Only then: whoever closes a file loses all locks that this process has on it.
                os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o600))
            self._connection = sqlite3.connect(
                self.path, timeout=PATIENCE, isolation_level=None, check_same_thread=False
            )
            self._connection.row_factory = sqlite3.Row
            for setting in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"wal_autocheckpoint={PAGES}"):
                self._connection.execute(f"PRAGMA {setting}")
            self._prepare()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Write as a whole or not at all; what is yielded has begun a transaction, which is committed at the end.

        Raises:
            OSError: it cannot be written, for one because the disk is full; nothing of it is.
        """
        with self._lock, _failures(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                # SQLite has ended the transaction itself where the disk is full.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """Return all rows of a query.

        Raises:
            OSError: it cannot be read.
        """
        with self._lock, _failures(self.path):
            return self._connection.execute(query, values).fetchall()

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._connection.close()

    def _prepare(self) -> None:
        """Make the tables of a new database; refuse one that this version does not know."""
        with self.writing() as connection:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version > VERSION:
                raise InputError(f"{self.path}: expected a journal of version {VERSION} at most, got {version}")
            if version == 0:
                for statement in filter(str.strip, SCHEMA.split(";")):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version={VERSION}")


@contextmanager
def _failures(path: Path) -> Iterator[None]:
    """Raise SQLite's failures to read and write as those of the system, as which the server answers them."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_NOTADB or code == sqlite3.SQLITE_CORRUPT:
            raise InputError(f"{path}: expected a journal of this software, got another or a broken file") from error
        if code == sqlite3.SQLITE_FULL:
            raise OSError(errno.ENOSPC, FULL) from error
        if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
            raise OSError(errno.EROFS, "the journal cannot be written") from error
        if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_BUSY):
            raise OSError(errno.EIO, "the journal cannot be read or written") from error
        raise
