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

"""Weights in: a bare state_dict into a network, strictly, or a refusal that says what does not fit."""

from collections.abc import Mapping
from pathlib import Path

import torch
from ignite.engine import Engine, Events
from torch import Tensor, nn

from scripts.refusal import RefusedError, exit_on_refusal


def load_weights(network: nn.Module, path: str | Path) -> None:
    """Load every parameter and buffer of a network from a file.

    Args:
        network: what the weights belong to; left as it is if they are refused.
        path: a state_dict written by ``torch.save``; read with ``weights_only=True``.

    Raises:
        RefusedError: no such file, not a checkpoint, or weights of another network (the first name that is missing,
            too many or of another shape is given).
    """
    path = Path(path)
    if not path.is_file():
        raise RefusedError(f"weights {path}: no such file")
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises whatever the unpickler does on broken bytes
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise RefusedError(f"weights {path}: truncated or not a checkpoint ({reason})") from error
    if not isinstance(found, Mapping) or not all(isinstance(value, Tensor) for value in found.values()):
        held = ", ".join(map(str, list(found)[:4])) if isinstance(found, Mapping) else type(found).__name__
        raise RefusedError(f"weights {path}: holds {held}, the state_dict of one network expected")
    expected = network.state_dict()
    misfits = [f"{name} is missing" for name in expected if name not in found]
    misfits += [f"{name} is not part of {type(network).__name__}" for name in found if name not in expected]
    misfits += [
        f"{name} has shape {tuple(found[name].shape)}, {tuple(value.shape)} expected"
        for name, value in expected.items()
        if name in found and found[name].shape != value.shape
    ]
    if misfits:
        more = f" and {len(misfits) - 1} more like it" if len(misfits) > 1 else ""
        raise RefusedError(f"weights {path}: of another network, {misfits[0]}{more}")
    network.load_state_dict(found)


class WeightsLoader:
    """Ignite handler: :func:`load_weights` when the engine starts; a refusal ends the process with its sentence.

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
        """Load the weights."""
        with exit_on_refusal():
            load_weights(self.network, self.path)
