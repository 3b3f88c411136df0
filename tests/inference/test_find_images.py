from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from scripts.errors import InputError
from scripts.inference.find_images import find_images
from scripts.inference.read_images import read_picture_region
from scripts.physics import LOWER, UPPER
from tests.support.dicom_sources import source, write
from tests.support.drawn import joint

LEVELS, MASKS = joint(96, 80)


def save(folder: Path, name: str, values: np.ndarray = LEVELS) -> None:
    Image.fromarray(values.astype(np.uint8)).save(folder / name)


def save_masks(folder: Path, name: str) -> None:
    save(folder, f"{name}_mask_lower.png", MASKS[LOWER] * 255)
    save(folder, f"{name}_mask_upper.png", MASKS[UPPER] * 255)


def test_every_picture_of_a_folder_is_found_in_order_of_name(tmp_path):
    for name in ("d.jpg", "b.bmp", "a.PNG", "c.tiff"):
        save(tmp_path, name)
    nib.save(nib.Nifti1Image(LEVELS.T.astype(np.uint8), np.eye(4)), tmp_path / "e.nii.gz")
    found = find_images(tmp_path)
    assert [entry.name for entry in found] == ["a", "b", "c", "d", "e"]
    assert [entry.path.name for entry in found] == ["a.PNG", "b.bmp", "c.tiff", "d.jpg", "e.nii.gz"]
    assert not any(entry.refused for entry in found)


def test_other_files_hidden_files_and_subfolders_are_passed_over(tmp_path):
    save(tmp_path, "a.png")
    save(tmp_path, ".hidden.png")
    (tmp_path / "README.md").write_text("words")
    (tmp_path / "truth.png").mkdir()
    save(tmp_path / "truth.png", "b.png")
    assert [entry.name for entry in find_images(str(tmp_path))] == ["a"]


def test_masks_belong_to_the_picture_they_are_named_after(tmp_path):
    save(tmp_path, "a.png")
    save(tmp_path, "b.png")
    save_masks(tmp_path, "b")
    first, second = find_images(tmp_path)
    assert not first.masks
    assert {bone: path.name for bone, path in second.masks.items()} == {
        LOWER: "b_mask_lower.png",
        UPPER: "b_mask_upper.png",
    }


def test_a_missing_folder_and_one_without_a_picture_are_refused(tmp_path):
    with pytest.raises(InputError, match="elsewhere: no such folder"):
        find_images(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="holds no DICOM, PNG, JPEG, BMP, TIFF or NIfTI image"):
        find_images(tmp_path)


def one_mask(folder):
    save(folder, "a.png")
    save(folder, "a_mask_upper.png", MASKS[UPPER] * 255)


def two_masks_of_a_bone(folder):
    save(folder, "a.png")
    save_masks(folder, "a")
    save(folder, "a_mask_lower.bmp", MASKS[LOWER] * 255)


def mask_of_another_size(folder):
    save(folder, "a.png")
    save_masks(folder, "a")
    save(folder, "a_mask_upper.png", MASKS[UPPER, :70] * 255)


def empty_mask(folder):
    save(folder, "a.png")
    save_masks(folder, "a")
    save(folder, "a_mask_lower.png", MASKS[LOWER] * 0)


def same_name(folder):
    save(folder, "a.png")
    save(folder, "a.tif")


REFUSALS = [
    (one_mask, r"^a\.png: has a_mask_upper\.png but no a_mask_lower, both or none"),
    (two_masks_of_a_bone, r"^a\.png: two masks of a bone, a_mask_lower\.bmp, a_mask_lower\.png"),
    (mask_of_another_size, r"^a_mask_upper\.png: 70 rows x 80 columns, its image has 96 rows x 80 columns"),
    (empty_mask, r"^a_mask_lower\.png: an empty mask"),
    (same_name, r"^a\.tif: has the name of a\.png"),
    (lambda folder: save(folder, "a_mask_upper.png"), r"^a_mask_upper\.png: a mask without its image a"),
]


@pytest.mark.parametrize(("make", "why"), REFUSALS)
def test_what_is_wrong_with_an_entry_is_said_when_it_is_read(tmp_path, make, why):
    make(tmp_path)
    with pytest.raises(InputError, match=why):
        read_picture_region(find_images(tmp_path)[-1])


def test_each_folder_may_have_its_own_list(tmp_path):
    write(source(), tmp_path / "a" / "one.dcm")
    write(source(kind="CR"), tmp_path / "a" / "below" / "two.dcm")
    write(source(kind="MG"), tmp_path / "three.dcm")
    (tmp_path / "a" / "joints.csv").write_text("image,x,y\none.dcm,80,90\nbelow/two.dcm,80,91\n")
    found = {entry.name: entry for entry in find_images(tmp_path)}
    assert found["a/one"].listed == "one.dcm"
    assert found["a/below/two"].listed == "below/two.dcm"
    assert [row.numbers for row in found["a/one"].rows] == [(80, 90), (80, 91)]
    assert found["three"].rows == []
    (tmp_path / "a" / "joints.csv").write_text("image,x,y\ngone.dcm,80,90\n")
    with pytest.raises(InputError, match=r"joints\.csv, line 2: image gone\.dcm is not there"):
        find_images(tmp_path)
