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


import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from scripts.datasets.finger_joints import (
    BROKEN_MASKS,
    FaceLeftd,
    LevelTissued,
    LoadJointd,
    SignedDistanced,
    case_fields,
    in_validation,
    open_release,
    release_datalist,
    signed_distance,
)
from scripts.physics import LOWER, UPPER

Joint = dict[str, Any]

SPLITS = ("train", "validation", "test")


def names(dataset_dir: str | Path, split: str, **options: Any) -> list[str]:
    return [entry["name"] for entry in release_datalist(dataset_dir, split=split, **options)]


@pytest.fixture
def asymmetric(tmp_path: Path) -> Joint:
    """A joint of 3 rows and 5 columns, each picture with one bright pixel elsewhere."""
    joint: Joint = {"hand": "R"}
    for key, at in (("image", (0, 4)), ("background", (1, 0)), ("lower", (2, 1)), ("upper", (0, 3))):
        levels = np.full((3, 5), 51, np.uint8)
        levels[at] = 255
        path = tmp_path / f"{key}.png"
        Image.fromarray(levels).save(path)
        joint[key] = path
    return joint


def test_a_release_is_found_in_a_folder_in_its_data_folder_in_a_zip_and_beside_a_zip(
    release: Path, release_zip: Path, tmp_path: Path
) -> None:
    flat_zip = Path(shutil.make_archive(str(tmp_path / "flat-release"), "zip", release / "Data"))
    places = (release, release / "Data", release_zip, release_zip.parent, flat_zip)
    first = names(release, "train")
    assert len(first) == 5
    for place in places:
        assert names(place, "train") == first
        assert names(str(place), "train") == first


def test_a_place_without_a_release_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=f"{tmp_path}: expected LS_K1_all_train"):
        open_release(tmp_path)
    with pytest.raises(FileNotFoundError, match="nowhere: expected LS_K1_all_train"):
        release_datalist(tmp_path / "nowhere", split="train")
    picture = tmp_path / "not-a-release.zip"
    picture.write_bytes(b"not a zip")
    with pytest.raises(FileNotFoundError, match=r"not-a-release\.zip: expected LS_K1_all_train"):
        open_release(picture)


def test_a_folder_with_a_broken_zip_in_it_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "bls-gan-release.zip").write_bytes(b"half a download")
    with pytest.raises(FileNotFoundError, match="found none of them"):
        open_release(tmp_path)


def test_an_unknown_split_or_overlap_is_refused_with_what_is_known(release: Path) -> None:
    with pytest.raises(ValueError, match=r"split: expected one of train, validation, test, got 'valid'"):
        release_datalist(release, split="valid")
    with pytest.raises(ValueError, match=r"overlap: expected one of all, overlap, nonoverlap, got 'some'"):
        release_datalist(release, split="test", overlap="some")


def test_images_whose_masks_are_known_to_be_broken_are_left_out(release: Path) -> None:
    for overlap in ("all", "overlap"):
        listed = {name for split in SPLITS for name in names(release, split, overlap=overlap)}
        assert listed
        assert not listed & BROKEN_MASKS
        for split in ("train", "test"):
            published = (release / "Data" / f"LS_K1_{overlap}_{split}").read_text()
            assert any(name in published for name in BROKEN_MASKS)


def test_a_case_is_in_one_split_only_with_all_its_visits(release: Path) -> None:
    cases = {split: [entry["case"] for entry in release_datalist(release, split=split)] for split in SPLITS}
    assert sorted(cases["validation"]) == ["00003_L_13", "00003_L_13", "00004_R_8", "00004_R_8"]
    assert not set(cases["train"]) & set(cases["validation"])
    published = json.loads((release / "Data" / "LS_K1_all_train").read_text())
    assert len(cases["train"]) + len(cases["validation"]) == len(published) - 1


def test_a_case_stays_where_it_is_when_more_cases_are_held_out() -> None:
    cases = [f"{number:05d}_{hand}_{joint}" for number in range(200) for hand in "LR" for joint in (2, 5, 8, 11, 13)]
    held = {fraction: {case for case in cases if in_validation(case, fraction)} for fraction in (0.0, 0.12, 0.5, 1.0)}
    assert held[0.0] < held[0.12] < held[0.5] < held[1.0]
    assert len(held[0.12]) / len(cases) == pytest.approx(0.12, abs=0.02)
    assert held[1.0] == set(cases)


def test_the_test_split_is_never_held_out_for_validation(release: Path) -> None:
    assert names(release, "test", validation_fraction=1.0) == names(release, "test")
    assert names(release, "train", validation_fraction=1.0) == []


def test_overlapping_and_other_joints_make_up_the_whole_split(release: Path) -> None:
    for split in SPLITS:
        both = names(release, split, overlap="overlap") + names(release, split, overlap="nonoverlap")
        assert sorted(both) == sorted(names(release, split))
    for entry in release_datalist(release, split="train", overlap="overlap"):
        assert LoadJointd()(entry)["masks"].prod(dim=0).sum() >= 20


def test_an_entry_tells_case_hand_and_joint(release: Path) -> None:
    entry = release_datalist(release, split="test")[-1]
    assert entry["case"] == "00002_R_8"
    assert entry["hand"] == "R"
    assert entry["joint"] == 8
    assert entry["name"] == "00002_R_8/" + "0" * 32
    assert entry["image"].is_file()


