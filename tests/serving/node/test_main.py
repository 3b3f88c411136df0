"""Tests of the command ``python -m serving.node``."""

import signal
import sys
import threading

import pytest
import requests

from serving.local.orthanc import free_port
from serving.node import __main__ as command
from serving.node.options import Peer
from serving.node.tls import TlsFiles
from tests.serving.node.test_options import options
from tests.support.modality import associate
from tests.support.waiting import LIMIT, wait_for


def call(monkeypatch, *words):
    """Call the command; return the options that it would run with."""
    ran = []
    monkeypatch.setattr(command, "run", ran.append)
    monkeypatch.setattr(sys, "argv", ["node", *words])
    command.main()
    return ran[0]


def test_options_come_from_the_command_line(monkeypatch):
    ran = call(monkeypatch, "--send-to", "PACS@b:104", "--callers=CR1,123", "--aet", "7", "--tls", "c.pem,k.pem,a.pem")
    assert (ran.peer, ran.calling_aets, ran.aet) == (Peer("PACS", "b", 104), ("CR1", "123"), "7")
    assert ran.tls_files == TlsFiles("c.pem", "k.pem", "a.pem")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "expected send_to"),
        (("--send-to", "PACS"), "send_to: expected AET@host:port, got 'PACS'"),
        (("--send-to", "A@b:104", "port"), "expected options alone, see --help"),
        (("--send-to", "A@b:104", "--tls", "c.pem"), "tls: expected CERTIFICATE,KEY"),
    ],
)
def test_wrong_options_end_it_with_a_sentence(monkeypatch, words, sentence):
    with pytest.raises(SystemExit) as ended:
        call(monkeypatch, *words)
    assert str(ended.value).startswith(sentence)


def test_it_runs_until_it_is_told_to_end(monkeypatch, tmp_path, bundle):
    handlers = {}
    monkeypatch.setattr(command.signal, "signal", lambda number, handler: handlers.update({number: handler}))
    port, page = free_port(0), free_port(0)
    chosen = options(port=port, status_port=page, state=str(tmp_path))
    running = threading.Thread(target=command.run, args=(chosen,), kwargs={"bundle": bundle}, daemon=True)
    running.start()
    wait_for(lambda: associate(port).is_established)
    assert requests.get(f"http://127.0.0.1:{page}/node.json", timeout=LIMIT).json()["last"] == []
    handlers[signal.SIGTERM](signal.SIGTERM, None)
    running.join(LIMIT)
    assert not running.is_alive()
    assert not associate(port).is_established
