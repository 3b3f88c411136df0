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

"""Command ``python -m serving.node``: the DICOM node, until Ctrl-C."""

import logging
import os
import signal
import threading
from types import FrameType
from typing import Any

import fire

from scripts.errors import InputError, exit_on_input_error
from serving.node.node import Node
from serving.node.options import Options
from serving.node.status_server import StatusServer
from serving.private_files import PRIVATE

logger = logging.getLogger(__name__)


def run(options: Options, **parts: Any) -> None:
    """Run the node until SIGTERM or Ctrl-C.

    Args:
        options: of the command.
        parts: what else :class:`serving.node.node.Node` takes.

    Raises:
        InputError: it cannot start.
    """
    os.umask(PRIVATE)
    stopped = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    node = Node(options, **parts)
    status = StatusServer(node.received.database, options.status_port) if options.status_port else None
    if status:
        logger.info("its status is at http://127.0.0.1:%d/", options.status_port)
    stopped.wait()
    if status:
        status.stop()
    node.stop()
    logger.info("stopped")


def main() -> None:
    """Read the options of the command line, and run."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    # pynetdicom tells every message, and quotes what it cannot read.
    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)
    for quiet in ("dicomweb_client", "urllib3"):
        logging.getLogger(quiet).setLevel(logging.WARNING)
    with exit_on_input_error():
        options = fire.Fire(Options, serialize=lambda _: None)
        if not isinstance(options, Options):
            raise InputError("expected options alone, see --help")
        run(options)


if __name__ == "__main__":
    main()
