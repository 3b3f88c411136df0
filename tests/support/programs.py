"""Programs of other houses that tests need."""

import os
import shutil
from collections.abc import Callable
from typing import TypeVar

import pytest

from scripts.errors import InputError

Program = TypeVar("Program")


def or_skip(start: Callable[[], Program]) -> Program:
    """Start a program that a test needs; where it is not installed, skip the test, or fail in CI."""
    try:
        return start()
    except InputError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


def find_chromium() -> str:
    """Return the browser's file."""
    binary = shutil.which("chromium")
    if binary is None:
        raise InputError("Chromium is missing: apt-get install --yes chromium")
    return binary
