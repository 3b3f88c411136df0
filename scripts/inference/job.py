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

"""The job as another process builds it: from the bundle's config and a few options, not from networks that are sent."""

import logging
import os
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import torch
from monai.bundle import ConfigParser
from monai.engines import Evaluator

from scripts.files import file_sha256
from scripts.inference.find_images import ImageEntry

ROOT = Path(__file__).parents[2]
"""Folder of the bundle that this process runs."""


class WorkerError(RuntimeError):
    """Error for a worker that cannot do its part of the job; its text is the sentence for the user."""


@dataclass(frozen=True)
class Job:
    """Description of a job, which is the same in every process.

    Attributes:
        config: path of the config; one inside the bundle is that of the worker's own copy of the bundle.
        options: of the config, by name; ``output_dir`` and ``weights`` are among them.
        version: of the bundle.
        weights_sha256: of the weights.
        signature: of the separation that this job's config makes, see
            :attr:`scripts.inference.batch.ImageSeparation.signature`; not compared if empty.
        mark: name of a hidden file in the output folder while the job runs, by which a worker knows the folder.
    """

    config: str
    options: Mapping[str, Any] = field(default_factory=dict)
    version: str = ""
    weights_sha256: str | None = None
    signature: str = ""
    mark: str = ""

    @contextmanager
    def started(self, elsewhere: bool = False) -> Iterator["Job"]:
        """Yield the job as it is sent to workers, while its mark is in the output folder.

        Args:
            elsewhere: to other machines: paths hold in any folder, and a worker chooses its own device.
        """
        options = dict(self.options)
        weights_sha256 = file_sha256(options.get("weights"))
        if options.get("weights"):
            options["weights"] = _portable(options["weights"])
        if elsewhere:
            options["output_dir"] = str(Path(options["output_dir"]).absolute())
            options.pop("device", None)
        mark = Path(options["output_dir"]) / f".{uuid4().hex}.partial"
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()
        try:
            yield replace(
                self,
                config=_portable(self.config),
                options=options,
                weights_sha256=weights_sha256,
                mark=mark.name,
            )
        finally:
            mark.unlink(missing_ok=True)

    def settings(self) -> dict[str, Any]:
        """Return what the config is updated with in this process."""
        paths = {name: str(ROOT / self.options[name]) for name in ("weights",) if self.options.get(name)}
        # The image is handed over: the folder is not searched again.
        return {**self.options, **paths, "bundle_root": str(ROOT), "dataset#data": []}

    def check(self) -> None:
        """Check that this process can do the job.

        Raises:
            WorkerError: it has another version or other weights, or does not see the output folder.
        """
        host, output = socket.gethostname(), self.options["output_dir"]
        if not (Path(output) / self.mark).is_file():
            raise WorkerError(f"worker on {host}: expected the output_dir of all machines, {output}, got none")
        version = str(ConfigParser.load_config_file(str(ROOT / "configs" / "metadata.json"))["version"])
        if version != self.version:
            raise WorkerError(f"worker on {host}: expected version {self.version} of the bundle, got {version}")
        weights = self.settings().get("weights")
        if self.weights_sha256 is None or weights is None:
            return
        found = file_sha256(weights) if Path(weights).is_file() else "no file"
        if found != self.weights_sha256:
            raise WorkerError(f"worker on {host}: expected weights {self.weights_sha256[:12]}, got {str(found)[:12]}")

    def evaluator(self) -> Evaluator:
        """Build the config's evaluator in this process.

        Raises:
            WorkerError: as :meth:`check`; or its separation is another one than that of the process that sent the job.
        """
        self.check()
        torch.set_num_threads(1)
        parser = ConfigParser()
        parser.read_config(str(ROOT / self.config))
        parser.read_meta(str(ROOT / "configs" / "metadata.json"))
        parser.update(self.settings())
        parser.get_parsed_content("initialize")
        if self.signature and self.signature != parser.get_parsed_content("separation").signature:
            raise WorkerError(
                f"worker on {socket.gethostname()}: expected the settings of the command, got others; only those reach "
                f"a worker: {', '.join(sorted(self.options))}"
            )
        evaluator: Evaluator = parser.get_parsed_content("evaluator")
        return silenced(evaluator)


_lock = threading.Lock()
_built: dict[str, Evaluator] = {}


def separate(job: Job, entry: ImageEntry) -> Any:
    """Separate one image in this process; the evaluator is built for the first one and kept.

    Returns:
        The :class:`scripts.inference.batch.Outcome`.

    Raises:
        WorkerError: as :meth:`Job.check`.
    """
    with _lock:
        try:
            if repr(job) not in _built:
                _built.clear()
                _built[repr(job)] = job.evaluator()
            return run_one(_built[repr(job)], entry)
        except SystemExit as ended:  # by which a config's steps end, and which would end the worker
            raise WorkerError(f"worker on {socket.gethostname()}: {ended}") from ended


def silenced(evaluator: Evaluator) -> Evaluator:
    """Return an evaluator that logs none of its runs, one an image, nor what highdicom copies."""
    evaluator.logger.setLevel(logging.CRITICAL)
    logging.getLogger("highdicom").setLevel(logging.WARNING)
    return evaluator


def run_one(evaluator: Evaluator, entry: ImageEntry) -> Any:
    """Run an evaluator on one image; its outcome."""
    evaluator.data_loader, evaluator.state.epoch_length = [entry], 1
    evaluator.run()
    return evaluator.state.output


def _portable(path: str | Path) -> str:
    """Return a path that is relative within the bundle, and absolute elsewhere."""
    absolute = Path(os.path.abspath(path))
    return str(absolute.relative_to(ROOT.absolute()) if absolute.is_relative_to(ROOT.absolute()) else absolute)