def test_a_name_of_another_form_tells_no_hand_and_no_joint() -> None:
    assert case_fields("00002_R_8") == {"case": "00002_R_8", "hand": "R", "joint": 8}
    assert case_fields("7") == {"case": "7", "hand": None, "joint": None}


def test_a_joint_reads_the_same_from_folder_and_zip(release: Path, release_zip: Path) -> None:
    load = LoadJointd()
    for inside, zipped in zip(
        release_datalist(release, split="test"), release_datalist(release_zip, split="test"), strict=True
    ):
        one, other = load(inside), load(zipped)
        for key in ("image", "background", "masks"):
            assert torch.equal(one[key], other[key])


def test_rows_come_first_gray_levels_reach_one_and_masks_are_lower_then_upper(asymmetric: Joint) -> None:
    joint = LoadJointd()(asymmetric)
    assert joint["image"].shape == joint["background"].shape == (1, 3, 5)
    assert joint["masks"].shape == (2, 3, 5)
    assert joint["image"].dtype == joint["masks"].dtype == torch.float32
    assert (joint["image"] == 1.0).nonzero().tolist() == [[0, 0, 4]]
    assert (joint["background"] == 1.0).nonzero().tolist() == [[0, 1, 0]]
    assert joint["image"].min().item() == pytest.approx(0.2)
    assert joint["masks"].nonzero().tolist() == [[LOWER, 2, 1], [UPPER, 0, 3]]
    assert "lower" not in joint
    assert "upper" not in joint


def test_what_is_not_asked_for_is_not_read(asymmetric: Joint) -> None:
    Path(str(asymmetric["background"])).unlink()
    joint = LoadJointd(keys=["image"])(asymmetric)
    assert "background" not in joint
    assert joint["image"].shape == (1, 3, 5)


def test_loading_leaves_the_datalist_as_it_was(asymmetric: Joint) -> None:
    before = dict(asymmetric)
    LoadJointd()(asymmetric)
    assert asymmetric == before


def test_right_hands_are_mirrored_and_left_hands_are_not(asymmetric: Joint) -> None:
    face_left = FaceLeftd(keys=["image", "masks"])
    right = LoadJointd()(asymmetric)
    mirrored = face_left(right)
    assert (mirrored["image"] == 1.0).nonzero().tolist() == [[0, 0, 0]]
    assert mirrored["masks"].nonzero().tolist() == [[LOWER, 2, 3], [UPPER, 0, 1]]
    assert torch.equal(mirrored["background"], right["background"])
    left = {**right, "hand": "L"}
    assert torch.equal(face_left(left)["image"], right["image"])


def test_the_signed_distance_of_a_square_is_counted_from_between_two_pixels() -> None:
    masks = torch.zeros(2, 9, 9)
    masks[LOWER, 2:7, 2:7] = 1.0
    distance = signed_distance(masks)
    assert distance.dtype == torch.float32
    assert distance[LOWER, 4].tolist() == [-1.5, -0.5, 0.5, 1.5, 2.5, 1.5, 0.5, -0.5, -1.5]
    assert distance[LOWER, :, 4].tolist() == distance[LOWER, 4].tolist()
    # Diagonally from the corner outward: two rows and two columns away from the square's corner pixel.
    assert distance[LOWER, 0, 0].item() == pytest.approx(-(8**0.5 - 0.5))


def test_the_sign_of_the_distance_is_the_mask() -> None:
    masks = (torch.rand(2, 20, 30, generator=torch.Generator().manual_seed(0)) > 0.5).float()
    assert torch.equal(signed_distance(masks) > 0, masks > 0.5)
    assert signed_distance(masks).abs().min() >= 0.5


def test_the_signed_distance_is_added_beside_the_masks() -> None:
    masks = torch.zeros(2, 8, 8)
    masks[UPPER, :4] = 1.0
    joint = SignedDistanced()({"masks": masks})
    assert torch.equal(joint["distance"], signed_distance(masks))
    assert joint["masks"] is masks


def levelled(background: Tensor, masks: Tensor) -> Tensor:
    made: Tensor = LevelTissued()({"background": background, "distance": signed_distance(masks)})["tissue"]
    return made


def bones() -> Tensor:
    """Masks of two bones, 6 px apart."""
    masks = torch.zeros(2, 128, 128)
    masks[LOWER, 64:, 40:90] = 1.0
    masks[UPPER, :58, 50:80] = 1.0
    return masks


def test_soft_tissue_under_the_bones_is_as_bright_as_near_both_of_them() -> None:
    background = torch.full((1, 128, 128), 0.3)
    background[:, 64:, 40:90] = background[:, :58, 50:80] = 0.05
    assert torch.allclose(levelled(background, bones()), torch.tensor(0.3), atol=1e-3)


def test_soft_tissue_around_the_bones_and_brighter_tissue_under_them_stay() -> None:
    background = torch.full((1, 128, 128), 0.3)
    background[..., :20] = 0.0
    background[:, 90:, 55:75] = 0.5
    made = levelled(background, bones())
    assert made[0, :, :8].max() < 0.01
    assert made[0, 105:, 65].min() > 0.45


def test_joints_without_bones_or_without_tissue_are_levelled_by_what_is_there() -> None:
    for masks in (torch.zeros(2, 32, 32), torch.ones(2, 32, 32)):
        assert torch.allclose(levelled(torch.full((1, 32, 32), 0.4), masks), torch.tensor(0.4))
