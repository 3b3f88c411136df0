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

"""Orthanc as a PACS of one's own: started for this server, on this machine only, stopped with it."""

import json
import logging
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import IO

import requests

from scripts.refusal import RefusedError

logger = logging.getLogger(__name__)

CONFIG = Path(__file__).with_name("orthanc.json")
INSTALL = "apt-get install --yes orthanc orthanc-dicomweb"

START = 30.0
"""Seconds until it answers."""


class Orthanc:
    """A running Orthanc.

    Args:
        folder: for its database, config and log, made if it is not there.
        port: of its HTTP server; the next free one if it is taken.

    Raises:
        RefusedError: it is not installed, or does not start.
    """

    def __init__(self, folder: Path, port: int = 8042) -> None:
        config = json.loads(CONFIG.read_text())
        binary = shutil.which("Orthanc")
        if binary is None or not all(Path(plugin).is_file() for plugin in config["Plugins"]):
            raise RefusedError(f"Orthanc and its DICOMweb are missing: {INSTALL}")
        self.binary = binary
        self.folder = folder
        self.port = free_port(port)
        self.url = f"http://127.0.0.1:{self.port}"
        self.studies = f"{self.url}/dicom-web"
        folder.mkdir(parents=True, exist_ok=True)
        database = str(folder / "database")
        config |= {"HttpPort": self.port, "StorageDirectory": database, "IndexDirectory": database}
        (folder / "orthanc.json").write_text(json.dumps(config, indent=4) + "\n")
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._log = (self.folder / "orthanc.log").open("ab")
        self._process = subprocess.Popen(
            [self.binary, str(self.folder / "orthanc.json")], stdout=self._log, stderr=self._log
        )
        until = time.monotonic() + START
        while time.monotonic() < until and self.alive:
            try:
                if requests.get(f"{self.studies}/studies", params={"limit": 1}, timeout=5).ok:
                    return
            except requests.RequestException:
                time.sleep(0.1)
        self.stop()
        raise RefusedError(f"Orthanc does not start; {self.folder / 'orthanc.log'} says why")

    @property
    def alive(self) -> bool:
        """It runs."""
        return self._process is not None and self._process.poll() is None

    def stop(self, *, kill: bool = False) -> None:
        """Stop it in order, or at once as a power cut does."""
        if self._process is not None and self.alive:
            self._process.kill() if kill else self._process.terminate()
            try:
                self._process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process = None
        if self._log is not None:
            self._log.close()
            self._log = None


def free_port(wanted: int) -> int:
    """The first port from ``wanted`` on that nobody listens at; any free one for 0."""
    for port in range(wanted, wanted + 100):
        with socket.socket() as trial:
            # What a server that was stopped leaves waiting does not count.
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind(("127.0.0.1", port if wanted else 0))
            except OSError:
                continue
            return int(trial.getsockname()[1])
    raise RefusedError(f"no port from {wanted} to {wanted + 99} is free")
