"""Tests of the PACS that is started with the server: it answers that server, and nobody else."""

import stat
from pathlib import Path

import psutil
import pytest
import requests

from tests.serving.conftest import objects_in
from tests.support.waiting import LIMIT

pytestmark = pytest.mark.pacs

ROUTES = [
    ("GET", "/"),
    ("GET", "/app/explorer.html"),
    ("GET", "/system"),
    ("GET", "/patients"),
    ("GET", "/instances"),
    ("GET", "/dicom-web/studies"),
    ("POST", "/dicom-web/studies"),
    ("POST", "/instances"),
    ("POST", "/tools/lookup"),
    ("POST", "/tools/shutdown"),
    ("POST", "/tools/reset"),
    ("POST", "/tools/execute-script"),
    ("DELETE", "/patients/x"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_its_own_port_answers_nobody_without_the_password(orthanc, pacs, hand, method, path):
    for headers, auth in (
        ({}, None),
        ({"Host": "rebound.example"}, None),
        ({"Origin": "http://evil.example", "Content-Type": "text/plain"}, None),
        ({}, ("bls_gan", "")),
        ({}, ("orthanc", "orthanc")),
    ):
        answer = requests.request(method, orthanc.url + path, headers=headers, auth=auth, timeout=LIMIT)
        assert answer.status_code == 401
        assert "Phantom" not in answer.text
    assert orthanc.alive
    assert hand.sop in objects_in(pacs, hand.study)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/tools/shutdown"),
        ("POST", "/tools/reset"),
        ("POST", "/tools/execute-script"),
        ("GET", "/system"),
        ("PUT", "/tools/log-level"),
        ("DELETE", "/patients/x"),
        ("POST", "/dicom-web/servers"),
    ],
)
def test_the_server_too_is_answered_only_what_it_needs(orthanc, method, path):
    assert requests.request(method, orthanc.url + path, auth=orthanc.credentials, timeout=LIMIT).status_code == 403
    assert orthanc.alive


def test_the_password_is_in_no_file_that_others_read_and_on_no_command_line(orthanc, server):
    password = orthanc.credentials[1]
    assert len(password) > 30
    for folder in (Path(orthanc.log).parent, server.state):
        for path in folder.rglob("*"):
            if path.is_file() and password.encode() in path.read_bytes():
                assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    log = (server.state / "server.log").read_text()
    assert password not in log
    for pid in (orthanc.pid, server.pid):
        assert password not in " ".join(psutil.Process(pid).cmdline())
