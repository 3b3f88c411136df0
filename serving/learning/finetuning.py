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

"""Fine-tuning of the segmenter on what radiologists have corrected; new weights are taken if they are not worse."""

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
from scripts.evaluation.mask_quality import drawn_joints, held_out_joints, mask_figures, not_worse
from scripts.files import file_sha256, replace_durably, write_durably
from scripts.networks import checkpoints
from scripts.networks.separator import Separator as Network
from serving.bundle import Bundle
from serving.learning import corrections
from serving.pacs.journal import BusyError
from serving.pacs.result_index import Results

logger = logging.getLogger(__name__)

CONFIGS = ("train_segmenter.json", "finetune_segmenter.json")
"""The second is an override of the first."""

LIMITS: dict[str, tuple[type, float, float]] = {
    "max_epochs": (int, 1, 200),
    "learning_rate": (float, 1e-6, 1e-2),
    "batch_size": (int, 1, 32),
    "seed": (int, 0, 2**31 - 1),
    "share": (float, 0.05, 1.0),
}
"""What a request may set: type, least and largest value."""

OWN = {"seed": 0, "share": 0.25}
"""What the config does not set. The new weights lie at ``share`` of the way from the old to the trained ones: what is
corrected in one place is little, and of one kind, and should not make the network forget all others."""

TRAINED = "segmenter."
"""Weights that a training may change begin so; all others stay, bit for bit."""

ANOTHER = "a training runs already: GET /train/ tells of it, DELETE /train/ stops it"

NICE = 10
"""Separations that somebody waits for go first."""


