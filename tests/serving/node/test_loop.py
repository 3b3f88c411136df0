"""Tests of the loop in which the node does its work."""

import errno

from serving.node import loop
from serving.node.loop import Loop
from tests.support.waiting import wait_for


def test_a_fault_is_logged_without_its_text_and_the_next_piece_of_work_is_done(monkeypatch, caplog):
    monkeypatch.setattr(loop, "REST_AFTER_FAULT", 0.01)
    faults = [KeyError("Doe^John"), OSError(errno.ENOSPC, "No space left on device")]
    done = []

    def step():
        if faults:
            raise faults.pop(0)
        done.append(1)
        return False

    running = Loop("worker", step)
    running.start()
    wait_for(lambda: done)
    running.stop(10)
    assert "worker: KeyError" in caplog.text
    assert "worker: the journal or the spool cannot be used (No space left on device)" in caplog.text
    assert "Doe" not in caplog.text
    assert not running._thread.is_alive()
