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

"""Brightness of overlaps: both bones, continued into the overlap and composed, less the image."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.transforms import Compose
from torch import Tensor
from torch.utils.data import Dataset, default_collate

from scripts.datasets.finger_joints import FaceLeftd, LevelTissued, SignedDistanced
from scripts.datasets.test_sets import RealJoints
from scripts.evaluation.bootstrap import mean_interval
from scripts.evaluation.tables import Row, write_table
from scripts.networks.baselines import SurfaceFill
from scripts.physics import FOUND_OVERLAP, attenuation, gray_level, overlap_of
from scripts.training.overlap_synthesis import JOINT_KEYS, OverlapSynthesis

logger = logging.getLogger(__name__)


def brightness_bias(image: Tensor, masks: Tensor, soft_tissue: Tensor, fill: SurfaceFill) -> Tensor:
    """Return the mean over the overlap of both bones, continued into it and composed, less the image.

    Args:
        image: (B, 1, H, W), gray levels 0..1.
        masks: (B, 2, H, W), 0..1.
        soft_tissue: k, (B,), gray level 0..1.
        fill: continues the bones.

    Returns:
        (B,), gray levels of 255, above 0 where the image is darker; NaN where under 20 px overlap.
    """
    k = soft_tissue.reshape(-1, 1, 1, 1)
    both = overlap_of(masks)
    expected = gray_level(attenuation(k) + fill.surfaces(image, masks, k).sum(dim=1, keepdim=True))
    area = both.sum(dim=(1, 2, 3))
    bias = 255.0 * ((expected - image) * both).sum(dim=(1, 2, 3)) / area
    return torch.where(area >= FOUND_OVERLAP, bias, torch.nan)


class Composites(Dataset[dict[str, Tensor]]):
    """Synthetic overlaps of a training, with their true masks and k.

    An item has ``image`` (1, H, W), ``masks`` (2, H, W) and ``soft_tissue``.

    Args:
        joints: that do not overlap, all of one size.
        synthesis: composes them.
        seed: of its random numbers; those of the process are left alone.
        every: compose every n-th joint.

    Attributes:
        cases: of the lower bone.
    """

    def __init__(self, joints: RealJoints, synthesis: OverlapSynthesis, *, seed: int = 0, every: int = 1) -> None:
        face = Compose([FaceLeftd(("image", "background", "masks")), SignedDistanced(), LevelTissued()])
        chosen = range(0, len(joints), every)
        facing = [face({**joints[at], "hand": joints.datalist[at]["hand"]}) for at in chosen]
        self.cases = [joints.cases[at] for at in chosen]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.composed = synthesis(default_collate([{key: joint[key] for key in JOINT_KEYS} for joint in facing]))

    def __len__(self) -> int:
        return len(self.cases)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        image, masks, k = (self.composed[key][index] for key in ("image", "true_masks", "soft_tissue"))
        return {"image": image, "masks": masks, "soft_tissue": k.flatten()[0]}


class Brightness:
    """Brightness bias of several sets of overlaps, to compare training overlaps with real ones.

    Args:
        joints: sets by name, items with ``image``, ``masks`` and ``soft_tissue``, each set with ``cases``.
        fills: ways to continue a bone, by name.
        output_dir: for ``brightness.json`` and ``brightness.csv``.
        seed: of the bootstrap.

    Attributes:
        rows: the table, once it has been run.
    """

    def __init__(
        self,
        *,
        joints: Mapping[str, Dataset[Any]],
        fills: Mapping[str, SurfaceFill],
        output_dir: str | Path,
        seed: int = 0,
    ) -> None:
        self.joints, self.fills, self.output_dir, self.seed = joints, fills, Path(output_dir), seed
        self.rows: list[Row] = []

    def run(self) -> list[Row]:
        """Measure, write and log the table."""
        for where, joints in self.joints.items():
            row: Row = {"joints": where}
            for name, fill in self.fills.items():
                values = np.array([self.bias_of(joints[at], fill) for at in range(len(joints))])  # type: ignore[arg-type]
                ends = mean_interval(values, joints.cases, seed=self.seed) or (None, None)  # type: ignore[attr-defined]
                row["images"] = int(np.isfinite(values).sum())
                mean = float(np.nanmean(values)) if row["images"] else None
                for column, number in zip(("", "_from", "_to"), (mean, *ends), strict=True):
                    row[f"{name}{column}"] = None if number is None else round(number, 4)
            self.rows.append(row)
            logger.info("brightness | %s", " | ".join(f"{key} {value}" for key, value in row.items()))
        write_table(self.output_dir, "brightness", self.rows)
        return self.rows

    @staticmethod
    def bias_of(joint: Mapping[str, Tensor], fill: SurfaceFill) -> float:
        """Return the bias of one joint."""
        image, masks, k = (joint[key][None] for key in ("image", "masks", "soft_tissue"))
        return float(brightness_bias(image, masks, k, fill))
