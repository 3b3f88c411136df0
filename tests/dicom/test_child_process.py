"""Tests of calls in a process of its own."""

import os
import signal
import time

import numpy as np
import pytest

from scripts.dicom.child_process import call_apart
from scripts.errors import InputError


def test_a_call_gives_back_what_its_function_returns():
    image = np.arange(2**20)
    assert (call_apart(lambda by: image + by, 1, seconds=30) == image + 1).all()


@pytest.mark.parametrize(
    "end", [lambda: os.kill(os.getpid(), signal.SIGKILL), lambda: os._exit(0), lambda: time.sleep(60)]
)
def test_a_call_that_dies_or_hangs_costs_its_own_process_only(end):
    start = time.monotonic()
    with pytest.raises(EOFError):
        call_apart(end, seconds=0.5)
    assert time.monotonic() - start < 10


def test_a_call_that_loops_without_end_is_ended():
    def loop():
        while True:
            pass

    with pytest.raises(EOFError):
        call_apart(loop, seconds=0.5)


def test_a_call_gets_no_more_memory_than_it_may():
    # More than this process may have left free.
    with pytest.raises(ValueError, match="MemoryError"):
        call_apart(lambda: np.ones(2**31, np.uint8).sum(), seconds=30, memory=2**26)
    assert call_apart(lambda: np.ones(2**25, np.uint8).sum(), seconds=30, memory=2**27) == 2**25


def test_a_refusal_is_raised_as_it_is_and_the_text_of_another_failure_is_not():
    def refuse():
        raise InputError("rows: expected 3, got 4")

    def fail():
        raise KeyError("Doe^Jane")

    with pytest.raises(InputError, match=r"^rows: expected 3, got 4$"):
        call_apart(refuse, seconds=30)
    with pytest.raises(ValueError, match=r"^KeyError$"):
        call_apart(fail, seconds=30)
