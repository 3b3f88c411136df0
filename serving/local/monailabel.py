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

import os
import sys
from pathlib import Path

import requests

from serving.bundle import ROOT
from serving.local.process import Service

START = 120.0
"""Seconds until it answers: importing torch and monai takes most of it on a slow disk."""

SETTINGS = {
    "MONAI_LABEL_SESSIONS": "false",
    "MONAI_LABEL_TRACKING_ENABLED": "false",
    "MONAI_LABEL_AUTO_UPDATE_SCORING": "false",
}
"""What of MONAI Label writes outside of the state's folder, or keeps no promise here."""


class LabelServer(Service):
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
        InputError: it does not start.
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
        command = [sys.executable, "-m", "monailabel.main", "start_server", "--app", str(ROOT / "serving" / "app")]
        command += [
            "--studies",
            studies,
            "--host",
            host,
            "--port",
            str(port),
            "--uvicorn_app",
            "serving.api.server:app",
        ]
        command += ["--conf", "state", str(state), *(["--conf", "orthanc", orthanc] if orthanc else [])]
        environment = {**SETTINGS, **os.environ, **(settings or {})}
        before = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), *([before] if before else [])])
        if ohif is not None:
            environment["BLS_GAN_OHIF"] = str(ohif)
        state.mkdir(parents=True, exist_ok=True)
        # From the state's folder: MONAI Label takes a file .env of the folder it is started in for its settings.
        super().__init__(
            "the server", command, state / "server.log", seconds=START, environment=environment, folder=state
        )

    def answers(self) -> bool:
        """It does, with whatever."""
        try:
            requests.get(f"{self.url}/app-config.js", timeout=5)
        except requests.RequestException:
            return False
        return True
