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

"""Fine-tuning of the segmenter on corrections of radiologists; new weights are used if they are not worse."""

import json
import logging
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import monai.bundle
import torch
from filelock import FileLock, Timeout
from monailabel.interfaces.datastore import Datastore
from monailabel.interfaces.tasks.train import TrainTask

from scripts.errors import InputError
from scripts.evaluation.mask_quality import drawn_joints, held_out_joints, mask_metrics, not_worse
from scripts.files import file_sha256, replace_durably, write_durably
from scripts.networks import checkpoints
from scripts.networks.separator import Separator as Network
from serving.bundle import Bundle
from serving.learning import corrections
from serving.pacs.journal import BusyError
from serving.pacs.result_index import ResultIndex
from serving.private_files import private_folder

logger = logging.getLogger(__name__)

CONFIGS = ("train.json", "train_segmenter.json", "finetune_segmenter.json")
"""Configs of the segmenter's training, and the overrides for fine-tuning."""

LIMITS: dict[str, tuple[type, float, float]] = {
    "max_epochs": (int, 1, 200),
    "learning_rate": (float, 1e-6, 1e-2),
    "batch_size": (int, 1, 32),
    "seed": (int, 0, 2**31 - 1),
    "share": (float, 0.05, 1.0),
}
"""Parameters that a request may set: type, smallest and largest value."""

DEFAULTS = {"seed": 0, "share": 0.25}
"""Parameters that the config does not set. New weights are old + ``share`` (trained - old): the corrections of one
hospital are few and alike, and the network should not forget all other images."""

TRAINED_PREFIX = "segmenter."
"""Prefix of the weights that a training may change; all others stay, bit for bit."""

ALREADY_RUNNING = "a training runs already: GET /train/ returns its state, DELETE /train/ stops it"

NICE = 10
"""Niceness of a training, so that separations come first."""


