"""Waits that end when nothing moves any more."""

import pytest

from tests.support import waiting
from tests.support.waiting import wait_for


def test_a_wait_goes_on_as_long_as_something_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "LIMIT", 0.5)
    log: list[int] = []

    def read() -> bool:
        log.append(0)
        return len(log) == 6

    assert wait_for(read, lambda: len(log))


def test_a_wait_ends_when_nothing_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "LIMIT", 0.3)
    with pytest.raises(AssertionError, match="nothing has moved"):
        wait_for(lambda: False)
