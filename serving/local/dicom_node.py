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

"""DICOM node in a process of its own, whose results go into the server's PACS."""

import os
import socket
import sys
from pathlib import Path

from serving.bundle import ROOT
from serving.local.process import Service
from serving.private_files import private_folder

START_TIMEOUT = 120.0
"""Seconds to wait until it listens: importing torch and monai takes long on a slow disk."""


class DicomNode(Service):
    """Running DICOM node, see :mod:`serving.node`.

    Args:
        studies: address of the PACS' DICOMweb services.
        state: folder of the server.
        host: address at which it listens.
        port: number at which it listens.
        aet: its AE title.
        callers: AE titles that may send.
        orthanc: address of Orthanc's own interface, if the PACS is one.
        credentials: user and password for the PACS.

    Raises:
        InputError: the node does not start.
    """

    def __init__(
        self,
        studies: str,
        state: Path,
        *,
        host: str,
        port: int,
        aet: str,
        callers: str,
        orthanc: str = "",
        credentials: tuple[str, str] | None = None,
    ) -> None:
        self.where = ({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port)
        options = {"store": studies, "state": state, "host": host, "port": port, "aet": aet}
        options |= {"callers": callers, "orthanc": orthanc}
        command = [sys.executable, "-m", "serving.node"]
        command += [f"--{name}={value}" for name, value in options.items() if value != ""]
        environment = dict(os.environ)
        if credentials is not None:
            # Not on the command line, which everybody on the machine can read.
            names = ("MONAI_LABEL_DICOMWEB_USERNAME", "MONAI_LABEL_DICOMWEB_PASSWORD")
            environment |= dict(zip(names, credentials, strict=True))
        log = private_folder(state) / "node.log"
        super().__init__("the DICOM node", command, log, timeout=START_TIMEOUT, environment=environment, folder=ROOT)

    def answers(self) -> bool:
        """Return whether the node listens."""
        try:
            socket.create_connection(self.where, timeout=5).close()
        except OSError:
            return False
        return True
