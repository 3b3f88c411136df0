"""Tests of the status of the DICOM node, as the server tells it."""

import pytest
import requests

from serving.database import Database
from serving.node.received import LEFT, Received, ReceivedObjects
from tests.support.waiting import LIMIT

pytestmark = pytest.mark.pacs


def test_the_server_tells_what_a_node_in_its_folder_does(server):
    received = ReceivedObjects(Database(server.state))
    received.put(Received("1.2.3", "1.2", "ab", "a", state=LEFT, reason="modality <CT>, no radiograph"))
    told = requests.get(f"{server.url}/node.json", timeout=LIMIT).json()
    assert told["states"][LEFT] == 1
    assert [each["image"] for each in told["last"]] == ["1.2.3"]
    page = requests.get(f"{server.url}/node", timeout=LIMIT)
    assert page.headers["content-type"].startswith("text/html")
    assert "modality &lt;CT&gt;, no radiograph" in page.text
