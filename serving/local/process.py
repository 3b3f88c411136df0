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

"""A program in a process of its own: started, waited for, stopped."""

import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from scripts.errors import InputError

STOPPING = 20
"""Seconds that a program may take to end in order."""


class Service(ABC):
    """A program that answers requests, with a log of its own.

    Args:
        name: in refusals.
        command: program and arguments.
        log: file that gets what the program says.
        seconds: until it answers.
        environment: of the process; that of this one if not given.
        folder: in which it is started.

    Raises:
        InputError: it does not start.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        *,
        seconds: float,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        self.name = name
        self.command = list(command)
        self.log = log
        self.seconds = seconds
        self.environment = environment
        self.folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._said: IO[bytes] | None = None
        self.start()

    @abstractmethod
    def answers(self) -> bool:
        """Whether it is up."""

    def start(self) -> None:
        """Start it, and wait until it answers.

        Raises:
            InputError: it does not.
        """
        self._said = self.log.open("ab")
        self._process = subprocess.Popen(
            self.command, stdout=self._said, stderr=self._said, env=self.environment, cwd=self.folder
        )
        until = time.monotonic() + self.seconds
        while time.monotonic() < until and self.alive:
            if self.answers():
                return
            time.sleep(0.1)
        self.stop()
        raise InputError(f"{self.name} does not start; {self.log} says why")

    @property
    def alive(self) -> bool:
        """It runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Of its process; 0 if it does not run."""
        return self._process.pid if self._process is not None else 0

    def stop(self, *, kill: bool = False) -> None:
        """Stop it in order, or at once as a power cut does."""
        if self._process is not None and self.alive:
            self._process.kill() if kill else self._process.terminate()
            try:
                self._process.wait(STOPPING)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process = None
        if self._said is not None:
            self._said.close()
            self._said = None
