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

"""The steps of the main job that its config names: check both ends first, load the weights, hand masks on, sum up."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events
from monai.engines import PrepareBatch
from torch import Tensor, nn

from scripts import weights
from scripts.refusal import exit_on_refusal
from scripts.regions import Regions, find_regions
from scripts.results import prepare_output

logger = logging.getLogger(__name__)


def check(dataset_dir: str | Path, output_dir: str | Path) -> None:
    """Refuse a job that has nothing to read or nowhere to write, before a network is built.

    Raises:
        SystemExit: with the sentence of the refusal.
    """
    with exit_on_refusal():
        find_regions(dataset_dir)
        prepare_output(output_dir)


class WeightsLoader:
    """Ignite handler: load the weights of a network, all of them or none, when the engine starts.

    Args:
        network: what the weights belong to.
        path: a state_dict written by ``torch.save``.
    """

    def __init__(self, network: nn.Module, path: str | Path) -> None:
        self.network = network
        self.path = path

    def attach(self, engine: Engine) -> None:
        """Wait for the start of ``engine``."""
        engine.add_event_handler(Events.STARTED, self)

    def __call__(self, engine: Engine) -> None:
        """Load the weights.

        Raises:
            SystemExit: with the sentence of the refusal, as :func:`scripts.weights.load` says it.
        """
        with exit_on_refusal():
            weights.load(self.network, self.path)


class PrepareRegion(PrepareBatch):
    """Give the network the image and, where the batch has them, the masks."""

    def __call__(
        self,
        batchdata: dict[str, Any],
        device: str | torch.device | None = None,
        non_blocking: bool = False,
        **kwargs: Any,
    ) -> tuple[Tensor, None, tuple[()], dict[str, Tensor]]:
        """Move what the network needs to ``device``; no label, no further arguments but ``masks``."""
        sent: dict[str, Tensor] = {
            key: batchdata[key].to(device=device, non_blocking=non_blocking, **kwargs)
            for key in ("image", "masks")
            if key in batchdata
        }
        return sent.pop("image"), None, (), sent


def finish(dataset: Regions, sheets: Sequence[Path]) -> None:
    """Log what was separated, what was refused and why, and name the sheets.

    Raises:
        SystemExit: status 1 if an image was refused or there was none.
    """
    logger.info("%d separated, %d refused", len(sheets), len(dataset.refused))
    for refusal in dataset.refused:
        logger.error("refused %s", refusal)
    for path in sheets:
        logger.info("sheet %s", path)
    if dataset.refused or not sheets:
        raise SystemExit(1)
