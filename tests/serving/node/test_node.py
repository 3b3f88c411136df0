"""Tests of the whole node: from an object that a modality sends to results in an archive."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import numpy as np
import pytest

from scripts.dicom.layer_image import JOINT, PRIVATE_CREATOR, PRIVATE_GROUP
from scripts.errors import InputError
from serving.node.node import Node
from serving.node.received import LEFT, SENT, SEPARATED
from tests.support.modality import associated, send
from tests.support.waiting import wait_for


def state_of(node: Node, sop: str) -> str:
    found = node.received.find(str(sop))
    return found.state if found else ""


def in_spool(node: Node) -> list[Path]:
    return [path for path in node.spool.sources.parent.rglob("*") if path.is_file()]


def test_a_radiograph_is_separated_and_its_results_go_to_the_archive(node, archive, image, caplog):
    caplog.set_level("INFO")
    running, hand = node(), image("a")
    assert send(running.port, hand) == [0]
    wait_for(lambda: state_of(running, hand.SOPInstanceUID) == SENT)
    assert sorted(each.Modality for each in archive.objects.values()) == ["DX"] * 4 + ["SEG"]
    assert {each.StudyInstanceUID for each in archive.objects.values()} == {hand.StudyInstanceUID}
    # Sent is written down first, so that a node that is killed in between does not send twice.
    wait_for(lambda: in_spool(running) == [])
    assert f"image {hand.SOPInstanceUID} sent: 5 results to {archive.address}" in caplog.text
    assert "Phantom" not in caplog.text


def test_the_same_object_twice_is_one_row_and_is_separated_once(node, archive, image):
    running, hand = node(), image("a")
    assert send(running.port, hand, hand) == [0, 0]
    wait_for(lambda: state_of(running, hand.SOPInstanceUID) == SENT)
    assert send(running.port, hand) == [0]
    assert state_of(running, hand.SOPInstanceUID) == SENT
    assert set(archive.counts.values()) == {1}
    assert sum(running.received.counts().values()) == 1


def test_an_object_that_comes_with_other_bytes_is_separated_again(node, archive, image):
    running, hand = node(), image("a")
    send(running.port, hand)
    wait_for(lambda: state_of(running, hand.SOPInstanceUID) == SENT)
    hand.SeriesDescription = "Hand, corrected"
    send(running.port, hand)
    wait_for(lambda: set(archive.counts.values()) == {2})
    assert sum(running.received.counts().values()) == 1


def test_our_own_results_that_come_back_are_left_alone(node, archive, image):
    running, hand = node(), image("a")
    send(running.port, hand)
    wait_for(lambda: len(archive.objects) == 5)
    objects = list(archive.objects.values())
    assert send(running.port, *objects) == [0] * 5
    for each in objects:
        wait_for(lambda each=each: state_of(running, each.SOPInstanceUID) == LEFT)
    wait_for(lambda: in_spool(running) == [])
    assert set(archive.counts.values()) == {1}


def test_the_joints_of_a_hand_are_found_without_anybody_pointing_at_them(node, archive, image):
    running, hand = node(find_joints=None), image("a")
    send(running.port, hand)
    wait_for(lambda: state_of(running, hand.SOPInstanceUID) == SENT)
    layers = [each for each in archive.objects.values() if each.Modality == "DX"]
    names = sorted(str(each.private_block(PRIVATE_GROUP, PRIVATE_CREATOR)[JOINT].value) for each in layers)
    assert names == sorted(2 * ["MCP1", "MCP2", "MCP3", "MCP4", "MCP5"])
    assert all("Joint found automatically, confidence" in each.DerivationDescription for each in layers)


def test_a_radiograph_without_a_hand_is_left_alone_and_the_reason_is_told(node, image):
    running, film = node(find_joints=None), image("a")
    rows, columns = np.indices((film.Rows, film.Columns))
    film.PixelData = (1000 + 400 * (np.hypot(rows - 600, columns - 500) < 200)).astype(np.uint16).tobytes()
    send(running.port, film)
    wait_for(lambda: state_of(running, film.SOPInstanceUID) == LEFT)
    assert running.received.find(film.SOPInstanceUID).reason.startswith("no hand was found in it")


def test_a_study_is_worked_on_when_its_association_has_ended_or_it_has_been_quiet(node, image):
    running = node(quiet=0.5)
    first, second = image("a"), image("b")
    with associated(running.port, first) as association:
        association.send_c_store(first)
        wait_for(lambda: state_of(running, first.SOPInstanceUID) in (SEPARATED, SENT))
    patient = node(quiet=3600, state=str(running.spool.sources.parent / "patient"))
    with associated(patient.port, second) as association:
        association.send_c_store(second)
        assert patient.received.next("received", ()).sop == second.SOPInstanceUID
        assert patient.received.find(second.SOPInstanceUID).attempts == 0
    wait_for(lambda: state_of(patient, second.SOPInstanceUID) == SENT)


def test_results_wait_for_an_archive_that_is_away_and_go_there_when_it_is_back(node, archive, image):
    archive.stop()
    running, hand = node(), image("a")
    send(running.port, hand)
    wait_for(lambda: getattr(running.received.find(hand.SOPInstanceUID), "attempts", 0) > 2)
    waiting = running.received.find(hand.SOPInstanceUID)
    assert (waiting.state, waiting.reason) == (SEPARATED, f"{archive.address} does not answer")
    archive.start()
    wait_for(lambda: state_of(running, hand.SOPInstanceUID) == SENT)
    assert len(archive.objects) == 5


def test_a_node_that_is_started_again_goes_on_with_what_waits(node, archive, image):
    archive.stop()
    first, hand = node(), image("a")
    send(first.port, hand)
    wait_for(lambda: state_of(first, hand.SOPInstanceUID) == SEPARATED)
    first.stop()
    archive.start()
    second = node()
    wait_for(lambda: state_of(second, hand.SOPInstanceUID) == SENT)
    assert set(archive.counts.values()) == {1}


def test_two_nodes_do_not_work_in_one_folder(node, monkeypatch):
    monkeypatch.setattr("serving.node.node.TAKE_OVER", 0.1)
    node()
    with pytest.raises(InputError, match="expected no other running node, got one"):
        node()


def test_nobody_else_reads_what_it_writes(node, archive, image, tmp_path):
    archive.stop()
    before = os.umask(0)
    try:
        running, hand = node(), image("a")
        send(running.port, hand)
        wait_for(lambda: state_of(running, hand.SOPInstanceUID) == SEPARATED)
    finally:
        os.umask(before)
    written = list(tmp_path.rglob("*"))
    assert len([path for path in written if path.suffix == ".dcm"]) == 5
    for path in written:
        if "locks" not in path.parts or path.name == "node":
            assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


@pytest.mark.skipif(shutil.which("storescu") is None, reason="storescu of DCMTK is not installed")
def test_dcmtk_sends_a_radiograph(node, archive, image, tmp_path):
    running, hand = node(callers="DCMTK"), image("a")
    path = tmp_path / "hand.dcm"
    hand.save_as(path, enforce_file_format=True)
    where = ["127.0.0.1", str(running.port)]
    refused = subprocess.run(["storescu", "-aet", "OTHER", "-aec", "BLS_GAN", *where, path], capture_output=True)
    assert b"Calling AE Title Not Recognized" in refused.stderr
    subprocess.run(["storescu", "-aet", "DCMTK", "-aec", "BLS_GAN", *where, path], check=True)
    wait_for(lambda: state_of(running, hand.SOPInstanceUID) == SENT)
    assert len(archive.objects) == 5
