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

"""Export of joints with known masks as a folder in the layout of the authors' release, for trainings."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate, pad

from scripts.datasets.finger_joints import in_validation
from scripts.physics import FOUND_OVERLAP, LOWER, UPPER

FOLDER = "Dataset_cases_anonymization"
"""Folder of the cases, as the release names it."""

NO_FINGER = 0
"""Finger in the name of a case, where it is not known."""


@dataclass(frozen=True)
class KnownMasks:
    """Joint with drawn masks.

    Attributes:
        case: unit that no split divides, e.g. all joints of a patient; letters and digits.
        hand: ``"L"`` or ``"R"``.
        name: unique within the case; letters, digits, ``-`` and ``_``.
        image: (H, W) float32, gray levels 0..1, bright = more attenuation.
        masks: (2, H, W) bool, lower and upper bone.
    """

    case: str
    hand: str
    name: str
    image: np.ndarray
    masks: np.ndarray


def on_grid(image: Tensor, masks: Tensor, side: int = 256) -> tuple[Tensor, Tensor]:
    """Bring a region to the square on which the segmenter is trained, as the separator brings it to its own grid.

    The long side becomes ``side`` px; below and to the right the border is repeated, and no bone goes on there.

    Args:
        image: (1, H, W), gray levels 0..1.
        masks: (2, H, W) bool.
        side: px.

    Returns:
        (1, side, side) float32 and (2, side, side) bool.
    """
    rows, columns = image.shape[1:]
    height, width = (max(1, round(length * side / max(rows, columns))) for length in (rows, columns))
    both = torch.cat([image.float(), masks.float()])[None]
    both = interpolate(both, (height, width), mode="bilinear", antialias=rows > height)
    gray = pad(both[:, :1], [0, side - width, 0, side - height], mode="replicate")[0]
    inside = pad(both[:, 1:], [0, side - width, 0, side - height])[0] > 0.5
    return gray.clamp(0.0, 1.0), inside


def held_out(cases: Collection[str], fraction: float) -> set[str]:
    """Choose cases that no training sees, by their names alone: one at least, and never all.

    Args:
        cases: names.
        fraction: share that is held out, as far as whole cases allow.

    Raises:
        ValueError: fewer than two cases.

    Example:
        >>> held_out(["a", "b"], 0.0) | held_out(["a", "b"], 1.0) < {"a", "b"}
        True
    """
    different = sorted(set(cases))
    if len(different) < 2:
        raise ValueError(f"expected 2 cases or more, of which one is held out, got {len(different)}")
    ranked = sorted(different, key=_turn)
    chosen = [case for case in ranked if in_validation(case, fraction)]
    return set(chosen[:-1] if len(chosen) == len(ranked) else chosen or ranked[:1])


def _turn(case: str) -> tuple[int, str]:
    """Return the order in which cases are held out as the fraction grows."""
    return next(share for share in range(1, 1001) if in_validation(case, share / 1000)), case


def write_release(folder: Path, joints: Sequence[KnownMasks], fraction: float, side: int = 256) -> tuple[int, int]:
    """Write joints as :func:`scripts.datasets.finger_joints.release_datalist` reads them.

    The held-out cases make the split ``test``, all others the split ``train``. There is no picture of the soft tissue:
    the background is the image.

    Args:
        folder: gets a folder ``Data``.
        joints: of two cases and more.
        fraction: see :func:`held_out`.
        side: of the pictures, px.

    Returns:
        Number of joints to train on, and of those held out.

    Raises:
        ValueError: fewer than two cases.
    """
    out = held_out([joint.case for joint in joints], fraction)
    lists: dict[str, dict[str, list[dict[str, str]]]] = {
        split: {"all": [], "overlap": [], "nonoverlap": []} for split in ("train", "test")
    }
    for joint in joints:
        gray, inside = on_grid(torch.from_numpy(joint.image)[None], torch.from_numpy(joint.masks), side)
        stem = f"{FOLDER}/{joint.case}_{joint.hand}_{NO_FINGER}/{joint.name}"
        entry = {"image": f"{stem}.png", "background": f"{stem}.png"}
        _write(folder / "Data" / entry["image"], gray[0])
        for bone, name in ((UPPER, "upper"), (LOWER, "lower")):
            entry[name] = f"{stem}_mask_{name}.png"
            _write(folder / "Data" / entry[name], inside[bone].float())
        split = lists["test" if joint.case in out else "train"]
        split["all"].append(entry)
        split["overlap" if int(inside.all(dim=0).sum()) >= FOUND_OVERLAP else "nonoverlap"].append(entry)
    for split_name, of_split in lists.items():
        for overlap, entries in of_split.items():
            (folder / "Data" / f"LS_K1_{overlap}_{split_name}").write_text(json.dumps(entries, indent=1))
    return len(lists["train"]["all"]), len(lists["test"]["all"])


def _write(path: Path, gray: Tensor) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((gray * 255).round().byte().numpy()).save(path)
