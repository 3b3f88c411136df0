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

"""Handlers of the inference config's evaluator."""

from pathlib import Path

from ignite.engine import Engine, Events
from torch import nn

from scripts.errors import exit_on_input_error
from scripts.networks import checkpoints


class WeightsLoader:
    """Ignite handler that loads the weights of a network, all or none, when the engine first starts.

    Args:
        network: its weights are replaced.
        path: a state_dict written by ``torch.save``.
    """

    def __init__(self, network: nn.Module, path: str | Path) -> None:
        self.network = network
        self.path = path
        self._loaded = False

    def attach(self, engine: Engine) -> None:
        """Wait for the start of ``engine``."""
        engine.add_event_handler(Events.STARTED, self)

    def __call__(self, engine: Engine) -> None:
        """Load the weights.

        Raises:
            SystemExit: with the sentence of :func:`scripts.networks.checkpoints.load`.
        """
        if self._loaded:
            return
        with exit_on_input_error():
            checkpoints.load(self.network, self.path)
        self._loaded = True
