"""Tests of ``make serve``: one command starts PACS, server and viewer, and stops them."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys

import psutil
import pytest
import requests

from scripts.errors import InputError
from serving.local.ohif_download import viewer
from serving.local.orthanc import Orthanc, free_port
from tests.serving.conftest import ROOT
from tests.support.modality import associate, send
from tests.support.waiting import LIMIT, wait_for

pytestmark = [pytest.mark.pacs, pytest.mark.slow]


@pytest.fixture(scope="module")
def running(tmp_path_factory, orthanc, ohif):
    """Yield the process of the command, in a folder of its own, and its log."""
    state = tmp_path_factory.mktemp("serve")
    (state / "ohif").symlink_to(ROOT / ".serve" / "ohif")
    command = [sys.executable, "-m", "serving", "--port", str(free_port(0)), "--state", str(state)]
    command += ["--node-port", str(free_port(0)), "--node-callers", "CR1,MODALITY"]
    log = state / "said"
    with log.open("w") as said:
        process = subprocess.Popen(command, cwd=ROOT, stdout=said, stderr=said)
    wait_for(lambda: "Ctrl-C" in log.read_text() or process.poll() is not None, log.read_text)
    assert process.poll() is None, log.read_text()
    yield process, log
    process.kill()


CUT_OFF = """
import fcntl, json, socket, struct, sys
from pathlib import Path
from pydicom import dcmread
import requests
# The loopback device of a new namespace is down: SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP.
with socket.socket() as control:
    name = struct.pack("16sh", b"lo", 0)
    flags = struct.unpack("16sh", fcntl.ioctl(control, 0x8913, name))[1]
    fcntl.ioctl(control, 0x8914, struct.pack("16sh", b"lo", flags | 1))
