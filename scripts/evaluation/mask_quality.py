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

"""Quality of a segmenter's masks: metrics by which new weights replace old ones, or not."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from scripts.datasets.finger_joints import LoadJointd, release_datalist
from scripts.inference.inferer import tidy
from scripts.networks.separator import Separator
from scripts.phantoms.joint import draw_joint
from scripts.phantoms.joint_anatomy import draw_overlap

DRAWN = range(90_000, 90_024)
"""Seeds of the joints that are drawn for the check; nothing else draws these."""


def drawn_joints(seeds: Iterable[int] = DRAWN) -> Iterator[tuple[Tensor, Tensor]]:
    """Draw joints that overlap as deep as on radiographs.

    Args:
        seeds: of the joints; right and left hands in turn.

    Yields:
        Image (1, 256, 256), gray levels 0..1, and masks (2, 256, 256) bool, lower and upper bone.
    """
    for seed in seeds:
        depth = draw_overlap(np.random.default_rng([seed, 2]))
        joint = draw_joint(seed, overlap=depth, hand="left" if seed % 2 else "right")
        yield joint.image, joint.masks


def held_out_joints(dataset_dir: str | Path) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the joints of a release's test split, as :func:`drawn_joints` does.

    Raises:
        FileNotFoundError: there is no release.
    """
    read = LoadJointd(keys=["image"])
    for entry in release_datalist(dataset_dir, split="test"):
        joint = read(entry)
        yield joint["image"], joint["masks"] > 0.5


def mask_metrics(network: Separator, joints: Iterable[tuple[Tensor, Tensor]]) -> dict[str, float]:
    """Measure Dice of the masks that a network proposes, over the pixels of all joints together.

    Taken together, a joint counts by the size of its overlap: the Dice of a few pixels is mostly chance.

    Args:
        network: proposes the masks, which are measured as they are used: one piece a bone, without holes.
        joints: images (1, H, W) and true masks (2, H, W) bool.

    Returns:
        ``lower``, ``upper``, ``overlap``, and ``dice``, their mean, by which networks are compared; each 0..1.

    Raises:
        ValueError: there are no joints.
    """
    device = next(network.parameters()).device
    hit, size = torch.zeros(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
    for image, masks in joints:
        with torch.inference_mode():
            found = tidy(network.propose(image[None].to(device)))[0].cpu()
        true, proposed = (torch.cat([bones, bones.all(dim=0, keepdim=True)]).flatten(1) for bones in (masks, found))
        hit += 2.0 * (true & proposed).sum(dim=1)
        size += true.sum(dim=1) + proposed.sum(dim=1)
    if not size.any():
        raise ValueError("expected joints to measure masks on, got none")
    dice = torch.where(size > 0, hit / size, 1.0)
    named = {name: round(float(value), 6) for name, value in zip(("lower", "upper", "overlap"), dice, strict=True)}
    return {**named, "dice": round(float(dice.mean()), 6)}


def not_worse(before: Mapping[str, float], after: Mapping[str, float]) -> bool:
    """Return whether new weights may replace old ones, by one set of joints.

    Args:
        before: metrics of the old weights, see :func:`mask_metrics`.
        after: metrics of the new weights.
    """
    return after["dice"] >= before["dice"]
