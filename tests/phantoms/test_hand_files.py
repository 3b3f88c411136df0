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


import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread

from scripts.dicom.reader import read_radiograph
from scripts.inference.joint_list import locate, read_joints, select_rows
from scripts.phantoms.hand import JOINTS, Hand, draw_hand
from scripts.phantoms.hand_files import SYNTAXES, main, save
from tests.support.pasting import paste

SAMPLES = Path(__file__).parents[2] / "samples" / "hand"
SMALL: dict = {"spacing": 0.2, "size": (360, 640)}


@pytest.fixture(scope="module")
def hand() -> Hand:
    return draw_hand(4, **SMALL, overlaps=dict.fromkeys(JOINTS, 8.0))


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    main(str(folder), count=2, seed=4, overlap=8.0, **SMALL)
    return folder


def test_the_command_writes_hands_the_places_of_their_joints_and_the_truth(archive: Path) -> None:
    names = {path.relative_to(archive).as_posix() for path in archive.rglob("*.*")}
    stems = ("hand_004_right", "hand_005_left")
    truth = {
        f"truth/{stem}_{joint}_{what}_{bone}.png"
        for stem in stems
        for joint in JOINTS
        for what in ("mask", "layer")
        for bone in ("upper", "lower")
    }
    assert names == truth | {f"truth/{stem}.json" for stem in stems} | {f"{stem}.dcm" for stem in stems} | {
        "joints.csv"
    }


def test_the_file_holds_the_hand_as_drawn(archive: Path, hand: Hand) -> None:
    radiograph = read_radiograph(archive / "hand_004_right.dcm")
    rows, columns = radiograph.levels.shape
    assert np.abs(radiograph.gray((0, 0, rows, columns)) - hand.image[0].numpy()).max() <= 0.5 / 4095 + 1e-6
    assert radiograph.spacing == (0.2, 0.2)
    assert radiograph.dataset.ImageLaterality == "R"
    assert radiograph.dataset.PatientName == "Phantom^Hand 004"
    assert dcmread(archive / "hand_005_left.dcm").ImageLaterality == "L"


def test_the_list_of_joints_places_regions_where_the_truth_is(archive: Path, hand: Hand) -> None:
    with (archive / "joints.csv").open() as file:
        lines = list(csv.reader(file))
    assert lines[0] == ["image", "joint", "x", "y"]
    assert lines[1] == ["hand_004_right.dcm", "MCP1", *map(str, hand.joints["MCP1"].centre)]
    rows = select_rows(read_joints(None, archive), "hand_004_right.dcm")
    placed = locate(rows, size=SMALL["size"], spacing=(0.2, 0.2))
    assert [joint.name for joint in placed] == list(JOINTS)
    for joint in placed:
        assert np.abs(np.subtract(joint.box, hand.joints[joint.name].box)).max() <= 1


def test_the_truth_is_that_of_the_drawing(archive: Path, hand: Hand) -> None:
    figures = json.loads((archive / "truth/hand_004_right.json").read_text())
    assert (figures["spacing"], figures["hand"]) == (0.2, "right")
    for name, joint in hand.joints.items():
        assert figures["joints"][name] == {
            "centre": list(joint.centre),
            "box": list(joint.box),
            "soft_tissue": round(joint.soft_tissue, 5),
        }
        for channel, bone in enumerate(("lower", "upper")):
            mask, layer = (
                np.asarray(Image.open(archive / f"truth/hand_004_right_{name}_{what}_{bone}.png"))
                for what in ("mask", "layer")
            )
            assert np.array_equal(mask == 255, joint.masks[channel])
            assert np.abs(layer / 65535 - joint.layers[channel].numpy()).max() < 1e-5


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("photometric", ["MONOCHROME2", "MONOCHROME1"])
def test_every_transfer_syntax_is_lossless_and_clean(tmp_path: Path, hand: Hand, syntax: str, photometric: str) -> None:
    path = tmp_path / "hand.dcm"
    save(hand, path, transfer_syntax=syntax, photometric=photometric)
    assert dcmread(path).file_meta.TransferSyntaxUID.keyword == syntax
    stored = np.rint(hand.image[0].double().numpy() * 4095)
    assert np.abs(read_radiograph(path).levels - stored).max() <= (photometric == "MONOCHROME1")
    if syntax != "DeflatedExplicitVRLittleEndian":  # dciodvfy does not inflate
        found = subprocess.run([Path(sys.executable).with_name("dciodvfy"), path], capture_output=True, text=True)
        assert found.returncode == 0
        assert "Error" not in found.stdout + found.stderr


