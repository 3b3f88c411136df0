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


import os
from pathlib import Path

import pytest
import torch
from torch import nn

from scripts.datasets.finger_joints import BROKEN_MASKS, LoadJointd, open_release, release_datalist
from scripts.datasets.test_sets import RealJoints, Yardstick
from scripts.evaluation.measure import measure
from scripts.evaluation.metrics import OverlapError, RecompositionError
from scripts.networks import checkpoints
from scripts.networks.baselines import CopyImage, EqualSplit
from scripts.networks.separator import Separator
from scripts.physics import LOWER, UPPER, attenuation, gray_level, overlap_of

MODEL = Path(__file__).parents[2] / "models" / "model.pt"
HARD, TAPERED = "synthetic-overlap-test.npz", "tapered-overlap-test.npz"
NATURAL = "natural-overlap-test.npz"

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif("BLS_GAN_DATA" not in os.environ, reason="BLS_GAN_DATA names no folder with the authors' data"),
]


@pytest.fixture(scope="module")
def data() -> Path:
    return Path(os.environ["BLS_GAN_DATA"])


def overlap_error(network: nn.Module, path: Path, given: tuple[str, ...]) -> list[float]:
    """Mean error inside the overlap of each bone, gray levels of 255."""
    errors = measure(network, Yardstick(path), {"overlap_mae": OverlapError()}, given=given)["overlap_mae"]
    means: list[float] = errors.nanmean(dim=0).tolist()
    return means


def test_the_release_has_as_many_joints_as_its_split_says(data: Path) -> None:
    counts = {split: len(release_datalist(data, split=split)) for split in ("train", "validation", "test")}
    assert counts == {"train": 1013, "validation": 177, "test": 240}


def test_no_joint_is_in_two_splits_and_no_broken_mask_in_any(data: Path) -> None:
    cases = {
        split: {x["case"] for x in release_datalist(data, split=split)} for split in ("train", "validation", "test")
    }
    assert not cases["train"] & cases["validation"]
    assert not (cases["train"] | cases["validation"]) & cases["test"]
    names = {x["name"] for split in cases for x in release_datalist(data, split=split)}
    assert not names & BROKEN_MASKS
    published = "".join((open_release(data) / f"LS_K1_all_{split}").read_text() for split in ("train", "test"))
    for name in BROKEN_MASKS:
        assert name in published


def test_overlapping_joints_are_those_whose_drawn_masks_share_20_px(data: Path) -> None:
    load = LoadJointd()
    for overlap in ("overlap", "nonoverlap"):
        for entry in release_datalist(data, split="test", overlap=overlap)[::10]:
            shared = overlap_of(load(entry)["masks"][None]).sum().item()
            assert (shared >= 20) == (overlap == "overlap"), entry["name"]


def test_joints_are_read_upright_with_the_upper_bone_above_the_lower_one(data: Path) -> None:
    load, rows = LoadJointd(), torch.arange(256.0)[:, None]
    for entry in release_datalist(data, split="validation")[::5]:
        joint = load(entry)
        assert joint["image"].shape == joint["background"].shape == (1, 256, 256)
        middle = (joint["masks"] * rows).sum(dim=(1, 2)) / joint["masks"].sum(dim=(1, 2))
        assert middle[UPPER] < middle[LOWER] - 50, entry["name"]


def test_real_joints_come_with_a_soft_tissue_darker_than_their_overlap(data: Path) -> None:
    joints = RealJoints(data, split="test", overlap="overlap")
    for at in range(0, len(joints), 8):
        item = joints[at]
        both = overlap_of(item["masks"][None])[0]
        assert 0.05 < item["soft_tissue"] < item["image"][both].mean()


@pytest.mark.parametrize(("name", "images"), [(HARD, 148), (TAPERED, 148), (NATURAL, 90)])
def test_the_yardsticks_true_layers_recompose_their_images(data: Path, name: str, images: int) -> None:
    joints = Yardstick(data / name)
    assert len(joints) == images
    metric = RecompositionError()
    for at in range(0, images, 4):
        item = joints[at]
        image, (layers, masks) = item["image"], item["label"].split(2)
        soft = item["soft_tissue"].expand(1, 256, 256)
        if name == NATURAL:  # its layers hold their soft tissue, a field that follows from them
            soft = gray_level(attenuation(layers).sum(dim=0, keepdim=True) - attenuation(image))
        else:  # its layers are black outside the bones
            layers = torch.where(masks > 0.5, layers, soft)
        metric(y_pred=torch.cat([layers, masks, soft, soft])[None], y=image[None])
    # 8-bit files: rounding of the image and of both layers, magnified by (1 - U) / (1 - k).
    assert metric.aggregate().item() < 2.0


def test_an_equal_split_has_the_documented_error_on_the_hard_cut_yardstick(data: Path) -> None:
    lower, upper = overlap_error(EqualSplit(), data / HARD, ("masks", "soft_tissue"))
    assert lower == pytest.approx(11.84, abs=0.01)
    assert upper == pytest.approx(13.07, abs=0.01)


def test_copying_the_image_has_the_documented_error_on_the_hard_cut_yardstick(data: Path) -> None:
    lower, upper = overlap_error(CopyImage(), data / HARD, ("masks", "soft_tissue"))
    assert lower == pytest.approx(38, abs=1.0)
    assert upper == pytest.approx(52, abs=1.0)


@pytest.mark.slow
@pytest.mark.skipif(not MODEL.is_file(), reason="models/model.pt is not there")
@pytest.mark.parametrize(
    ("name", "given", "lower_at_most", "upper_at_most"),
    [
        (HARD, ("masks",), 4.1, 4.7),
        (TAPERED, ("masks",), 3.9, 4.3),
        (NATURAL, ("masks",), 4.9, 5.3),
        (HARD, ("masks", "soft_tissue"), 4.1, 4.6),
    ],
    ids=["hard-cut", "tapered", "natural", "hard-cut, k given"],
)
def test_the_shipped_weights_reach_the_documented_error(
    data: Path, name: str, given: tuple[str, ...], lower_at_most: float, upper_at_most: float
) -> None:
    lower, upper = overlap_error(checkpoints.load(Separator(), MODEL), data / name, given)
    assert lower <= lower_at_most
    assert upper <= upper_at_most
