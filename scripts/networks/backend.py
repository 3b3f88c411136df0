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

"""Backend of the networks: PyTorch, or OpenVINO, which runs their U-Nets faster on a CPU."""

import copy
import hashlib
import importlib.util
import logging
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import torch
from monai.networks.nets import BasicUNet
from torch import nn

from scripts.errors import InputError
from scripts.networks import openvino_cache
from scripts.networks.openvino_unet import CompiledUNet, convert

logger = logging.getLogger(__name__)

AUTO = "auto"

PRECISIONS = {"openvino": "f32", "openvino_bfloat16": "bf16"}
"""Backends that compile, and the precision in which they compute."""

BACKENDS = ("torch", *PRECISIONS)

LARGE = 1_000_000
"""Parameters from which on a U-Net computes in less than float32: a small one takes no time, and may be of weight."""


def choose(backend: str, device: torch.device) -> str:
    """Return the backend to use.

    Args:
        backend: of :data:`BACKENDS`, or ``"auto"``: OpenVINO where it is installed and the networks are on a CPU, else
            PyTorch.
        device: of the networks.

    Raises:
        InputError: there is no such backend, it is not installed, or it does not run on this device.
    """
    if backend not in (AUTO, *BACKENDS):
        raise InputError(f"backend: expected one of {', '.join((AUTO, *BACKENDS))}, got {backend!r}")
    installed = importlib.util.find_spec("openvino") is not None
    if backend == AUTO:
        return "openvino" if installed and device.type == "cpu" else "torch"
    if backend in PRECISIONS and not installed:
        raise InputError(
            f"backend: expected an installed one, got {backend}; pip install --requirement requirements.txt"
        )
    if backend in PRECISIONS and device.type != "cpu":
        raise InputError(f"backend: expected torch on {device.type}, got {backend}, which runs on a CPU")
    return backend


def compiled(network: nn.Module, backend: str = AUTO, weights: str | Path | None = None) -> nn.Module:
    """Return a network as it is run for inference: its U-Nets compiled by the backend, all else as it is.

    Converted U-Nets are kept in one file beside the weights, or in the user's cache folder if that cannot be written.
    A file of other weights, of another OpenVINO, or a damaged one is written anew.

    OpenVINO has as many threads as PyTorch, which is left with one in this process (:func:`threads`).

    Args:
        network: with its weights, which must not change from now on; on its device.
        backend: see :func:`choose`.
        weights: file of the weights; nothing is kept if not given.

    Returns:
        The network itself, or a copy that shares all but the U-Nets with it.

    Raises:
        InputError: as :func:`choose`.
    """
    device = next((each.device for each in network.parameters()), torch.device("cpu"))
    chosen = choose(backend, device)
    parts = _unets(network)
    if chosen == "torch" or not parts:
        return network
    models = _converted(parts, None if weights is None else Path(weights))
    return _replaced(network, {parts[name]: _unet(model, parts[name], chosen) for name, model in models.items()})


@cache
def threads() -> int:
    """Return how many threads OpenVINO may use: as many as PyTorch, which keeps one from now on.

    PyTorch's threads wait for each other, busily, at the end of each operation. Where another program uses one of the
    cores, each of the many small operations that are left beside the U-Nets takes a hundred times as long.
    """
    found = torch.get_num_threads()
    torch.set_num_threads(1)
    return found


def _unets(network: nn.Module) -> dict[str, nn.Module]:
    return {name: part for name, part in network.named_modules() if isinstance(part, BasicUNet)}


def _unet(model: Any, part: nn.Module, backend: str) -> CompiledUNet:
    small = sum(each.numel() for each in part.parameters()) < LARGE
    return CompiledUNet(model, PRECISIONS["openvino" if small else backend], threads())


def _replaced(module: nn.Module, parts: Mapping[nn.Module, nn.Module]) -> nn.Module:
    """Return a copy of a module in which parts are replaced; parameters are shared."""
    if module in parts:
        return parts[module]
    twin = copy.copy(module)
    twin._modules = {name: child and _replaced(child, parts) for name, child in module._modules.items()}
    return twin


def _converted(parts: Mapping[str, nn.Module], weights: Path | None) -> dict[str, Any]:
    """Return OpenVINO's models of parts of a network, from a cache file if there is one that fits."""
    if weights is None:
        return {name: convert(part) for name, part in parts.items()}
    key = openvino_cache.key_of(parts)
    files = cache_files(weights, key)
    for path in files:
        try:
            return openvino_cache.read(path, key)
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            logger.debug("%s: %s", path.name, error)
    logger.info("converting the networks for this processor, once for these weights")
    models = {name: convert(part) for name, part in parts.items()}
    for path in files:
        try:
            openvino_cache.write(path, models, key)
        except OSError as error:
            logger.debug("%s: not written (%s)", path, error.strerror)
        else:
            break
    return models


def cache_files(weights: Path, key: str) -> tuple[Path, Path]:
    """Return where converted networks may be kept: beside their weights, and in the user's cache folder."""
    user = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bls_gan"
    return weights.with_suffix(".openvino"), user / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.openvino"
