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

"""Checkpoints of networks: read, checked with a plain error where they do not fit, written, merged."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

from scripts.files import write_durably
from scripts.networks.separator import Separator

Network = TypeVar("Network", bound=nn.Module)


def unpickled(path: str | Path) -> Any:
    """Read a file of ``torch.save`` that holds nothing but tensors and plain containers of them.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a checkpoint.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path}: no weights there; train them, or name another file with --weights")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the unpickler raises errors of many types on broken bytes
        # Torch's own message, which advises to load such a file without weights_only, is left out.
        raise ValueError(f"{path}: not a checkpoint of torch that holds nothing but weights") from error


def is_state(content: Any) -> bool:
    """Return whether ``content`` is a bare state_dict: tensors by name."""
    return isinstance(content, dict) and all(isinstance(value, torch.Tensor) for value in content.values())


def read(path: str | Path) -> dict[str, torch.Tensor]:
    """Read the state_dict in a file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a checkpoint, or not a bare state_dict.
    """
    state: dict[str, torch.Tensor] = unpickled(path)
    if not is_state(state):
        raise ValueError(f"{path}: not a state_dict (tensors by parameter name expected)")
    return state


def check(state: Mapping[str, torch.Tensor], network: nn.Module, path: str | Path) -> None:
    """Compare the names and shapes of a file's weights with those of a network.

    Raises:
        ValueError: names the first that does not fit.
    """
    own = network.state_dict()
    for name in [*own, *state]:
        if name not in state:
            raise ValueError(f"{path}: weights of another network: {name} is missing")
        if name not in own:
            raise ValueError(f"{path}: weights of another network: {name} is not in {type(network).__name__}")
        if own[name].shape != state[name].shape:
            shapes = f"{tuple(state[name].shape)}, {tuple(own[name].shape)} expected"
            raise ValueError(f"{path}: weights of another network: {name} is {shapes}")


def load(network: Network, path: str | Path) -> Network:
    """Put the weights of a file into a network, all of them or none.

    Weights of versions before 0.8.0 hold no finder of joints: the network has none afterwards, and separates as before.

    Returns:
        The network.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a checkpoint, or the weights are another network's; names the first that does not fit.
    """
    state = read(path)
    if isinstance(network, Separator) and not any(name.startswith("finder.") for name in state):
        network.finder = None  # type: ignore[assignment]
    check(state, network, path)
    network.load_state_dict(state)
    return network


def save(state: Mapping[str, torch.Tensor], path: str | Path) -> None:
    """Write a state_dict, whole or not at all."""
    content = io.BytesIO()
    torch.save(dict(state), content)
    write_durably(Path(path), content.getvalue())


def between(old: Mapping[str, torch.Tensor], new: Mapping[str, torch.Tensor], share: float) -> dict[str, torch.Tensor]:
    """Interpolate between old and new weights; counters are the new ones'.

    After a fine-tuning on few images, weights half way keep most of the old ones' skill, and often beat both ends.

    Args:
        old: a state_dict.
        new: another one of the same network.
        share: of the way, 0 (old) to 1 (new).

    Source:
        Wortsman et al., Robust fine-tuning of zero-shot models, CVPR 2022.
    """
    return {
        name: old[name] + share * (value - old[name]) if value.is_floating_point() and share < 1 else value
        for name, value in new.items()
    }


def merge(segmenter: str, generator: str, output: str, finder: str = "") -> None:
    """Merge the segmenter of one training with the generator of another, and the finder of a third.

    Args:
        segmenter: ``model.pt`` with the segmenter to take.
        generator: ``model.pt`` with the generator to take.
        output: ``model.pt`` to write.
        finder: ``model.pt`` with the finder to take; that of ``generator`` if not given.

    Raises:
        FileNotFoundError: one of the files is not there.
        ValueError: one of the files holds weights of another network.
    """
    merged, other = load(Separator(), generator), load(Separator(), segmenter)
    merged.segmenter = other.segmenter
    if finder:
        merged.finder = load(Separator(), finder).finder
    save(merged.state_dict(), output)


def average(first: str, second: str, output: str) -> None:
    """Average the weights of two epochs of one training.

    Args:
        first: ``model.pt``, the best one.
        second: ``model.pt`` of another epoch.
        output: ``model.pt`` to write.

    Raises:
        FileNotFoundError: one of the files is not there.
        ValueError: one of the files holds weights of another network.

    Source:
        Izmailov et al., Averaging weights leads to wider optima and better generalization, UAI 2018.
    """
    one, other = (load(Separator(), path).state_dict() for path in (first, second))
    save(between(other, one, 0.5), output)


if __name__ == "__main__":
    import fire

    fire.Fire({"average": average, "merge": merge})
