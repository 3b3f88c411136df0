"""Tests of the sender: results go to their destination as a whole, again and again until they are there."""

import pytest

from scripts.errors import SkippedInput
from serving.database import Database
from serving.node.pauses import Pauses
from serving.node.received import LEFT, RECEIVED, SENT, SEPARATED, Received, ReceivedObjects
from serving.node.sender import Sender
from serving.node.spool import Spool
from serving.pacs.errors import PacsAwayError
from tests.support.dicom_sources import source


class Place:
    """Destination that fails as told."""

    name = "PLACE@there:104"

    def __init__(self):
        self.fails = None
        self.sent = []

    def send(self, source, objects):
        if self.fails:
            raise self.fails
        self.sent.append((source, len(objects)))


class Desk:
    def __init__(self, folder):
        self.received, self.spool, self.place = ReceivedObjects(Database(folder)), Spool(folder / "spool"), Place()
        self.sender = Sender(self.received, self.spool, self.place, Pauses(first=2, longest=5))

    def put(self, sop):
        row = Received(sop, "1.2", "ab", f"file-{sop}", state=SEPARATED, results=2)
        self.spool.keep(row.file, b"source")
        self.spool.keep_results(row.file, [source(), source()])
        self.received.put(row)
        return row


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


@pytest.fixture
def clock(monkeypatch):
    """Set the clock of journal and sender: ``clock(seconds)``."""
    now = [1000.0]
    monkeypatch.setattr("serving.node.received.time.time", lambda: now[0])

    def at(seconds):
        now[0] = seconds

    return at


def test_what_is_sent_is_done_with_and_its_files_are_removed(desk):
    row = desk.put("1.2.3")
    assert desk.sender.step()
    assert not desk.sender.step()
    assert desk.place.sent == [("1.2.3", 2)]
    assert desk.received.find("1.2.3").state == SENT
    assert not desk.spool.path(row.file).exists()
    assert desk.spool.results(row.file) == []


def test_pauses_grow_up_to_a_limit_and_are_kept_over_a_restart(desk, clock, tmp_path):
    desk.put("1.2.3")
    desk.place.fails = PacsAwayError("PLACE@there:104 does not answer")
    pauses, now = [], 1000.0
    for _ in range(4):
        clock(now)
        assert desk.sender.step()
        assert not Desk(tmp_path).sender.step(), "too early, also for a node that was started anew"
        row = Desk(tmp_path).received.find("1.2.3")
        pauses.append(row.due - now)
        now = row.due
    assert pauses == [2, 4, 5, 5]
    assert (row.attempts, row.reason, row.state) == (4, "PLACE@there:104 does not answer", SEPARATED)


def test_when_the_destination_is_back_all_that_waits_goes_at_once(desk, clock):
    for sop in ("1.2.3", "1.2.4", "1.2.5"):
        desk.put(sop)
    desk.place.fails = PacsAwayError("PLACE@there:104 does not answer")
    clock(1000)
    assert [desk.sender.step() for _ in range(4)] == [True, True, True, False]
    desk.place.fails = None
    clock(1002)
    while desk.sender.step():
        pass
    assert desk.received.counts()[SENT] == 3


def test_results_that_are_not_to_be_sent_are_left_alone(desk):
    desk.put("1.2.3")
    desk.place.fails = SkippedInput("has other results already", kind="other results")
    desk.sender.step()
    row = desk.received.find("1.2.3")
    assert (row.state, row.reason) == (LEFT, "has other results already")


def test_results_that_are_not_all_there_are_made_again(desk):
    row = desk.put("1.2.3")
    next((desk.spool.derived / row.file).iterdir()).unlink()
    desk.sender.step()
    assert desk.received.find("1.2.3").state == RECEIVED
    assert desk.place.sent == []
