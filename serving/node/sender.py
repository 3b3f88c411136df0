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

"""Sender: sends results to their destination, again and again until they are there."""

import logging
import time

from scripts.errors import SkippedInput
from serving.node.destination import Destination
from serving.node.pauses import Pauses
from serving.node.received import LEFT, RECEIVED, SENT, SEPARATED, ReceivedObjects
from serving.node.spool import Spool
from serving.pacs.errors import PacsAwayError

logger = logging.getLogger(__name__)


class Sender:
    """Sending of results.

    Args:
        received: the journal.
        spool: holds the results.
        destination: where they go.
        pauses: between attempts.
    """

    def __init__(self, received: ReceivedObjects, spool: Spool, destination: Destination, pauses: Pauses) -> None:
        self.received = received
        self.spool = spool
        self.destination = destination
        self.pauses = pauses
        self._away = ""

    def step(self) -> bool:
        """Send the results of the object that is due; return False if there is none."""
        row = self.received.next(SEPARATED)
        if row is None:
            return False
        objects = self.spool.results(row.file)
        if len(objects) != row.results:
            # As after a disk was restored: the source is still there.
            self.received.change(row, RECEIVED)
            return True
        try:
            self.destination.send(row.sop, objects)
        except SkippedInput as skipped:
            state, reason = LEFT, str(skipped)
        except PacsAwayError as error:
            attempts, self._away = row.attempts + 1, str(error)
            pause = self.pauses.after(attempts)
            logger.warning("image %s: results wait for %.0f s: %s", row.sop, pause, error)
            self.received.change(
                row,
                SEPARATED,
                reason=self._away,
                attempts=attempts,
                due=time.time() + pause,
                results=row.results,
            )
            return True
        else:
            state, reason = SENT, ""
        if self.received.change(row, state, reason=reason, results=row.results):
            done = reason or f"{row.results} results to {self.destination.name}"
            logger.info("image %s %s: %s", row.sop, state, done)
            self.spool.remove(row.file)
        if self._away:
            # It takes results again: what waits for the same reason need not wait longer.
            self.received.hasten(SEPARATED, self._away)
            self._away = ""
        return True
