"""Test of the node when it is killed and the receiving PACS is stopped, while many studies go through it."""

import logging
import os
import random
import threading
import time

import pytest

from scripts.dicom.private_block import layer_series_uid
from scripts.dicom.segmentation import segmentation_series_uid
from scripts.physics import LOWER, UPPER
from serving.database import Database
from serving.local.orthanc import free_port
from serving.node.received import SENT, STATES, ReceivedObjects
from tests.serving.conftest import or_skip
from tests.support.modality import associate
from tests.support.node_process import NodeProcess
from tests.support.orthanc_modality import OrthancModality
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.pacs, pytest.mark.slow]

logger = logging.getLogger(__name__)

STUDIES = int(os.environ.get("BLS_GAN_STUDIES", "6"))
FAULTS = ("kill", "stop", "kill", "stop", "kill")
AHEAD = 20


def send_until_taken(port, dataset):
    """Send an object again and again until it is acknowledged, as a PACS does."""
    pair = str(dataset.SOPClassUID), str(dataset.file_meta.TransferSyntaxUID)
    while True:
        association = associate(port, pair)
        if association.is_established:
            status = association.send_c_store(dataset).get("Status")
            if association.is_established:
                association.release()
            if status == 0:
                return
        time.sleep(0.2)


def send_all(port, image, received):
    """Send all studies, not too far ahead of what is done."""
    for number in range(STUDIES):
        wait_for(lambda number=number: number - received.counts()[SENT] < AHEAD, lambda: received.counts()[SENT])
        send_until_taken(port, image(f"study {number}"))


def cause(fault, node, clinic, draw):
    """Cause a fault at a random moment."""
    time.sleep(draw.uniform(0, 1.5))
    if fault == "kill":
        node.stop(kill=True)
        node.start()
    else:
        clinic.stop(kill=draw.random() < 0.5)
        time.sleep(draw.uniform(1, 3))
        clinic.start()


def test_nothing_is_lost_or_doubled_by_kills_of_the_node_and_stops_of_the_pacs(tmp_path, image, drawn, bundle):
    clinic = or_skip(lambda: OrthancModality(tmp_path / "clinic"))
    (tmp_path / "state").mkdir()
    node = NodeProcess(tmp_path / "state", free_port(0), clinic.address, drawn.joints["MCP3"])
    draw, began = random.Random(STUDIES), time.monotonic()
    received = ReceivedObjects(Database(tmp_path / "state"))
    sending = threading.Thread(target=send_all, args=(node.port, image, received), daemon=True)
    try:
        sending.start()
        for number, fault in enumerate(FAULTS):
            wait_for(lambda number=number: received.counts()[SENT] >= STUDIES * number // 6, received.counts)
            cause(fault, node, clinic, draw)
        wait_for(lambda: not sending.is_alive() and received.counts()[SENT] == STUDIES, received.counts)
        seconds = time.monotonic() - began
        logger.info("%d studies in %.0f s (%.2f a second)", STUDIES, seconds, STUDIES / seconds)
        assert received.counts() == dict.fromkeys(STATES, 0) | {SENT: STUDIES}
        assert clinic.series() == expected(image, bundle.get().software)
        wait_for(lambda: not [path for path in (tmp_path / "state" / "spool").rglob("*") if path.is_file()])
    finally:
        node.stop()
        clinic.stop()
    log = (tmp_path / "state" / "node.log").read_text()
    assert "Traceback" not in log
    assert "Phantom" not in log
    assert log.rstrip().endswith("stopped")


def expected(image, software):
    """Return the study of each series of results, and that it has one object, as OrthancModality tells them."""
    series = {}
    for number in range(STUDIES):
        hand = image(f"study {number}")
        uids = [layer_series_uid(hand, bone, software) for bone in (LOWER, UPPER)]
        for uid in (*uids, segmentation_series_uid(hand, software)):
            series[str(uid)] = (str(hand.StudyInstanceUID), 1)
    return series
