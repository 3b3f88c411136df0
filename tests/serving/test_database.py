"""Tests of the database of a state folder: private, shared by processes, whole or not at all."""

import errno
import os
import sqlite3
import stat
import subprocess
import sys

import pytest

from scripts.errors import InputError
from serving.database import VERSION, Database
from tests.serving.conftest import ROOT

ADD = "INSERT INTO entries (source) VALUES (?)"


def sources(database):
    return [row["source"] for row in database.rows("SELECT source FROM entries ORDER BY id")]


def test_its_files_are_for_their_owner_alone_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        database = Database(tmp_path)
        with database.writing() as connection:
            connection.execute(ADD, ("1.2",))
    finally:
        os.umask(before)
    files = list(database.path.parent.iterdir())
    assert {"journal.sqlite", "journal.sqlite-wal"} <= {path.name for path in files}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE(database.path.parent.stat().st_mode) == 0o700


def test_what_is_committed_is_on_the_disk_before_it_goes_on(tmp_path):
    database = Database(tmp_path)
    assert database.rows("PRAGMA journal_mode")[0][0] == "wal"
    assert database.rows("PRAGMA synchronous")[0][0] == 2


def test_a_write_that_fails_in_its_middle_leaves_nothing(tmp_path):
    database = Database(tmp_path)
    with pytest.raises(sqlite3.ProgrammingError), database.writing() as connection:
        connection.executemany(ADD, [("1.2",), ()])
    assert sources(database) == []


def test_processes_write_at_once_and_nothing_is_lost(tmp_path):
    code = (
        "import sys; from pathlib import Path; from serving.database import Database\n"
        "database = Database(Path(sys.argv[1]))\n"
        "for number in range(50):\n"
        "    with database.writing() as connection:\n"
        f"        connection.execute({ADD!r}, (sys.argv[2],))\n"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, tmp_path, name], cwd=ROOT) for name in "abc"]
    assert [process.wait() for process in running] == [0, 0, 0]
    assert sorted(sources(Database(tmp_path))) == [name for name in "abc" for _ in range(50)]


def test_a_journal_of_a_newer_version_is_refused(tmp_path):
    database = Database(tmp_path)
    database.close()
    with sqlite3.connect(database.path) as connection:
        connection.execute(f"PRAGMA user_version={VERSION + 1}")
    connection.close()
    with pytest.raises(InputError, match=f"expected a journal of version {VERSION} at most, got {VERSION + 1}"):
        Database(tmp_path)


def test_a_file_that_is_no_database_is_refused(tmp_path):
    (tmp_path / "journal").mkdir()
    (tmp_path / "journal" / "journal.sqlite").write_bytes(b"something else" * 100)
    with pytest.raises(InputError, match="expected a journal of this software, got another or a broken file"):
        Database(tmp_path)


def test_a_full_disk_is_told_as_the_system_tells_it(tmp_path):
    database = Database(tmp_path)
    pages = database.rows("PRAGMA page_count")[0][0]
    database.rows(f"PRAGMA max_page_count={pages}")
    with pytest.raises(OSError, match="No space left on device") as caught, database.writing() as connection:
        connection.execute(ADD, ("1" * 10_000,))
    assert caught.value.errno == errno.ENOSPC
    database.rows(f"PRAGMA max_page_count={pages + 100}")
    with database.writing() as connection:
        connection.execute(ADD, ("1.2",))
    assert sources(database) == ["1.2"]
