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
import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from scripts.dicom.joint import MASKED
from scripts.errors import InputError
from scripts.inference.find_images import PictureEntry, find_images
from scripts.inference.inferer import SeparationInferer
from scripts.inference.pipeline import Pipeline
from scripts.inference.read_images import read_picture_region
from scripts.inference.write_pictures import write_picture
from scripts.measurement.adjusted_joints import file_name, main, numbers
from scripts.networks.separator import Separator
from scripts.phantoms.joint import draw_joint, save
from scripts.physics import UPPER


def results(folder: Path, bits: int = 8, kind: str = "in_tissue") -> Path:
    """Results of the main job on one drawn joint."""
    save(draw_joint(4, size=128, overlap=10.0), folder / "in" / "joint.png", bits=bits)
    torch.manual_seed(0)
    pipeline = Pipeline(Separator().eval(), SeparationInferer(), version="9.9", kind=kind)
    [entry] = find_images(folder / "in")
    assert isinstance(entry, PictureEntry)
    region = read_picture_region(entry)
    write_picture(pipeline.separate_region(region), region, folder / "out" / "joint", pipeline.software)
    return folder / "out"


def lines(folder: Path) -> list[dict[str, str]]:
    with (folder / "widths.csv").open() as stream:
        return list(csv.DictReader(stream))


def levels(path: Path) -> np.ndarray:
    return np.array(Image.open(path)).astype(int)


@pytest.mark.parametrize("bits", [8, 16])
def test_results_become_images_of_their_depth_with_known_changes(tmp_path: Path, bits: int) -> None:
    main(str(tmp_path / "adjusted"), results=str(results(tmp_path, bits)), changes=(-3, 0, 3))
    rows = lines(tmp_path / "adjusted")
    assert [float(row["change_px"]) for row in rows] == [-3.0, 0.0, 3.0]
    gaps = [float(row["gap_px"]) for row in rows]
    assert np.diff(gaps).tolist() == [3.0, 3.0]
    assert gaps[1] == pytest.approx(-5.0, abs=1.5)
    overlaps = [int(row["overlap_px"]) for row in rows]
    assert overlaps == sorted(overlaps, reverse=True)
    same = levels(tmp_path / "adjusted" / "joint_p0.00px.png")
    assert np.abs(same - levels(tmp_path / "in" / "joint.png")).max() <= 1
    assert {row["subject"] for row in rows} == {"joint"}


def test_what_is_written_is_an_input_of_the_main_job(tmp_path: Path) -> None:
    main(str(tmp_path / "adjusted"), count=1, changes=(-2, 2), size=128)
    entries = find_images(tmp_path / "adjusted")
    regions = [read_picture_region(entry) for entry in entries if isinstance(entry, PictureEntry)]
    assert [region.name for region in regions] == ["joint_000_right_m2.00px", "joint_000_right_p2.00px"]
    assert all(region.masks is not None and region.masks.flatten(1).any(dim=1).all() for region in regions)


def test_drawn_joints_have_exact_gaps(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        main(str(tmp_path), count=2, changes=(0, 12), size=256)
    rows = lines(tmp_path)
    assert len(rows) == 4
    for row in rows:
        mask = {side: levels(tmp_path / f"{row['image'][:-4]}_mask_{side}.png") > 0 for side in ("lower", "upper")}
        thickest = (mask["lower"] & mask["upper"]).sum(axis=0).max()
        assert thickest == pytest.approx(max(0.0, -float(row["gap_px"])), abs=1.5)
        assert thickest == 0 or int(row["overlap_px"]) > 0
    assert "4 images" in caplog.text


def test_the_same_command_writes_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        main(str(tmp_path / name), count=1, changes=-1.5, size=128)
    files = [{path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("one", "two")]
    assert files[0] == files[1]
    assert len(files[0]) == 4


def test_layers_that_were_cut_out_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"joint_figures.json: expected layers in their tissue, got layers masked"):
        main(str(tmp_path / "adjusted"), results=str(results(tmp_path, kind=MASKED)))


def test_results_that_are_not_there_or_not_whole_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(SystemExit, match=r"expected results of pictures \(NAME_figures.json\), got none"):
        main(str(tmp_path / "adjusted"), results=str(tmp_path / "empty"))
    found = results(tmp_path)
    (found / "joint" / "joint_tissue.png").unlink()
    with pytest.raises(SystemExit, match=r"joint_figures.json: expected results of the main job, got none \(FileNot"):
        main(str(tmp_path / "adjusted"), results=str(found))
    (found / "joint" / "joint_figures.json").write_text(json.dumps({"layers": "in_tissue"}))
    with pytest.raises(SystemExit, match=r"got none \(KeyError\)"):
        main(str(tmp_path / "adjusted"), results=str(found))


def test_results_with_one_bone_are_refused(tmp_path: Path) -> None:
    found = results(tmp_path)
    label = levels(found / "joint" / "joint_label.png")
    one = np.where(label == UPPER + 1, 0, np.minimum(label, 1)).astype(np.uint8)
    Image.fromarray(one).save(found / "joint" / "joint_label.png")
    with pytest.raises(SystemExit, match=r"joint_figures.json: expected two bones, got one or none"):
        main(str(tmp_path / "adjusted"), results=str(found))


def test_a_change_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"joint_000_right, change 90 px: overlap: expected -40 to 40, got"):
        main(str(tmp_path / "adjusted"), count=1, changes=90)
    with pytest.raises(SystemExit, match=r"change: expected at most 12.8 px for 128 x 128 px, got 13"):
        main(str(tmp_path / "adjusted"), results=str(results(tmp_path)), changes=13)


@pytest.mark.parametrize("changes", ["narrow", (), (1, 1), (1, "2"), (1.001, 1.002), (True,)])
def test_changes_that_are_no_different_numbers_are_refused(changes: object) -> None:
    with pytest.raises(InputError, match="changes: expected different numbers such as -2,0,2, got"):
        numbers(changes)


def test_a_name_tells_the_change() -> None:
    assert file_name("joint", -2.5) == "joint_m2.50px.png"
    assert file_name("joint", 2.0) == "joint_p2.00px.png"
