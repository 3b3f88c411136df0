"""What the authors' networks answered under a parameter fill that can be repeated (tests named ``vectors``)."""

import json
import os
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn


def data() -> str:
    """The folder that BLS_GAN_DATA names; skips the test where it names none."""
    named = os.environ.get("BLS_GAN_DATA")
    if not named:
        pytest.skip("BLS_GAN_DATA is not set")
    return named


def folder() -> Path:
    """Where the stored vectors are; skips the test where they are not."""
    found = Path(data()).parent / "reference-vectors"
    if not found.is_dir():
        pytest.skip("no reference-vectors beside the folder that BLS_GAN_DATA names")
    return found


def facts() -> dict:
    """Parameter names and shapes, losses."""
    return json.loads((folder() / "vectors.json").read_text())


def tensors() -> dict[str, Tensor]:
    """Inputs and answers, by name."""
    with np.load(folder() / "vectors.npz") as stored:
        return {name: torch.from_numpy(stored[name]) for name in stored.files}


def fill(network: nn.Module, part: str) -> nn.Module:
    """Give a network the parameters under which the answers were stored; back in eval mode."""
    state = {}
    for name, value in network.state_dict().items():
        draw = np.random.default_rng(zlib.crc32(f"{part}.{name}".encode()))
        x = np.asarray(draw.standard_normal(tuple(value.shape)), dtype=np.float32)
        kind = name.rsplit(".", 1)[-1]
        if kind == "running_var":
            x = 1 + 0.1 * np.abs(x)
        elif kind == "running_mean":
            x = 0.1 * x
        elif kind == "num_batches_tracked":
            x = np.zeros_like(x)
        elif kind == "weight":
            x = 1 + 0.1 * x if x.ndim == 1 else x / np.sqrt(np.prod(x.shape[1:]))
        else:
            x = 0.02 * x
        state[name] = torch.as_tensor(x).to(value.dtype)
    network.load_state_dict(state)
    return network.eval()
