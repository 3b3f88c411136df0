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

"""Loop in a thread of its own, which does one piece of work after another until it is stopped."""

import logging
import threading
import traceback
from collections.abc import Callable

logger = logging.getLogger(__name__)

REST = 0.2
"""Seconds to wait where there is nothing to do."""

REST_AFTER_FAULT = 5.0
"""Seconds to wait after a fault, as a full disk, before going on."""


class Loop:
    """Thread that calls a function until it is stopped; a fault of the function does not end it.

    Args:
        name: of the thread.
        step: does one piece of work; returns False if there is none.
    """

    def __init__(self, name: str, step: Callable[[], bool]) -> None:
        self.name = name
        self.step = step
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Let the piece of work that has begun end, at most for ``timeout`` seconds, and do no more."""
        self._stopped.set()
        self._thread.join(timeout)

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                rest = 0.0 if self.step() else REST
            except OSError as error:
                logger.error("%s: the journal or the spool cannot be used (%s)", self.name, error.strerror)
                rest = REST_AFTER_FAULT
            except Exception as error:
                # Only the traceback is logged: the text of an error may quote a DICOM header.
                where = "".join(traceback.format_tb(error.__traceback__))
                logger.error("%s: %s\n%s", self.name, type(error).__name__, where)
                rest = REST_AFTER_FAULT
            self._stopped.wait(rest)
