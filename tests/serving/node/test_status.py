"""Tests of the status: numbers and the last objects, as JSON and as a page, for this machine alone."""

import pytest
import requests

from scripts.errors import InputError
from serving.database import Database
from serving.local.orthanc import free_port
from serving.node.received import LEFT, SEPARATED, Received, ReceivedObjects
from serving.node.status import LISTED, page, status
from serving.node.status_server import StatusServer
from tests.support.waiting import LIMIT


@pytest.fixture
def database(tmp_path):
    database = Database(tmp_path)
    received = ReceivedObjects(database)
    received.put(Received("1.2.3", "1.2", "ab", "a", state=LEFT, reason="modality <CT>, no radiograph"))
    received.put(Received("1.2.4", "1.2", "ab", "b", SEPARATED, "no answer", 3, due=86400.0, results=5))
    return database


def test_it_tells_numbers_by_state_and_the_last_objects_first(database):
    told = status(database)
    assert told["states"] == {"received": 0, "separated": 1, "sent": 0, "left alone": 1, "failed": 0}
    first, second = told["last"]
    assert (second["image"], second["state"], second["next attempt"]) == ("1.2.3", LEFT, "")
    assert {key: first[key] for key in ("image", "attempts", "reason", "next attempt", "results")} == {
        "image": "1.2.4",
        "attempts": 3,
        "reason": "no answer",
        "next attempt": "1970-01-02T00:00:00+00:00",
        "results": 5,
    }


def test_a_long_journal_is_told_in_part(database):
    for number in range(LISTED):
        ReceivedObjects(database).put(Received(f"1.3.{number}", "1.2", "ab", "a"))
    assert len(status(database)["last"]) == LISTED
    assert status(database)["states"]["received"] == LISTED


def test_the_page_says_the_same_and_runs_nothing(database):
    text = page(status(database))
    assert "<td>separated</td><td>1</td>" in text
    assert "modality &lt;CT&gt;, no radiograph" in text
    assert "<script" not in text


def test_it_is_served_on_this_machine_and_not_to_pages_of_other_names(database):
    port = free_port(0)
    server = StatusServer(database, port)
    try:
        here = f"http://127.0.0.1:{port}"
        assert requests.get(f"{here}/node.json", timeout=LIMIT).json() == status(database)
        answer = requests.get(f"{here}/", timeout=LIMIT)
        assert "1.2.4" in answer.text
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert requests.get(f"{here}/node", headers={"Host": "rebound.example"}, timeout=LIMIT).status_code == 400
        assert requests.post(f"{here}/node", timeout=LIMIT).status_code == 405
        with pytest.raises(InputError, match=f"status_port: expected a free port, got {port}"):
            StatusServer(database, port)
    finally:
        server.stop()
