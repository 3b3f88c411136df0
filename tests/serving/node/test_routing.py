"""Tests of an Orthanc that sends to the node by the rules of docs/automation.md, and takes the results."""

import re

import pytest

from serving.local.orthanc import free_port
from serving.node.received import LEFT, SENT
from tests.serving.conftest import ROOT, or_skip
from tests.support.orthanc_modality import OrthancModality
from tests.support.waiting import wait_for

pytestmark = pytest.mark.pacs


def test_orthanc_sends_what_it_gets_and_the_results_come_back_once(node, image, tmp_path):
    lua = re.search(r"```lua\n(.*?)```", (ROOT / "docs" / "automation.md").read_text(), re.DOTALL)[1]
    port, hand, other = free_port(0), image("a"), image("b")
    other.Modality = "CT"
    clinic = or_skip(lambda: OrthancModality(tmp_path / "clinic", {"bls_gan": ("BLS_GAN", port)}, lua))
    try:
        running = node(port=port, callers=clinic.aet, send_to=clinic.address)
        clinic.put(hand)
        unasked = clinic.put(other)
        wait_for(lambda: running.received.counts()[SENT] == 1)
        results = {uid: count for uid, (study, count) in clinic.series().items() if study == hand.StudyInstanceUID}
        assert sorted(results.values()) == [1, 1, 2, 2], "the radiograph, a segmentation, two series of two layers"
        assert sum(running.received.counts().values()) == 1, "neither the CT nor the results were sent to the node"
        clinic.store("bls_gan", unasked)
        wait_for(lambda: running.received.counts()[LEFT] == 1)
        assert running.received.find(other.SOPInstanceUID).reason == "modality CT, no radiograph"
    finally:
        clinic.stop()