def test_the_same_command_writes_the_same_bytes(archive: Path, tmp_path: Path) -> None:
    main(str(tmp_path), count=1, seed=4, overlap=8.0, **SMALL)
    assert (tmp_path / "hand_004_right.dcm").read_bytes() == (archive / "hand_004_right.dcm").read_bytes()


def test_files_that_differ_in_their_pixels_have_uids_of_their_own(archive: Path, tmp_path: Path) -> None:
    main(str(tmp_path), count=1, seed=4, overlap=6.0, **SMALL)
    one, other = dcmread(archive / "hand_004_right.dcm"), dcmread(tmp_path / "hand_004_right.dcm")
    assert one.SOPInstanceUID != other.SOPInstanceUID


def test_a_joint_whose_layers_nobody_knows_has_masks_only(tmp_path: Path, hand: Hand) -> None:
    masks = hand.joints["MCP3"].masks
    pasted = paste(hand, "MCP2", 0.5 * masks.any(0, keepdim=True).float(), masks=masks)
    save(pasted, tmp_path / "hand.dcm")
    assert (tmp_path / "truth/hand_MCP2_mask_upper.png").is_file()
    assert not (tmp_path / "truth/hand_MCP2_layer_upper.png").exists()
    assert json.loads((tmp_path / "truth/hand.json").read_text())["joints"]["MCP2"]["soft_tissue"] is None


def test_an_unknown_transfer_syntax_is_refused_and_leaves_no_file(tmp_path: Path, hand: Hand) -> None:
    with pytest.raises(ValueError, match=r"transfer_syntax: expected one of .*, got 'JPEGBaseline8Bit'"):
        save(hand, tmp_path / "hand.dcm", transfer_syntax="JPEGBaseline8Bit")
    assert not list(tmp_path.iterdir())


def test_the_sample_is_what_its_readme_says(tmp_path: Path) -> None:
    main(str(tmp_path), count=1, seed=0, spacing=0.15, joint_list="true_joints.csv")
    sample, drawn = (read_radiograph(folder / "hand_000_right.dcm") for folder in (SAMPLES, tmp_path))
    assert sample.dataset.StudyInstanceUID == drawn.dataset.StudyInstanceUID
    # Other processors round differently.
    assert np.abs(sample.levels - drawn.levels).max() <= 16
    assert (SAMPLES / "true_joints.csv").read_text() == (tmp_path / "true_joints.csv").read_text()


def test_visits_of_a_hand_are_studies_of_one_patient_a_year_apart_each_narrower(tmp_path):
    main(str(tmp_path), count=1, spacing=0.2, visits=2, narrowing=0.4)
    early, late = (dcmread(tmp_path / f"hand_000_right_visit_{visit}.dcm") for visit in (1, 2))
    assert early.PatientID == late.PatientID
    assert early.StudyInstanceUID != late.StudyInstanceUID
    assert int(late.StudyDate[:4]) - int(early.StudyDate[:4]) == 1
    rows = (tmp_path / "joints.csv").read_text().splitlines()
    assert len(rows) == 11
    first, second = (tmp_path / "truth" / f"hand_000_right_visit_{visit}_MCP3_mask_upper.png" for visit in (1, 2))
    assert not np.array_equal(np.asarray(Image.open(first)), np.asarray(Image.open(second)))
