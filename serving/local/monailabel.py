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
from serving.private_files import private_folder

START_TIMEOUT = 120.0
"""Seconds to wait for the first answer: importing torch and monai takes long on a slow disk."""

SETTINGS = {
    "MONAI_LABEL_SESSIONS": "false",
    "MONAI_LABEL_TRACKING_ENABLED": "false",
    "MONAI_LABEL_AUTO_UPDATE_SCORING": "false",
    # Freed memory goes back: the server takes 75 MB less, and is no slower.
    "MALLOC_ARENA_MAX": "2",
    # Threads of a training wait for each other without keeping from the cores those who answer clicks.
    "OMP_WAIT_POLICY": "PASSIVE",
}
"""Settings of MONAI Label's features that are off, since they write outside of the state's folder or do not work here,
of the C library, and of OpenMP."""


class LabelServer(Service):
    """Running server.

    Args:
        studies: address of the PACS' DICOMweb services.
        state: folder for files that outlive the server, and for its log.
        port: number at which it listens.
        host: address at which it listens.
        ohif: folder of the viewer's static files.
        orthanc: address of Orthanc's own interface, if the PACS is one.
        credentials: user and password for the PACS.
        settings: environment variables.

    Raises:
        InputError: the server does not start.
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
        credentials: tuple[str, str] | None = None,
        settings: dict[str, str] | None = None,
    ) -> None:
        self.state = state
        # A server that listens at all addresses answers at this one too.
        reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
        self.url = f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"
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
        if credentials is not None:
            # Not on the command line, which everybody on the machine can read.
            names = ("MONAI_LABEL_DICOMWEB_USERNAME", "MONAI_LABEL_DICOMWEB_PASSWORD")
            environment |= dict(zip(names, credentials, strict=True))
        # MONAI Label writes a second log beside the app.
        for folder in (state, ROOT / "serving" / "app" / "logs"):
            private_folder(folder)
        # Started in the state's folder, because MONAI Label reads settings from a file .env of the current one.
        super().__init__(
            "the server", command, state / "server.log", timeout=START_TIMEOUT, environment=environment, folder=state
        )

    def answers(self) -> bool:
        """Return whether the server answers, with any status."""
        try:
            requests.get(f"{self.url}/app-config.js", timeout=5)
        except requests.RequestException:
            return False
        return True
