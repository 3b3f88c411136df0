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


from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from scripts.datasets.finger_joints import LoadJointd, release_datalist
from scripts.datasets.test_sets import RealJoints, Yardstick
from scripts.evaluation.contact_sheet import gallery
from scripts.evaluation.measure import measure
from scripts.networks.baselines import EqualSplit
from tests.support.measured import overlap_error


class Truth(nn.Module):
    """Answers what it was told, whatever the image is: the layers of a yardstick."""

    def __init__(self, layers: Tensor) -> None:
        super().__init__()
        self.layers, self.at = layers, 0

    def forward(self, image: Tensor, masks: Tensor) -> Tensor:
        layers = self.layers[self.at : self.at + len(image)]
        self.at += len(image)
        return torch.cat([layers, masks, image, image], dim=1)


def test_an_item_of_a_yardstick_is_the_image_its_masks_its_true_layers_and_k(yardstick: Path) -> None:
    stored, joints = np.load(yardstick), Yardstick(yardstick)
    assert len(joints) == 3
    item = joints[1]
    assert torch.equal(item["image"], torch.from_numpy(stored["image_full"][1])[None])
    assert torch.equal(item["masks"], torch.from_numpy(stored["masks"][1]).float())
    assert torch.equal(item["label"][:2], torch.from_numpy(stored["layers"][1]))
    assert torch.equal(item["label"][2:], item["masks"])
    assert item["soft_tissue"].item() == stored["k"][1]


@pytest.mark.parametrize("missing", ["image_full", "masks", "layers", "k"])
def test_an_npz_that_lacks_something_is_refused_by_file_and_name(yardstick: Path, tmp_path: Path, missing: str) -> None:
    stored = dict(np.load(yardstick))
    np.savez(tmp_path / "half.npz", **{key: value for key, value in stored.items() if key != missing})
    with pytest.raises(ValueError, match=rf"half\.npz: expected .*{missing}.*, got (?!.*{missing}\b)"):
        Yardstick(tmp_path / "half.npz")


def test_a_real_joint_comes_with_its_drawn_masks_and_the_soft_tissue_of_its_overlap(release: Path) -> None:
    joints = RealJoints(release, split="test", overlap="overlap")
    assert len(joints) == 2
    read = LoadJointd()(release_datalist(release, split="test", overlap="overlap")[0])
    item = joints[0]
    assert torch.equal(item["image"], read["image"])
    assert torch.equal(item["masks"], read["masks"])
    assert torch.equal(item["label"], read["masks"])
    both = read["masks"].prod(dim=0) > 0
    assert item["soft_tissue"].item() == pytest.approx(read["background"][0, both].mean().item())


def test_a_joint_without_an_overlap_has_the_mean_soft_tissue_of_the_region(release: Path) -> None:
    read = LoadJointd()(release_datalist(release, split="test", overlap="nonoverlap")[0])
    item = RealJoints(release, split="test", overlap="nonoverlap")[0]
    assert item["soft_tissue"].item() == pytest.approx(read["background"].mean().item())


@pytest.mark.parametrize("batch_size", [1, 2, 8])
def test_measuring_gives_one_row_an_image_whatever_the_batch_size(yardstick: Path, batch_size: int) -> None:
    joints = Yardstick(yardstick)
    measured = measure(EqualSplit(), joints, overlap_error(), given=["masks", "soft_tissue"], batch_size=batch_size)
    errors = measured["overlap_mae"]
    assert errors.shape == (3, 2)
    assert errors[:2].isfinite().all()
    assert errors[2].isnan().all()
    alone = measure(EqualSplit(), joints, overlap_error(), given=["masks", "soft_tissue"], batch_size=3)
    assert torch.allclose(errors, alone["overlap_mae"], equal_nan=True, atol=1e-4)


def test_the_truth_has_no_error_and_a_method_is_told_only_what_it_is_given(yardstick: Path) -> None:
    joints = Yardstick(yardstick)
    errors = measure(Truth(joints.layers), joints, overlap_error(), given=["masks"])["overlap_mae"]
    assert errors[:2].max().item() == 0.0
    with pytest.raises(TypeError, match="soft_tissue"):
        measure(Truth(joints.layers), joints, overlap_error(), given=["masks", "soft_tissue"])


def test_measuring_leaves_a_network_in_evaluation_and_its_weights_alone(yardstick: Path) -> None:
    class Normed(EqualSplit):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm2d(1)

        def forward(self, image: Tensor, masks: Tensor, soft_tissue: Tensor) -> Tensor:
            assert not torch.is_grad_enabled()
            return super().forward(self.norm(image), masks, soft_tissue)

    network = Normed().train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    measure(network, Yardstick(yardstick), overlap_error(), given=["masks", "soft_tissue"])
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])


class Layered:
    """Six joints called 1 to 6, whose overlaps grow with their names."""

    cases: ClassVar = [str(name) for name in (3, 1, 6, 2, 5, 4)]

    def __len__(self) -> int:
        return len(self.cases)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        masks = torch.zeros(2, 64, 64)
        rows = 3 * int(self.cases[index])
        masks[0, 32 - rows :] = masks[1, : 32 + rows] = 1.0
        return {"image": torch.full((1, 64, 64), 0.5), "masks": masks}


@pytest.mark.parametrize(
    ("count", "largest", "shown"),
    [(4, 2, "6541"), (5, 2, "65421"), (3, 3, "654"), (24, 6, "654321"), (12, 2, "654321")],
)
def test_the_gallery_shows_the_largest_overlaps_and_some_of_all_sizes(
    count: int, largest: int, shown: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named: list[str] = []

    def watched(joints: list[tuple[Any, ...]], version: str) -> Image.Image:
        named.extend(joint[0] for joint in joints)
        return Image.new("L", (8, 8))

    monkeypatch.setattr("scripts.evaluation.contact_sheet.contact_sheet", watched)
    joints: Any = Layered()
    layers = torch.full((6, 2, 64, 64), 0.5)
    gallery(layers, joints, tmp_path / "sheet.png", version="0", count=count, largest=largest)
    assert "".join(named) == shown


def test_the_gallery_is_a_picture(release: Path, tmp_path: Path) -> None:
    joints = RealJoints(release, split="test", overlap="overlap")
    layers = torch.stack([joints[at]["image"] * joints[at]["masks"] for at in range(len(joints))])
    path = gallery(layers, joints, tmp_path / "new" / "sheet.png", version="0.1.0")
    with Image.open(path) as sheet:
        assert min(sheet.size) > 200


def test_a_real_joint_is_read_once(release: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    joints = RealJoints(release, split="test")
    first = joints[0]
    monkeypatch.setattr(joints, "load", None)
    assert all(torch.equal(value, first[key]) for key, value in joints[0].items())


def test_the_case_of_an_image_is_its_folder_where_the_npz_names_it(yardstick: Path, tmp_path: Path) -> None:
    assert Yardstick(yardstick).cases == ["0", "1", "2"]
    names = [f"cases/0000{case}_L_5/{case}.jpg" for case in (1, 1, 2)]
    np.savez(tmp_path / "named.npz", **np.load(yardstick), name=names)
    assert Yardstick(tmp_path / "named.npz").cases == ["00001_L_5", "00001_L_5", "00002_L_5"]


def test_layers_are_kept_on_request(yardstick: Path) -> None:
    joints = Yardstick(yardstick)
    measured = measure(Truth(joints.layers), joints, overlap_error(), given=["masks"], keep_layers=True)
    assert measured["layers"].dtype == torch.float16
    assert torch.allclose(measured["layers"].float(), joints.layers, atol=1 / 2048)
