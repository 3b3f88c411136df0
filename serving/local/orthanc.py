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

"""Orthanc as a local PACS: started for this server, answers it alone, and is stopped with it."""

import json
import secrets
import shutil
import socket
from pathlib import Path

import requests

from scripts.errors import InputError
from serving.local.process import Service
from serving.pacs.client import Pacs
from serving.private_files import private_folder, write_private

CONFIG = Path(__file__).with_name("orthanc.json")
FILTER = Path(__file__).with_name("orthanc.lua")
USER = "bls_gan"
INSTALL = "apt-get install --yes orthanc orthanc-dicomweb"

START_TIMEOUT = 30.0
"""Seconds to wait for the first answer."""


class Orthanc(Service):
    """Running Orthanc.

    It has a password of its own, new at every start, since it listens at all addresses, and any page that is open in a
    browser of this machine could send requests to it.

    Args:
        folder: for database, config and log, created if it is missing.
        port: of the HTTP server; the next free one if it is taken.

    Raises:
        InputError: Orthanc is not installed, or does not start.
    """

    def __init__(self, folder: Path, port: int = 8042) -> None:
        config = json.loads(CONFIG.read_text())
        binary = shutil.which("Orthanc")
        if binary is None or not all(Path(plugin).is_file() for plugin in config["Plugins"]):
            raise InputError(f"Orthanc or its DICOMweb plugin is missing: {INSTALL}")
        self.port = free_port(port)
        self.url = f"http://127.0.0.1:{self.port}"
        self.studies = f"{self.url}/dicom-web"
        self.credentials = (USER, secrets.token_urlsafe(32))
        private_folder(folder)
        database = private_folder(folder / "database")
        config |= {"HttpPort": self.port, "StorageDirectory": str(database), "IndexDirectory": str(database)}
        config |= {"RegisteredUsers": dict([self.credentials]), "LuaScripts": [str(FILTER)]}
        path = folder / "orthanc.json"
        write_private(path, json.dumps(config, indent=4) + "\n")
        super().__init__("Orthanc", [binary, str(path)], folder / "orthanc.log", timeout=START_TIMEOUT)

    def pacs(self) -> Pacs:
        """Return a new connection to it."""
        session = requests.Session()
        session.auth = self.credentials
        return Pacs(self.studies, orthanc=self.url, session=session)

    def answers(self) -> bool:
        """Return whether the DICOMweb services answer."""
        try:
            return requests.get(f"{self.studies}/studies", params={"limit": 1}, auth=self.credentials, timeout=5).ok
        except requests.RequestException:
            return False


def free_port(wanted: int) -> int:
    """Return the first free port from ``wanted`` on; any free port for 0."""
    for port in range(wanted, wanted + 100):
        with socket.socket() as trial:
            # Connections that a stopped server has left in TIME_WAIT do not count.
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind(("127.0.0.1", port if wanted else 0))
            except OSError:
                continue
            return int(trial.getsockname()[1])
    raise InputError(f"no port from {wanted} to {wanted + 99} is free")
