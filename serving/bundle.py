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

"""The bundle as the server runs it: the pipeline of its inference config, with the weights as they are now."""

import logging
import threading
from pathlib import Path

from monai.bundle import ConfigParser

from scripts.inference.pipeline import Pipeline
from scripts.networks import checkpoints

logger = logging.getLogger(__name__)

ROOT = Path(__file__).parents[1]
"""The bundle's folder."""


class Bundle:
    """Pipeline of the bundle, loaded once, and again when the file of its weights has changed.

    Args:
        paths: of weights; the first that is there counts.
        root: the bundle's folder.
    """

    def __init__(self, *paths: Path, root: Path = ROOT) -> None:
        self.paths = paths
        self.root = root
        self._lock = threading.Lock()
        self._loaded: Pipeline | None = None
        self._state: tuple[Path, int, int] | None = None

    @property
    def path(self) -> Path:
        """The file of the weights in use."""
        return next((path for path in self.paths if path.is_file()), self.paths[-1])

    @property
    def version(self) -> str:
        """The version of the bundle."""
        return str(ConfigParser.load_config_file(str(self.root / "configs" / "metadata.json"))["version"])

    def get(self) -> Pipeline:
        """Return the pipeline with the weights in use.

        Raises:
            FileNotFoundError: there are no weights.
            ValueError: the file holds no weights of this network.
        """
        with self._lock:
            path = self.path
            status = path.stat()
            state = (path, status.st_mtime_ns, status.st_size)
            if self._loaded is None or self._state != state:
                parser = ConfigParser()
                parser.read_config(str(self.root / "configs" / "inference.json"))
                parser.read_meta(str(self.root / "configs" / "metadata.json"))
                parser.update({"bundle_root": str(self.root), "weights": str(path), "version": self.version})
                pipeline: Pipeline = parser.get_parsed_content("pipeline")
                # In training mode each image would shift the statistics by which the weights normalise.
                checkpoints.load(pipeline.network, path).eval()
                # Compiled now, so that the first click does not wait for it.
                logger.debug("%s runs", type(pipeline.compiled).__name__)
                # Hashed now, while the file is the one that was loaded.
                logger.info("weights %s loaded", str(pipeline.software.weights_sha256)[:12])
                self._loaded, self._state = pipeline, state
            return self._loaded
