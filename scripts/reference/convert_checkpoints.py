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

"""Conversion of the authors' three checkpoints to weights of this bundle, with our segmenter added."""

import logging
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from scripts.errors import exit_on_input_error
from scripts.networks.checkpoints import check, is_state, read, save, unpickled
from scripts.networks.segmenter import Segmenter
from scripts.reference.networks import TransUNetGenerator, UNetSupervisor, VGGReconstructor

logger = logging.getLogger(__name__)

WRAPPERS = ("state_dict", "model")
"""Names under which a checkpoint may hold its state_dict."""


def published(path: str | Path, network: nn.Module) -> dict[str, Tensor]:
    """Read the state_dict of one of the authors' networks.

    Args:
        path: a state_dict, or a checkpoint that holds one under a name of :data:`WRAPPERS`; its parameters may begin
            with ``module.``, as those of a network that was trained on several GPUs do.
        network: gives the names and shapes that are expected.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a checkpoint, or another network's; names the first parameter that does not fit.
    """
    content: Any = unpickled(path)
    if isinstance(content, dict):
        content = next((content[name] for name in WRAPPERS if isinstance(content.get(name), dict)), content)
    if not is_state(content):
        raise ValueError(f"{path}: expected a state_dict, or one under {' or '.join(map(repr, WRAPPERS))}")
    state = {name.removeprefix("module."): value for name, value in content.items()}
    check(state, network, path)
    return state


def segmenter_of(path: str | Path) -> dict[str, Tensor]:
    """Read the weights of our segmenter from a separator's file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a checkpoint, or its segmenter is another network.
    """
    whole = read(path)
    state = {name.removeprefix("segmenter."): value for name, value in whole.items() if name.startswith("segmenter.")}
    check(state, Segmenter(), path)
    return state


def convert(
    generator: str,
    discriminator: str,
    reconstructor: str,
    output: str = "models/reference.pt",
    model: str = "models/model.pt",
) -> None:
    """Write the weights for ``configs/reference.json``, and beside them the supervisor's, which only a training needs.

    Args:
        generator: the authors' checkpoint of the TransUNet generator.
        discriminator: their checkpoint of the supervisor.
        reconstructor: their checkpoint of the reconstructor.
        output: to write, weights of :class:`scripts.reference.separator.ReferenceSeparator`; those of the
            supervisor go into ``NAME_supervisor.pt`` beside it.
        model: weights of our separator; its segmenter is taken, for the paper has none.

    Raises:
        FileNotFoundError: one of the files is not there.
        ValueError: one of them does not fit, see :func:`published`; nothing is written then.
    """
    with torch.device("meta"):
        # Only names and shapes are needed, no values.
        expected = (TransUNetGenerator(), UNetSupervisor(), VGGReconstructor())
    ours = segmenter_of(model)
    paths = (generator, discriminator, reconstructor)
    layers, supervisor, soft_tissue = (published(path, kind) for path, kind in zip(paths, expected, strict=True))
    parts = {"segmenter": ours, "generator": layers, "reconstructor": soft_tissue}
    target = Path(output)
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f"{target.stem}_supervisor.pt")
    save(supervisor, beside)
    save({f"{part}.{name}": value for part, state in parts.items() for name, value in state.items()}, target)
    logger.info("written: %s and %s", target, beside)


if __name__ == "__main__":
    import fire

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    fire.Fire(exit_on_input_error()(convert))
