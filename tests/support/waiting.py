"""Waits of the tests: they end when nothing moves any more, not after a time that a slow machine exceeds."""

import time
from collections.abc import Callable
from typing import TypeVar

LIMIT = 300.0
"""Seconds without any progress after which a wait, a request or a command fails: the only limit of the tests' waits."""

Value = TypeVar("Value")


def wait_for(read: Callable[[], Value], progress: Callable[[], object] = lambda: None) -> Value:
    """Return the first true value that a function returns.

    Args:
        read: called until its value is true.
        progress: a value that changes as long as work goes on, e.g. the length of a log.

    Raises:
        AssertionError: neither value has changed for :data:`LIMIT` seconds.
    """
    last: object = None
    since = time.monotonic()
    while not (value := read()):
        now = (value, progress())
        if now != last:
            last, since = now, time.monotonic()
        assert time.monotonic() - since < LIMIT, f"nothing has moved for {LIMIT:g} s: {now}"
        time.sleep(0.2)
    return value
