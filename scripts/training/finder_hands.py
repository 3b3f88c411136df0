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

"""Drawn hands with real joints in them: what a finder of joints learns from and is judged on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from monai.transforms import Transform
from scipy.ndimage import distance_transform_edt
from skimage.transform import downscale_local_mean
from torch.utils.data import Dataset

from scripts.datasets.finger_joints import LoadJointd, release_datalist
from scripts.networks.axis import axis_angle
from scripts.networks.finder import JOINT_CHANNELS
from scripts.phantoms.hand_pose import PoseRanges
from scripts.phantoms.joint_anatomy import Array
from scripts.phantoms.joint_composition import JointTile, compose
from scripts.phantoms.posed_hand import PosedHand, draw_posed_hand
from scripts.physics import FIELD_MM, LOWER, UPPER

THUMB = 13
"""Number of the thumb's joint in the release."""
SMALL_OVERLAP = 20
"""Overlap from which on its middle is the joint's, px; else the middle of the narrowest gap is."""


@dataclass(frozen=True)
class StoredHand:
    """Drawn right hand.

    Attributes:
        attenuation: (rows, columns), any float type.
        joints: (5, 3): column, row and lean in degrees of MCP1 to MCP5; NaN for those that are not there.
        others: (N, 2): column, row of other joints.
    """

    attenuation: Array
    joints: Array
    others: Array

    def halved(self) -> "StoredHand":
        """Return the hand with pixels twice as large."""
        rows, columns = self.attenuation.shape
        blocks = self.attenuation.astype(np.float32).reshape(rows // 2, 2, columns // 2, 2).mean(axis=(1, 3))
        joints = np.column_stack([(self.joints[:, :2] - 0.5) / 2, self.joints[:, 2]])
        return StoredHand(blocks.astype(self.attenuation.dtype), joints, (self.others - 0.5) / 2)


def joint_tiles(dataset_dir: str, *, split: str) -> list[JointTile]:
    """Read the joints of the authors' release as tiles of right hands, at half of their resolution.

    Args:
        dataset_dir: see :func:`scripts.datasets.finger_joints.open_release`.
        split: ``train``, ``validation`` or ``test``.
    """
    tiles = []
    for entry in release_datalist(dataset_dir, split=split):
        joint = LoadJointd(keys=("image",))(dict(entry))
        image, masks = joint["image"], joint["masks"] > 0.5
        if joint["hand"] == "L":
            image, masks = image.flip(-1), masks.flip(-1)
        if not masks.flatten(1).any(dim=1).all():
            continue
        down, across = _middle(masks.numpy())
        attenuation = -np.log1p(-image[0].numpy().clip(0, 254 / 255))
        half = downscale_local_mean(attenuation, (2, 2)).astype(np.float32)
        centre = ((across - 0.5) / 2, (down - 0.5) / 2)
        angle = float(axis_angle(masks[None].float())[0])
        tiles.append(JointTile(half, centre, angle, FIELD_MM / half.shape[1], joint["joint"] == THUMB))
    return tiles


def _middle(masks: np.ndarray) -> tuple[float, float]:
    """Return row and column of the middle of the overlap, or of the narrowest part of the gap."""
    where = masks.all(axis=0)
    if where.sum() < SMALL_OVERLAP:
        gap = distance_transform_edt(~masks[LOWER]) + distance_transform_edt(~masks[UPPER])
        where = np.asarray(gap <= gap.min() + 2)
    rows, columns = np.nonzero(where)
    return float(rows.mean()), float(columns.mean())


class DrawHand(Transform):
    """Drawing of a hand by its seed, with real joints in the place of its own.

    Args:
        tiles: of right hands; none: every joint stays as it is drawn.
        shares: of a hand's joints that are real, one of these for each hand.
        ranges: of the hands' poses.
        size: of the hands, 1 being an adult's.
    """

    def __init__(
        self,
        tiles: Sequence[JointTile],
        *,
        shares: Sequence[float] = (0.0, 0.8, 0.8, 1.0, 1.0),
        ranges: PoseRanges | None = None,
        size: tuple[float, float] = (0.7, 1.18),
    ) -> None:
        self.thumbs = [tile for tile in tiles if tile.thumb]
        self.fingers = [tile for tile in tiles if not tile.thumb]
        self.shares, self.ranges, self.size = shares, ranges, size

    def __call__(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Return ``attenuation`` (float16), ``joints`` and ``others`` of the hand of ``data["seed"]`` as tensors."""
        seed = int(data["seed"])
        quanta = np.random.default_rng([seed, 99])
        hand = draw_posed_hand(seed, self.ranges, size=self.size)
        share = float(quanta.choice(np.array(self.shares)))
        for name in hand.joints:
            tiles = self.thumbs if name == "MCP1" else self.fingers
            if tiles and quanta.random() < share:
                scale = hand.scale * quanta.uniform(0.85, 1.12)
                hand = compose(hand, name, tiles[quanta.integers(len(tiles))], scale=scale, quanta=quanta)
        return {
            "attenuation": torch.from_numpy(hand.attenuation).half(),
            "joints": torch.from_numpy(joints_table(hand)),
            "others": torch.from_numpy(hand.others),
        }


def joints_table(hand: PosedHand) -> Array:
    """Return the joints of a hand as :class:`StoredHand` has them."""
    table = np.full((JOINT_CHANNELS, 3), np.nan)
    for name, joint in hand.joints.items():
        table[int(name[-1]) - 1] = (*joint.centre, joint.angle)
    return table


class StoredHands(Sequence[StoredHand]):
    """Hands of a dataset that keeps what :class:`DrawHand` has drawn, such as MONAI's ``PersistentDataset``.

    Args:
        dataset: of such hands.
        halved: whether pixels are twice as large, as the overview sees them; these hands stay in memory.
    """

    def __init__(self, dataset: Dataset[dict[str, torch.Tensor]], *, halved: bool = False) -> None:
        self.dataset, self.is_halved = dataset, halved
        self._kept: dict[int, StoredHand] = {}

    def __len__(self) -> int:
        return len(self.dataset)  # type: ignore[arg-type]

    def __getitem__(self, index: int) -> StoredHand:  # type: ignore[override]
        if index in self._kept:
            return self._kept[index]
        drawn = self.dataset[index]
        hand = StoredHand(*(drawn[key].numpy() for key in ("attenuation", "joints", "others")))
        if self.is_halved:
            hand = self._kept[index] = hand.halved()
        return hand
