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

"""MONAI Label's server with our app, in a process of its own."""

import logging
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

import requests

from scripts.refusal import RefusedError
from serving.bundle import ROOT

logger = logging.getLogger(__name__)

START = 120.0
"""Seconds until it answers: importing torch and monai takes most of it on a slow disk."""

SETTINGS = {
    "MONAI_LABEL_SESSIONS": "false",
    "MONAI_LABEL_TRACKING_ENABLED": "false",
    "MONAI_LABEL_AUTO_UPDATE_SCORING": "false",
}
"""What of MONAI Label writes outside of the state's folder, or keeps no promise here."""


class LabelServer:
    """A running server.

    Args:
        studies: address of the PACS' DICOMweb services.
        state: folder for what has to outlive the server, and for its log.
        port: where it listens.
        host: address where it listens.
        ohif: the viewer's static files.
        orthanc: address of Orthanc's own interface, if the PACS is one.
        settings: environment variables.

    Raises:
        RefusedError: it does not start.
    """

    def __init__(
        self,
        studies: str,
        state: Path,
        *,
        port: int,
        host: str = "127.0.0.1",
        ohif: Path | None = None,
        orthanc: str = "",
        settings: dict[str, str] | None = None,
    ) -> None:
        self.state = state
        # Whoever listens at all addresses is reached at this one too.
        named = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
        self.url = f"http://[{named}]:{port}" if ":" in named else f"http://{named}:{port}"
        self.command = [
            sys.executable,
            "-m",
            "monailabel.main",
            "start_server",
            "--app",
            str(ROOT / "serving" / "label"),
        ]
        self.command += ["--studies", studies, "--host", host, "--port", str(port)]
        self.command += ["--uvicorn_app", "serving.server:app"]
        self.command += ["--conf", "state", str(state), *(["--conf", "orthanc", orthanc] if orthanc else [])]
        self.environment = {**SETTINGS, **os.environ, **(settings or {})}
        before = self.environment.get("PYTHONPATH")
        self.environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), *([before] if before else [])])
        if ohif is not None:
            self.environment["BLS_GAN_OHIF"] = str(ohif)
        state.mkdir(parents=True, exist_ok=True)
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._log = (self.state / "server.log").open("ab")
        # From the state's folder: MONAI Label takes a file .env of the folder it is started in for its settings.
        self._process = subprocess.Popen(
            self.command, stdout=self._log, stderr=self._log, env=self.environment, cwd=self.state
        )
        until = time.monotonic() + START
        while time.monotonic() < until and self.alive:
            try:
                requests.get(f"{self.url}/app-config.js", timeout=5)
                return
            except requests.RequestException:
                time.sleep(0.2)
        self.stop()
        raise RefusedError(f"the server does not start; {self.state / 'server.log'} says why")

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
                self._process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process = None
        if self._log is not None:
            self._log.close()
            self._log = None