class FineTuning(TrainTask):
    """Training task: collects corrections from the PACS, trains, compares on held-out joints, installs better weights.

    Files in ``weights`` of the server's state: ``model.pt``, the weights in use, after the first successful training;
    ``model_<first 12 of SHA-256>.pt``, all former ones; ``history.json``, all trainings. While a training runs,
    ``training`` holds images of patients, readable by the server's user only.

    Args:
        results: in the PACS.
        bundle: whose weights are trained further.
        state: folder of the server.
    """

    def __init__(self, results: ResultIndex, bundle: Bundle, state: Path) -> None:
        super().__init__("Fine-tunes the segmenter on corrected masks in the PACS. Research use, not a medical device.")
        self.results = results
        self.bundle = bundle
        self.folder = state / "weights"
        self.work = state / "training"
        self._lock = state / "locks" / "training"
        private_folder(self.folder)
        self.clean_up()

    def config(self) -> dict[str, Any]:
        """Return the defaults of the parameters that a request may set."""
        config = json.loads((self.bundle.root / "configs" / CONFIGS[-1]).read_text())
        return {**{name: config[name] for name in LIMITS if name in config}, **DEFAULTS}

    def stats(self) -> dict[str, Any]:
        """Return the last training, the number of trainings, and the checksum of the weights in use."""
        history = self.history()
        return {
            "weights_sha256": file_sha256(self.bundle.path) if self.bundle.path.is_file() else None,
            "trainings": len(history),
            "taken": sum(bool(entry["taken"]) for entry in history),
            "last": history[-1] if history else None,
        }

    def history(self) -> list[dict[str, Any]]:
        """Return all finished trainings, the oldest first."""
        path = self.folder / "history.json"
        return json.loads(path.read_text()) if path.is_file() else []

    def settings(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return the settings of a training.

        Args:
            params: names and values of :data:`LIMITS`.

        Raises:
            InputError: an unknown name, or a value outside of its limits.
        """
        for name, value in params.items():
            if name not in LIMITS:
                raise InputError(f"params: expected {', '.join(LIMITS)}, got {name[:32]!r}")
            kind, least, most = LIMITS[name]
            fits = isinstance(value, (kind, int)) and not isinstance(value, bool)
            if not fits or not least <= value <= most:
                raise InputError(
                    f"params: {name}: expected {kind.__name__} {least:g} to {most:g}, got {str(value)[:32]}"
                )
        return {**self.config(), **params}

    def check(self, params: Mapping[str, Any]) -> None:
        """Check before a training starts that it can run.

        Args:
            params: parameters of a request.

        Raises:
            InputError: wrong settings, or too few corrections.
            BusyError: a training runs already.
            PacsAwayError: the PACS does not answer.
        """
        self.settings(params)
        corrections.check_enough(*corrections.count(self.results))
        with self._locked():
            pass

    def __call__(self, request: Mapping[str, Any], datastore: Datastore | None = None) -> dict[str, Any]:
        """Train; called in a process of its own.

        Args:
            request: names and values of :data:`LIMITS`; others are MONAI Label's own and are ignored.
            datastore: not used.

        Returns:
            The entry in the history.

        Raises:
            InputError: as :meth:`check`, or the weights in use were changed meanwhile.
            BusyError: a training runs already.
            PacsAwayError: the PACS does not answer.
        """
        os.nice(NICE)
        settings = self.settings({name: request[name] for name in LIMITS if name in request})
        # A request for another training holds the lock for a moment.
        with self._locked(patience=5.0):
            try:
                self.work.mkdir(mode=0o700)
                return self._train(settings)
            finally:
                shutil.rmtree(self.work, ignore_errors=True)

    def clean_up(self, patience: float = 0.0) -> None:
        """Remove the files that a killed training has left, unless a training runs.

        Args:
            patience: seconds to wait for its end.
        """
        try:
            with self._locked(patience):
                for partial in self.folder.glob(".*.partial"):
                    partial.unlink(missing_ok=True)
        except BusyError:
            return

    def _train(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Train and compare; install the new weights if they are not worse; return the entry of the history."""
        former = self.bundle.path
        before = checkpoints.load(Network(), former)
        sha256 = file_sha256(former)
        trained_on, held_out = corrections.collect(self.results, self.work / "release", self._newest())
        logger.info("%d corrected joints to train on, %d held out", trained_on, held_out)
        _run(self.bundle.root, self.work, former, {name: settings[name] for name in settings if name != "share"})
        state = before.state_dict()
        trained = checkpoints.read(self.work / "models" / "model.pt")
        checkpoints.check(trained, before, "the trained weights")
        moved = checkpoints.between(state, trained, settings["share"])
        state |= {name: value for name, value in moved.items() if name.startswith(TRAINED_PREFIX)}
        metrics = self._measure(before.eval(), state)
        worse = [name for name, (old, new) in metrics.items() if not not_worse(old, new)]
        candidate = self.work / "candidate.pt"
        checkpoints.save(state, candidate)
        entry = {
            "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "taken": not worse,
            "why": f"worse on {' and '.join(worse)} joints" if worse else "not worse on held-out nor on drawn joints",
            "version": self.bundle.version,
            "weights_before": sha256,
            "weights_after": file_sha256(candidate),
            "joints": {"trained_on": trained_on, "held_out": held_out},
            "figures": {name: {"before": old, "after": new} for name, (old, new) in metrics.items()},
            "settings": settings,
        }
        if file_sha256(self.bundle.path) != sha256:
            raise InputError("the weights in use were changed while the training ran: its weights are discarded")
        if not worse:
            install(candidate, former, self.folder)
        write_durably(self.folder / "history.json", json.dumps([*self.history(), entry], indent=4).encode() + b"\n")
        logger.info("%s: %s", "new weights taken" if entry["taken"] else "new weights not taken", entry["why"])
        return entry

    def _measure(self, network: Network, state: Mapping[str, torch.Tensor]) -> dict[str, tuple[dict, dict]]:
        """Return the metrics of the network, and of the same with other weights, on held-out and on drawn joints."""
        sets = {"held-out": list(held_out_joints(self.work / "release")), "drawn": list(drawn_joints())}
        old = {name: mask_metrics(network, joints) for name, joints in sets.items()}
        after = Network()
        after.load_state_dict(dict(state))
        return {name: (old[name], mask_metrics(after.eval(), joints)) for name, joints in sets.items()}

    def _newest(self) -> list[str]:
        """Return the SHA-256 of the weights in use and of all former ones, the newest first."""
        taken = [entry for entry in reversed(self.history()) if entry["taken"]]
        used = [file_sha256(self.bundle.path), *(entry["weights_after"] for entry in taken)]
        used += [entry["weights_before"] for entry in taken]
        return list(dict.fromkeys(str(sha256) for sha256 in used))

    @contextmanager
    def _locked(self, patience: float = 0.0) -> Iterator[None]:
        """Hold the lock of all processes for a training, and remove images that a killed one has left."""
        private_folder(self._lock.parent)
        try:
            with FileLock(self._lock, timeout=patience):
                shutil.rmtree(self.work, ignore_errors=True)
                yield
        except Timeout as error:
            raise BusyError(ALREADY_RUNNING) from error


def install(candidate: Path, former: Path, folder: Path) -> None:
    """Put new weights in use and keep the former ones; at every moment one complete file is in use.

    Args:
        candidate: file of the new weights, on the same file system as ``folder``; it is moved.
        former: file of the weights in use, possibly in another folder.
        folder: of the new weights in use.
    """
    kept = folder / f"model_{str(file_sha256(former))[:12]}.pt"
    if not kept.is_file():
        write_durably(kept, former.read_bytes())
    replace_durably(candidate, folder / "model.pt")


def _run(root: Path, work: Path, former: Path, settings: Mapping[str, Any]) -> None:
    """Run the bundle's training on the collected corrections."""
    paths: dict[str, Any] = {
        "bundle_root": str(root),
        "dataset_dir": str(work / "release"),
        "output_dir": str(work),
        "weights": str(former),
        # Keep the log handlers of this process.
        "logging_file": False,
    }
    monai.bundle.run(config_file=[str(root / "configs" / name) for name in CONFIGS], **paths, **settings)