class FineTuning(TrainTask):
    """One training: corrections from the PACS, some epochs, a check on what nobody trained on, and new weights or not.

    In ``weights`` of the server's state: ``model.pt``, the weights in use, once a training has brought some;
    ``model_<first 12 of SHA-256>.pt``, all former ones; ``history.json``, all trainings. ``training`` holds pictures of
    patients while one runs, for the server's own user only.

    Args:
        results: in the PACS, corrected ones among them.
        bundle: whose weights are trained on.
        state: folder of the server.
    """

    def __init__(self, results: Results, bundle: Bundle, state: Path) -> None:
        super().__init__("Fine-tunes the segmenter on corrected masks in the PACS. Research use, not a medical device.")
        self.results = results
        self.bundle = bundle
        self.folder = state / "weights"
        self.work = state / "training"
        self._lock = state / "locks" / "training"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.sweep()

    def config(self) -> dict[str, Any]:
        """What a request may set, as it is if it does not."""
        config = json.loads((self.bundle.root / "configs" / CONFIGS[1]).read_text())
        return {**{name: config[name] for name in LIMITS if name in config}, **OWN}

    def stats(self) -> dict[str, Any]:
        """The last training, how many there were, and which weights are in use."""
        history = self.history()
        return {
            "weights_sha256": file_sha256(self.bundle.path) if self.bundle.path.is_file() else None,
            "trainings": len(history),
            "taken": sum(bool(entry["taken"]) for entry in history),
            "last": history[-1] if history else None,
        }

    def history(self) -> list[dict[str, Any]]:
        """All trainings that came to an end, the first one first."""
        path = self.folder / "history.json"
        return json.loads(path.read_text()) if path.is_file() else []

    def settings(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """What a training is run with.

        Args:
            asked: names and values of :data:`LIMITS`.

        Raises:
            InputError: an unknown name, or a value that cannot be.
        """
        for name, value in asked.items():
            if name not in LIMITS:
                raise InputError(f"params: {name[:32]!r} is unknown, {', '.join(LIMITS)} expected")
            kind, least, most = LIMITS[name]
            fits = isinstance(value, (kind, int)) and not isinstance(value, bool)
            if not fits or not least <= value <= most:
                raise InputError(f"params: {name} is {str(value)[:32]}, {kind.__name__} {least:g} to {most:g} expected")
        return {**self.config(), **asked}

    def check(self, asked: Mapping[str, Any]) -> None:
        """Refuse a training that could not do anything, before it begins.

        Args:
            asked: of a request.

        Raises:
            InputError: settings that cannot be, or too few corrections; names their count.
            BusyError: a training runs already.
            PacsAwayError: the PACS does not answer.
        """
        self.settings(asked)
        corrections.refuse_few(*corrections.count(self.results))
        with self._alone():
            pass

    def __call__(self, request: Mapping[str, Any], datastore: Datastore | None = None) -> dict[str, Any]:
        """Train; to be called in a process of its own.

        Args:
            request: names and values of :data:`LIMITS`; others are MONAI Label's own and passed over.
            datastore: of no use here.

        Returns:
            The entry in the history.

        Raises:
            InputError: as :meth:`check`, or the weights in use were changed meanwhile.
            BusyError: a training runs already.
            PacsAwayError: the PACS does not answer.
        """
        os.nice(NICE)
        settings = self.settings({name: request[name] for name in LIMITS if name in request})
        # Whoever asks for another one meanwhile holds the lock for a moment.
        with self._alone(patience=5.0):
            try:
                self.work.mkdir(mode=0o700)
                return self._train(settings)
            finally:
                shutil.rmtree(self.work, ignore_errors=True)

    def sweep(self, patience: float = 0.0) -> None:
        """Take away what a training that was killed has left, unless one runs.

        Args:
            patience: seconds to wait for its end.
        """
        try:
            with self._alone(patience):
                for left in self.folder.glob(".*.partial"):
                    left.unlink(missing_ok=True)
        except BusyError:
            return

    def _train(self, settings: dict[str, Any]) -> dict[str, Any]:
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
        state |= {name: value for name, value in moved.items() if name.startswith(TRAINED)}
        figures = self._figures(before.eval(), state)
        worse = [name for name, (old, new) in figures.items() if not not_worse(old, new)]
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
            "figures": {name: {"before": old, "after": new} for name, (old, new) in figures.items()},
            "settings": settings,
        }
        if file_sha256(self.bundle.path) != sha256:
            raise InputError("the weights in use were changed while the training ran: it counts for nothing")
        if not worse:
            install(candidate, former, self.folder)
        write_durably(self.folder / "history.json", json.dumps([*self.history(), entry], indent=4).encode() + b"\n")
        logger.info("%s: %s", "new weights taken" if entry["taken"] else "new weights not taken", entry["why"])
        return entry

    def _figures(self, network: Network, state: Mapping[str, torch.Tensor]) -> dict[str, tuple[dict, dict]]:
        """Of the network as it is, and with other weights, on both sets of joints."""
        sets = {"held-out": list(held_out_joints(self.work / "release")), "drawn": list(drawn_joints())}
        old = {name: mask_figures(network, joints) for name, joints in sets.items()}
        after = Network()
        after.load_state_dict(dict(state))
        return {name: (old[name], mask_figures(after.eval(), joints)) for name, joints in sets.items()}

    def _newest(self) -> list[str]:
        """SHA-256 of the weights in use and of all former ones."""
        taken = [entry for entry in reversed(self.history()) if entry["taken"]]
        used = [file_sha256(self.bundle.path), *(entry["weights_after"] for entry in taken)]
        used += [entry["weights_before"] for entry in taken]
        return list(dict.fromkeys(str(sha256) for sha256 in used))

    @contextmanager
    def _alone(self, patience: float = 0.0) -> Iterator[None]:
        """One training at a time, in all processes; pictures that a killed one has left are taken away."""
        self._lock.parent.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self._lock, timeout=patience):
                shutil.rmtree(self.work, ignore_errors=True)
                yield
        except Timeout as error:
            raise BusyError(ANOTHER) from error


def install(candidate: Path, former: Path, folder: Path) -> None:
    """Put weights in use and keep those that they replace; at every moment one of both is in use, whole.

    Args:
        candidate: file of the new weights, on the same disk as ``folder``; it is moved.
        former: file of the weights in use, maybe in another folder.
        folder: of the weights in use from now on.
    """
    kept = folder / f"model_{str(file_sha256(former))[:12]}.pt"
    if not kept.is_file():
        write_durably(kept, former.read_bytes())
    replace_durably(candidate, folder / "model.pt")


def _run(root: Path, work: Path, former: Path, settings: Mapping[str, Any]) -> None:
    places: dict[str, Any] = {
        "bundle_root": str(root),
        "dataset_dir": str(work / "release"),
        "output_dir": str(work),
        "weights": str(former),
        # The handlers of this process' log stay.
        "logging_file": False,
    }
    monai.bundle.run(config_file=[str(root / "configs" / name) for name in CONFIGS], **places, **settings)
