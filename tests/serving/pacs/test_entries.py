"""Tests of the entries of the journal: what an entry tells to delete, before and after its objects are stored."""

import pytest

from serving.database import Database
from serving.pacs.client import Instance
from serving.pacs.entries import Entries

NEW, OLD = (Instance("1.2", "1.2.3", sop) for sop in ("1.2.3.4", "1.2.3.5"))


@pytest.fixture
def entries(tmp_path):
    return Entries(Database(tmp_path))


def test_new_objects_go_until_all_are_stored_and_then_those_that_they_replace(entries):
    number = entries.add("1.9", [NEW], [OLD])
    assert [entry.gone for entry in entries.find("1.9")] == [(NEW,)]
    entries.mark_stored(number)
    assert [entry.gone for entry in entries.find("1.9")] == [(OLD,)]
    entries.remove(number)
    assert entries.find() == []


def test_an_entry_without_objects_to_delete_is_an_entry_all_the_same(entries):
    number = entries.add("1.9", [NEW], [])
    entries.mark_stored(number)
    assert [(entry.source, entry.gone) for entry in entries.find()] == [("1.9", ())]


def test_entries_of_other_images_are_not_found_and_all_come_in_their_order(entries):
    numbers = [entries.add(source, [NEW], []) for source in ("1.9", "1.8", "1.9")]
    assert [entry.id for entry in entries.find("1.9")] == [numbers[0], numbers[2]]
    assert [entry.id for entry in entries.find()] == numbers


def test_a_rejected_entry_stays_rejected_in_another_process(entries, tmp_path):
    entries.mark_rejected(entries.add("1.9", [], [OLD], stored=True))
    assert [(entry.rejected, entry.gone) for entry in Entries(Database(tmp_path)).find()] == [(True, (OLD,))]
