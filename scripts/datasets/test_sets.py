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

"""Test sets: yardsticks with known layers, and real joints of the release."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from scripts.datasets.finger_joints import LoadJointd, case_fields, release_datalist
from scripts.physics import overlap_of

Joint = dict[str, Tensor]


class Yardstick(Dataset[Joint]):
    """Overlaps with known layers from an npz with ``image_full``, ``masks``, ``layers`` and ``k``.

    An item has ``image`` (1, H, W), ``masks`` (2, H, W), ``label`` (4, H, W), the true layers and the masks, and
    ``soft_tissue``, the true k.

    Args:
        path: the npz.

    Attributes:
        datalist: ``case``, ``hand`` and ``joint`` of each image, from its ``name`` in the npz (``.../CASE/IMAGE.jpg``);
            without names every image is a case of its own.
        cases: the case of each image.

    Raises:
        ValueError: it lacks one of the four.
    """

    def __init__(self, path: str | Path) -> None:
        with np.load(path) as stored:
            expected = ("image_full", "masks", "layers", "k")
            if not set(expected).issubset(stored.files):
                raise ValueError(f"{path}: expected {', '.join(expected)}, got {', '.join(stored.files)}")
            self.images = torch.from_numpy(stored["image_full"])[:, None].float()
            self.masks = torch.from_numpy(stored["masks"]).float()
            self.layers = torch.from_numpy(stored["layers"]).float()
            self.soft_tissue = torch.from_numpy(stored["k"]).float()
            names = stored["name"] if "name" in stored.files else [f"{at}/" for at in range(len(self.images))]
        self.datalist = [case_fields(Path(str(name)).parent.name or str(name).strip("/")) for name in names]
        self.cases = [entry["case"] for entry in self.datalist]

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Joint:
        masks = self.masks[index]
        label = torch.cat([self.layers[index], masks])
        return {"image": self.images[index], "masks": masks, "label": label, "soft_tissue": self.soft_tissue[index]}


class RealJoints(Dataset[Joint]):
    """Real joints of the release with their drawn masks; each is read once and kept in 8 bits.

    An item has ``image`` and ``background`` (1, H, W), ``masks`` and ``label`` (2, H, W), the drawn masks, and
    ``soft_tissue``, the mean of the background in the overlap (of the whole region where there is none).

    Args:
        dataset_dir: see :func:`scripts.datasets.finger_joints.open_release`.
        split: ``train``, ``validation`` or ``test``.
        overlap: ``all``, ``overlap`` or ``nonoverlap``, by the drawn masks.

    Attributes:
        datalist: see :func:`scripts.datasets.finger_joints.release_datalist`.
        cases: the case of each image.
    """

    def __init__(self, dataset_dir: str | Path, *, split: str = "test", overlap: str = "all") -> None:
        self.datalist = release_datalist(dataset_dir, split=split, overlap=overlap)
        self.cases = [entry["case"] for entry in self.datalist]
        self.load = LoadJointd()
        self.read: dict[int, Joint] = {}

    def __len__(self) -> int:
        return len(self.datalist)

    def __getitem__(self, index: int) -> Joint:
        if index not in self.read:
            joint = self.load(self.datalist[index])
            both = overlap_of(joint["masks"][None])[0]
            under = joint["background"][both if both.any() else torch.ones_like(both)].mean()
            levels = {key: (joint[key] * 255.0).round().to(torch.uint8) for key in ("image", "background")}
            self.read[index] = {**levels, "masks": joint["masks"].bool(), "soft_tissue": under}
        kept = self.read[index]
        masks, grays = kept["masks"].float(), {key: kept[key] / 255.0 for key in ("image", "background")}
        return {**grays, "masks": masks, "label": masks, "soft_tissue": kept["soft_tissue"]}
