"""Tests of a journal that version 0.7.0 has left."""

import json

from serving.database import Database
from serving.pacs.client import Instance, Pacs
from serving.pacs.entries import Entries
from serving.pacs.journal import Journal
from serving.pacs.old_entries import take_over


def test_what_a_former_version_left_unfinished_is_taken_over_once(tmp_path):
    new, old = ["1.2", "1.2.3", "1.2.3.4"], ["1.2", "1.2.3", "1.2.3.5"]
    entry = {"source": "1.9", "stored": True, "made": [new], "replaced": [old]}
    (tmp_path / "journal").mkdir()
    for number, more in enumerate(({}, {"rejected": True}, {"stored": False})):
        (tmp_path / "journal" / f"ab-{number}.json").write_text(json.dumps(entry | more))
    for _ in range(2):
        journal = Journal(Pacs("http://127.0.0.1:9/dicom-web"), tmp_path)
        found = [(each.source, each.rejected, each.gone) for each in journal.entries.find()]
        assert found == [
            ("1.9", False, (Instance(*old),)),
            ("1.9", True, (Instance(*old),)),
            ("1.9", False, (Instance(*new),)),
        ]
    assert not list((tmp_path / "journal").glob("*.json"))


def test_a_file_that_is_no_entry_is_passed_over_and_stays(tmp_path, caplog):
    entries = Entries(Database(tmp_path))
    broken = tmp_path / "journal" / "broken.json"
    for text in ("{", "[]", '{"source": "1.9"}'):
        broken.write_text(text)
        take_over(broken.parent, entries)
    assert (entries.find(), broken.exists()) == ([], True)
    assert "passed over broken.json: no entry of a journal" in caplog.text
