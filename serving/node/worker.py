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

"""Worker: separates the objects that have arrived, one after another."""

import logging
import time

from scripts.errors import InputError, SkippedInput
from serving.bundle import Bundle
from serving.node.arrivals import Arrivals
from serving.node.pauses import Pauses
from serving.node.received import FAILED, LEFT, RECEIVED, SEPARATED, Received, ReceivedObjects
from serving.node.spool import Spool
from serving.node.work import FindJoints, separate_all

logger = logging.getLogger(__name__)

MOST_ATTEMPTS = 5
"""Attempts after which an object is given up, by which the process has ended, or that failed as no check foresaw."""


class Worker:
    """Separation of received objects.

    Args:
        received: the journal.
        spool: holds the objects, and gets the results.
        arrivals: tells which studies are still arriving.
        bundle: separates.
        find_joints: knows the joints of a radiograph, instead of the bundle's finder.
        pauses: between attempts.
    """

    def __init__(
        self,
        received: ReceivedObjects,
        spool: Spool,
        arrivals: Arrivals,
        bundle: Bundle,
        find_joints: FindJoints | None,
        pauses: Pauses,
    ) -> None:
        self.received = received
        self.spool = spool
        self.arrivals = arrivals
        self.bundle = bundle
        self.find_joints = find_joints
        self.pauses = pauses

    def step(self) -> bool:
        """Work on the next object; return False if there is none."""
        row = self.received.next(RECEIVED, self.arrivals.waiting())
        if row is None:
            return False
        if row.attempts >= MOST_ATTEMPTS:
            reason = row.reason or "the node has ended each time"
            self._end(row, FAILED, f"given up after {row.attempts} attempts: {reason}")
            return True
        # Counted before it begins: it may end the process.
        if self.received.change(row, RECEIVED, reason=row.reason, attempts=row.attempts + 1):
            self._separate(row)
        return True

    def _separate(self, row: Received) -> None:
        path = self.spool.path(row.file)
        try:
            results = separate_all(path, self.bundle, self.find_joints)
            objects = results.objects.all
            self.spool.keep_results(row.file, objects)
        except SkippedInput as skipped:
            self._end(row, LEFT, _reason(skipped, row))
        except InputError as error:
            self._end(row, FAILED, _reason(error, row))
        except OSError:
            # As a full disk: no fault of this object.
            self.received.change(row, RECEIVED, reason=row.reason, attempts=row.attempts)
            raise
        except Exception as error:
            pause = self.pauses.after(row.attempts + 1)
            reason = type(error).__name__
            logger.error("image %s: %s; tried again in %.0f s", row.sop, reason, pause)
            self.received.change(row, RECEIVED, reason=reason, attempts=row.attempts + 1, due=time.time() + pause)
        else:
            if not self.received.change(row, SEPARATED, results=len(objects)):
                self.spool.remove(row.file)

    def _end(self, row: Received, state: str, reason: str) -> None:
        """Note that nothing more is done with an object, and remove its file."""
        if self.received.change(row, state, reason=reason):
            logger.info("image %s %s: %s", row.sop, state, reason)
            self.spool.remove(row.file)


def _reason(error: InputError, row: Received) -> str:
    """Return the sentence of a refusal, without the name in the spool."""
    return str(error).replace(f"{row.file}: ", "").replace(row.file, "image")
