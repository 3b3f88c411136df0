"""Tests of results when PACS, server or disk fail while they are stored."""

import shutil
import subprocess
import threading
import time
from contextlib import contextmanager

import pytest
import requests

from serving.database import Database
from serving.local.monailabel import LabelServer
from serving.local.orthanc import Orthanc, free_port
from serving.pacs.entries import Entries
from tests.serving.conftest import ask, objects_in
from tests.support.waiting import LIMIT, wait_for

pytestmark = [pytest.mark.pacs, pytest.mark.slow]


@contextmanager
def small_disk(folder, size):
    """Mount a file system of ``size`` at ``folder``."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a small file system cannot be mounted here: it takes root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(folder, but=0):
    """Fill a file system up to ``but`` KiB."""
    free = shutil.disk_usage(folder).free
    (folder / "full").write_bytes(bytes(free - but * 1024))


@pytest.fixture(scope="module")
def mortal(tmp_path_factory):
    """Yield a PACS and a server of this module's own, which its tests kill."""
    pacs = Orthanc(tmp_path_factory.mktemp("pacs"), free_port(0))
    server = LabelServer(
        pacs.studies,
        tmp_path_factory.mktemp("state"),
        port=free_port(0),
        orthanc=pacs.url,
        credentials=pacs.credentials,
    )
    yield pacs, server
    server.stop()
    pacs.stop()


def test_the_server_says_that_the_pacs_is_away_and_goes_on_when_it_is_back(mortal, sample):
    orthanc, server = mortal
    orthanc.pacs().store([sample.dataset])
    assert ask(server, sample.sop, sample.at("MCP2")).status_code == 200
    orthanc.stop(kill=True)
    for answer in (
        ask(server, sample.sop, sample.at("MCP3"), headers={"Origin": "http://localhost"}),
        requests.get(f"{server.url}/pacs/studies", headers={"Origin": "http://localhost"}, timeout=LIMIT),
        requests.get(f"{server.url}/datastore/", headers={"Origin": "http://localhost"}, timeout=LIMIT),
    ):
        assert answer.status_code == 503
        assert answer.json()["detail"].startswith("the PACS does not answer")
        assert answer.headers["access-control-allow-origin"] == "http://localhost"
    orthanc.start()
    assert ask(server, sample.sop, sample.at("MCP3")).status_code == 200


def test_a_server_that_is_killed_at_any_moment_leaves_whole_results_or_none(mortal, draw):
    orthanc, server = mortal
    pacs = orthanc.pacs()
    hand = draw(21)
    pacs.store([hand.dataset])
    seen = set()
    entries = Entries(Database(server.state))
    for moment in (0.3, 0.7, 1.0):
        asking = threading.Thread(target=lambda: _asked(server, hand), daemon=True)
        asking.start()
        time.sleep(moment)
        server.stop(kill=True)
        asking.join()
        server.start()
        wait_for(lambda: not entries.find())
        count = len(objects_in(pacs, hand.study))
        assert count in (1, 2 * len(hand.joints) + 2), "the source alone, or with two layers a joint and a segmentation"
        seen.add(count)
        pacs.remove([where for sop, where in objects_in(pacs, hand.study).items() if sop != hand.sop])
    assert 1 in seen


def _asked(server, hand):
    try:
        ask(server, hand.sop, hand.at(*hand.joints))
    except requests.ConnectionError:
        return


def test_a_pacs_whose_disk_is_full_takes_no_part_of_a_result(tmp_path, sample):
    with small_disk(tmp_path / "disk", "5m") as folder:
        orthanc = Orthanc(folder, free_port(0))
        server = LabelServer(
            orthanc.studies, tmp_path / "state", port=free_port(0), orthanc=orthanc.url, credentials=orthanc.credentials
        )
        pacs = orthanc.pacs()
        try:
            pacs.store([sample.dataset])
            fill(folder, but=40)
            answer = ask(server, sample.sop, sample.at("MCP2", "MCP3", "MCP4"))
            assert answer.status_code == 503
            assert answer.json()["detail"].startswith("the result could not be stored, no part of it is kept")
            (folder / "full").unlink()
            assert set(objects_in(pacs, sample.study)) == {sample.sop}
            assert ask(server, sample.sop, sample.at("MCP2")).status_code == 200
        finally:
            server.stop()
            orthanc.stop()


def test_a_server_whose_disk_is_full_stores_nothing_and_says_so(tmp_path, orthanc, pacs, hand):
    with small_disk(tmp_path / "disk", "1m") as folder:
        server = LabelServer(
            orthanc.studies, folder, port=free_port(0), orthanc=orthanc.url, credentials=orthanc.credentials
        )
        try:
            fill(folder)
            answer = ask(server, hand.sop, hand.at("MCP2"))
            assert answer.status_code == 507
            assert answer.json()["detail"] == "the server cannot write (No space left on device); nothing was stored"
            assert set(objects_in(pacs, hand.study)) == {hand.sop}
            (folder / "full").unlink()
            assert ask(server, hand.sop, hand.at("MCP2")).status_code == 200
        finally:
            server.stop()
