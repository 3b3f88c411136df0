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

"""Program in a process of its own: started, waited for, stopped; what it writes is nobody else's to read."""

import os
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from scripts.errors import InputError
from serving.private_files import PRIVATE

STOP_TIMEOUT = 20
"""Seconds to wait for the end of a program before it is killed."""


class Service(ABC):
    """Program that answers requests, with a log of its own.

    Args:
        name: of the program, for error messages.
        command: program and arguments.
        log: file for the program's output.
        timeout: seconds to wait for the first answer.
        environment: of the process; that of this process if not given.
        folder: working directory.

    Raises:
        InputError: the program does not start.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        *,
        timeout: float,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        self.name = name
        self.command = list(command)
        self.log = log
        self.timeout = timeout
        self.environment = environment
        self.folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._output: IO[bytes] | None = None
        self.start()

    @abstractmethod
    def answers(self) -> bool:
        """Return whether the program answers requests."""

    def start(self) -> None:
        """Start the program, and wait until it answers.

        Raises:
            InputError: the program ends, or does not answer in time.
        """
        self._output = os.fdopen(os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")
        # A log of a former version may be open to all.
        self.log.chmod(0o600)
        self._process = subprocess.Popen(
            self.command,
            stdout=self._output,
            stderr=self._output,
            env=self.environment,
            cwd=self.folder,
            umask=PRIVATE,
        )
        until = time.monotonic() + self.timeout
        while time.monotonic() < until and self.alive:
            if self.answers():
                return
            time.sleep(0.1)
        self.stop()
        raise InputError(f"{self.name} does not start; see {self.log}")

    @property
    def alive(self) -> bool:
        """True while the process runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Process id; 0 if the program was not started."""
        return self._process.pid if self._process is not None else 0

    def stop(self, *, kill: bool = False) -> None:
        """Stop the program in order, or kill it, as a power cut does."""
        if self._process is not None and self.alive:
            self._process.kill() if kill else self._process.terminate()
            try:
                self._process.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process = None
        if self._output is not None:
            self._output.close()
            self._output = None
