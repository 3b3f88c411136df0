# Copyright 2026 The BLS-GAN bundle contributors
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""Calls in a process of its own, with a limit of memory and time: for what broken bytes may end or never end."""

import os
import resource
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, TypeVar

from scripts.errors import InputError

MOST_MEMORY = 2**30
"""Bytes that a call may take beyond what this process has."""

Value = TypeVar("Value")


def call_apart(function: Callable[..., Value], *arguments: Any, seconds: float, memory: int = MOST_MEMORY) -> Value:
    """Call a function in a copy of this process, and return what it returns.

    Args:
        function: what is called; it is not sent there, so that it may be a closure.
        arguments: of it.
        seconds: that it may take.
        memory: bytes that it may take beyond what this process has.

    Raises:
        InputError: as the function raises it.
        EOFError: the process has ended by itself, or took too long.
        ValueError: the function raised something else, whose type is the text.
    """
    # Forked, so that the arguments need not be sent there.
    fork = get_context("fork")
    ours, theirs = fork.Pipe(duplex=False)
    process = fork.Process(target=_run, args=(theirs, function, arguments, seconds, memory), daemon=True)
    process.start()
    theirs.close()
    try:
        # A process that was forked meanwhile may hold the pipe open: its end alone does not tell that this one died.
        if ours not in wait([ours, process.sentinel], seconds) and not ours.poll():
            raise EOFError("the process died, or did not end in time")
        value = ours.recv()
    finally:
        process.kill()
        process.join()
        process.close()
        ours.close()
    if isinstance(value, Exception):
        raise value
    return value  # type: ignore[no-any-return]


def _run(
    connection: Connection, function: Callable[..., Any], arguments: tuple[Any, ...], seconds: float, memory: int
) -> None:
    _limit(seconds, memory)
    try:
        value = function(*arguments)
    except InputError as error:
        value = InputError(str(error))
    except Exception as error:
        value = ValueError(type(error).__name__)
    connection.send(value)


def _limit(seconds: float, memory: int) -> None:
    """Limit this process; it dumps no memory, which may hold an image, when it dies."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * os.sysconf("SC_PAGESIZE") + memory
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + 1, int(seconds) + 2))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
