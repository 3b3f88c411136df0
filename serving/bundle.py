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

"""The bundle as the server runs it: network and inferer of its inference config, weights as they are now."""

import logging
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monai.bundle import ConfigParser
from torch import nn

from scripts.dicom.provenance import Software
from scripts.files import file_sha256
from scripts.networks import checkpoints

logger = logging.getLogger(__name__)

ROOT = Path(__file__).parents[1]
"""The bundle's folder."""


@dataclass(frozen=True)
class Loaded:
    """A network that is ready, what runs it, and what its results are signed with."""

    network: nn.Module
    inferer: Any
    software: Software


class Bundle:
    """Loads the network once, and again when its weights' file has changed.

    Args:
        paths: of weights; the first that is there counts.
        root: the bundle's folder.
    """

    def __init__(self, *paths: Path, root: Path = ROOT) -> None:
        self.paths = paths
        self.root = root
        self._lock = threading.Lock()
        self._loaded: Loaded | None = None
        self._of: tuple[Path, int, int] | None = None

    @property
    def path(self) -> Path:
        """Of the weights that count now."""
        return next((path for path in self.paths if path.is_file()), self.paths[-1])

    @property
    def version(self) -> str:
        """Of the bundle."""
        return str(ConfigParser.load_config_file(str(self.root / "configs" / "metadata.json"))["version"])

    def get(self) -> Loaded:
        """Network, inferer and software.

        Raises:
            FileNotFoundError: there are no weights.
            ValueError: the file holds no weights of this network.
        """
        with self._lock:
            path = self.path
            status = path.stat()
            if self._loaded is None or self._of != (path, status.st_mtime_ns, status.st_size):
                parser = ConfigParser()
                parser.read_config(str(self.root / "configs" / "inference.json"))
                parser.read_meta(str(self.root / "configs" / "metadata.json"))
                network = checkpoints.load(parser.get_parsed_content("network"), path).eval()
                software = Software(version=self.version, weights_sha256=file_sha256(path))
                self._loaded = Loaded(network, parser.get_parsed_content("inferer"), software)
                self._of = (path, status.st_mtime_ns, status.st_size)
                logger.info("weights %s loaded", str(software.weights_sha256)[:12])
            return self._loaded