from serving.__main__ import SAMPLE, _fill
from serving.local.monailabel import LabelServer
from serving.local.orthanc import Orthanc
from serving.local.ohif_download import viewer
from tests.support.modality import associate, send
from tests.support.waiting import LIMIT
state = Path(sys.argv[1])
pacs = Orthanc(state / "pacs")
_fill(pacs.pacs(), state)
settings = {"orthanc": pacs.url, "credentials": pacs.credentials}
server = LabelServer(pacs.studies, state, port=8000, ohif=viewer(state / "ohif"), **settings)
sop = dcmread(SAMPLE, stop_before_pixels=True).SOPInstanceUID
params = json.dumps({"joints": [{"x": 537, "y": 770}]})
answer = requests.post(f"{server.url}/infer/bls_gan?image={sop}&output=json", data={"params": params}, timeout=LIMIT)
assert "OHIF" in requests.get(f"{server.url}/", timeout=LIMIT).text
server.stop()
pacs.stop()
print(answer.status_code)
"""


def address(log):
    return re.search(r"The viewer is at (\S+)/", log.read_text())[1]


def test_viewer_pacs_and_inference_are_on_one_origin_of_this_machine_only(running):
    _, log = running
    here = address(log)
    assert here.startswith("http://127.0.0.1:")
    assert "OHIF" in requests.get(f"{here}/", timeout=LIMIT).text
    assert requests.get(f"{here}/viewer?StudyInstanceUIDs=1.2", timeout=LIMIT).ok
    assert requests.get(f"{here}/info/", timeout=LIMIT).json()["name"] == "BLS-GAN"
    assert requests.get(f"{here}/nothing.js", timeout=LIMIT).status_code == 404


def test_nobody_on_another_machine_is_answered(running):
    listening = {
        (each.laddr.ip, each.laddr.port)
        for process in psutil.Process(running[0].pid).children(recursive=True)
        for each in process.net_connections()
        if each.status == psutil.CONN_LISTEN
    }
    outside = [
        address.address
        for addresses in psutil.net_if_addrs().values()
        for address in addresses
        if address.family == socket.AF_INET and not address.address.startswith("127.")
    ]
    # Orthanc listens at all addresses, also against its config, but refuses clients of other machines.
    for _, port in [each for each in listening if each[0] != "127.0.0.1"]:
        for where in outside:
            assert requests.get(f"http://{where}:{port}/dicom-web/studies", timeout=LIMIT).status_code in (401, 403)


def test_nobody_else_on_this_machine_reads_what_it_writes(running):
    state = running[1].parent
    here = address(running[1])
    images = requests.get(f"{here}/datastore/?output=all", timeout=LIMIT).json()["objects"]
    asked = {"params": json.dumps({"joints": [{"x": 537, "y": 770}]})}
    for name in images:
        requests.post(f"{here}/infer/bls_gan", params={"image": name, "output": "json"}, data=asked, timeout=LIMIT)
    said = running[1]
    written = [path for path in state.rglob("*") if path != said and not path.is_symlink()]
    assert {"pacs", "journal", "locks", "weights", "server.log"} <= {path.name for path in written}
    for path in (state, *written):
        expected = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.stat().st_mode) == expected, path


def test_a_dicom_node_listens_too_and_tells_its_status(running, draw):
    _, log = running
    port = int(re.search(r"DICOM node BLS_GAN at 127\.0\.0\.1:(\d+)", log.read_text())[1])
    hand = draw(41).dataset
    assert associate(port, aet="OTHER").is_rejected
    assert send(port, hand) == [0]
    told = wait_for(lambda: requests.get(f"{address(log)}/node.json", timeout=LIMIT).json()["last"])
    assert told[0]["image"] == hand.SOPInstanceUID
    page = requests.get(f"{address(log)}/node", timeout=LIMIT)
    assert hand.SOPInstanceUID in page.text
    assert "Phantom" not in page.text


def test_an_empty_pacs_gets_two_studies_of_drawn_hands(running):
    _, log = running
    studies = requests.get(f"{address(log)}/pacs/studies", timeout=LIMIT).json()
    assert sorted(study["00100010"]["Value"][0]["Alphabetic"] for study in studies) == [
        "Phantom^Hand 000",
        "Phantom^Hand 001",
    ]


def test_nothing_of_it_needs_a_network(tmp_path, orthanc, ohif):
    """Separate joints in a network namespace of its own, where no other machine can be reached."""
    (tmp_path / "ohif").symlink_to(ROOT / ".serve" / "ohif")
    done = subprocess.run(
        ["unshare", "--net", sys.executable, "-c", CUT_OFF, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    if "unshare" in done.stderr:
        pytest.skip("a network namespace cannot be made here: it takes root")
    assert done.stdout.splitlines()[-1:] == ["200"], done.stdout + done.stderr


def test_ctrl_c_ends_all_that_was_started(running):
    process, log = running
    started = psutil.Process(process.pid).children(recursive=True)
    assert len(started) >= 2
    process.send_signal(signal.SIGINT)
    assert process.wait(LIMIT) == 0, log.read_text()
    _, alive = psutil.wait_procs(started, timeout=LIMIT)
    assert alive == []
    assert "Traceback" not in log.read_text()


def test_a_machine_without_orthanc_is_told_the_line_that_installs_it(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="apt-get install --yes orthanc orthanc-dicomweb"):
        Orthanc(tmp_path)


def test_a_machine_without_npm_is_told_the_line_that_installs_it(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="apt-get install --yes npm"):
        viewer(tmp_path)


def test_a_viewer_that_is_not_the_known_one_is_not_unpacked(monkeypatch, tmp_path):
    npm = tmp_path / "bin" / "npm"
    npm.parent.mkdir()
    npm.write_text("#!/bin/sh\necho something else > app.tgz\n")
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{npm.parent}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(InputError, match=r"@ohif/app@3\.13\.2: expected checksum sha512-"):
        viewer(tmp_path / "viewer")
    assert [path.name for path in (tmp_path / "viewer").iterdir()] == []


def test_a_pacs_that_does_not_answer_does_not_keep_the_server_from_starting(tmp_path):
    from serving.local.monailabel import LabelServer

    server = LabelServer("http://127.0.0.1:9/dicom-web", tmp_path, port=free_port(0))
    try:
        answer = requests.get(f"{server.url}/pacs/studies", timeout=LIMIT)
        assert answer.status_code == 503
    finally:
        server.stop()
