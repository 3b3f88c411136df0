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

"""Node: listener, worker and sender, on one journal and one spool."""

import logging

from filelock import FileLock, Timeout

from scripts.errors import InputError
from serving.bundle import ROOT, Bundle
from serving.database import Database
from serving.node.arrivals import Arrivals
from serving.node.destination import Destination, destination_of
from serving.node.listener import Listener
from serving.node.loop import Loop
from serving.node.options import Options
from serving.node.pauses import Pauses
from serving.node.received import ReceivedObjects
from serving.node.reception import Reception
from serving.node.sender import Sender
from serving.node.spool import Spool
from serving.node.work import FindJoints
from serving.node.worker import Worker
from serving.private_files import private_folder

logger = logging.getLogger(__name__)

TAKE_OVER = 5.0
"""Seconds to wait for the end of a node that was killed."""

PATIENCE = 15.0
"""Seconds to wait, when the node is stopped, for what has begun."""


class Node:
    """Running DICOM node.

    Args:
        options: of its command.
        find_joints: knows the joints of a radiograph, instead of the bundle's finder.
        bundle: separates; with the weights of the state's folder, or the bundle's, if not given.
        destination: of results; that of the options if not given.
        pauses: between attempts.

    Raises:
        InputError: another node works in the state's folder, or it cannot listen as it should.
    """

    def __init__(
        self,
        options: Options,
        *,
        find_joints: FindJoints | None = None,
        bundle: Bundle | None = None,
        destination: Destination | None = None,
        pauses: Pauses | None = None,
    ) -> None:
        folder, pauses = private_folder(options.folder), pauses or Pauses()
        self._alone = FileLock(
            private_folder(folder / "locks") / "node", timeout=TAKE_OVER, mode=0o600, thread_local=False
        )
        try:
            self._alone.acquire()
        except Timeout as error:
            raise InputError(f"state {folder}: expected no other running node, got one") from error
        self.received = ReceivedObjects(Database(folder))
        self.spool = Spool(folder / "spool")
        self.spool.sweep(self.received.files())
        arrivals = Arrivals(options.quiet)
        bundle = bundle or Bundle(folder / "weights" / "model.pt", ROOT / "models" / "model.pt")
        destination = destination or destination_of(options)
        worker = Worker(self.received, self.spool, arrivals, bundle, find_joints, pauses)
        sender = Sender(self.received, self.spool, destination, pauses)
        self._loops = [Loop("worker", worker.step), Loop("sender", sender.step)]
        self.listener = Listener(options, Reception(self.received, self.spool, arrivals, options.largest_bytes))
        for loop in self._loops:
            loop.start()
        logger.info("%s listens at %s:%d, results go to %s", options.aet, options.host, self.port, destination.name)

    @property
    def port(self) -> int:
        """Number at which it listens."""
        return self.listener.port

    def stop(self) -> None:
        """Stop; what has begun ends, the rest stays in the journal."""
        self.listener.stop()
        for loop in self._loops:
            loop.stop(PATIENCE)
        self._alone.release()
