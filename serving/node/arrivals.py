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

"""Arrivals: studies of which more objects may come, so that none is looked at before it is whole."""

import threading
import time
from collections.abc import Callable


class Arrivals:
    """Studies that are still arriving: the association is open, and they have not been quiet for long enough.

    Nothing is kept of them over a restart: no association outlives the node.

    Args:
        quiet: seconds after the last object of a study from which it is taken for whole, also if the association stays
            open.
    """

    def __init__(self, quiet: float) -> None:
        self.quiet = quiet
        self._last: dict[str, tuple[float, Callable[[], bool]]] = {}
        self._guard = threading.Lock()

    def arrived(self, study: str, is_open: Callable[[], bool]) -> None:
        """Note that an object of a study has arrived.

        Args:
            study: Study Instance UID.
            is_open: returns whether its association is open.
        """
        with self._guard:
            self._last[study] = (time.monotonic(), is_open)

    def waiting(self) -> set[str]:
        """Return the studies that are still arriving."""
        now = time.monotonic()
        with self._guard:
            self._last = {
                study: (last, is_open)
                for study, (last, is_open) in self._last.items()
                if now - last < self.quiet and is_open()
            }
            return set(self._last)
