from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser
from PIL import Image

from scripts.dicom.reader import is_dicom
from scripts.errors import InputError
from scripts.inference.monailabel_transforms import LabelMapd, LoadOneRegiond
from tests.support import dicom_sources
from tests.support.drawn import EqualShares, joint

ROOT = Path(__file__).parents[2]


def answered(path, masks, **request):
    data = LoadOneRegiond()({"image": str(path), "image_path": str(path), "model": "bls_gan", **request})
    given = _cut(masks, data["region"].joint.box) if is_dicom(path) else masks
    return LabelMapd()({**data, "pred": EqualShares(given)(data["image"][None])[0]})


def _cut(masks, box):
    top, left, bottom, right = box
    return masks[:, top:bottom, left:right]


def test_a_picture_becomes_a_label_map_with_columns_first(tmp_path):
    levels, masks = joint(96, 80)
    Image.fromarray(levels.astype(np.uint8)).save(tmp_path / "one.png")
    answer = answered(tmp_path / "one.png", masks, result_extension=None)
    assert (answer["pred"] == (masks[0] + 2 * masks[1]).T).all()
    assert answer["pred"].dtype == np.uint8
    assert answer["model"] == "bls_gan", "what was asked goes on"
    assert answer["result_extension"] == ".png"
    assert answer["result"]["overlap_px"] == masks.all(axis=0).sum()


def test_a_nifti_keeps_its_grid(tmp_path):
    levels, masks = joint(96, 80)
    affine = np.diag([0.2, 0.3, 1.0, 1.0])
    nib.save(nib.Nifti1Image(levels.T[..., None].astype(np.int16), affine), tmp_path / "one.nii.gz")
    answer = answered(tmp_path / "one.nii.gz", masks)
    assert answer["pred"].shape == (80, 96, 1)
    assert np.allclose(answer["pred_meta_dict"]["affine"], affine)
    assert answer["result_extension"] == ".nii.gz"


def test_a_small_radiograph_is_one_joint_and_of_a_larger_one_a_point_is(tmp_path):
    levels, masks = joint(dicom_sources.ROWS, dicom_sources.COLUMNS, 12)
    path = tmp_path / "series" / "one"
    path.parent.mkdir()
    dicom_sources.source(levels=levels).save_as(path, enforce_file_format=True)
    answer = answered(path, masks)
    assert answer["pred"].shape == (dicom_sources.COLUMNS, dicom_sources.ROWS, 1)
    assert (masks[0] + 2 * masks[1] == answer["pred"][..., 0].T).all()
    assert answer["result_extension"] == ".nrrd"
    assert np.allclose(np.abs(np.diag(answer["pred_meta_dict"]["affine"])[:2]), dicom_sources.SPACING[::-1])
    assert (LoadOneRegiond()({"image": str(path.parent)})["image"] == answer["image"]).all(), "a folder of one file"
    part = answered(path, masks, joints=[{"left": 20, "top": 10, "right": 120, "bottom": 140}])
    expected = np.zeros_like(levels)
    expected[10:140, 20:120] = (masks[0] + 2 * masks[1])[10:140, 20:120]
    assert (expected == part["pred"][..., 0].T).all()


def test_two_joints_and_two_files_are_refused(tmp_path):
    path = tmp_path / "one.dcm"
    dicom_sources.source().save_as(path, enforce_file_format=True)
    boxes = [{"left": 0, "top": 0, "right": 80, "bottom": 80}, {"left": 110, "top": 60, "right": 200, "bottom": 160}]
    with pytest.raises(InputError, match=r"one\.dcm: expected one joint at a time, got 2"):
        LoadOneRegiond()({"image": str(path), "joints": boxes})
    (tmp_path / "two").touch()
    with pytest.raises(InputError, match="expected one file, got 2"):
        LoadOneRegiond()({"image": str(tmp_path)})


def test_pictures_that_lose_detail_are_not_answered_in_kind(tmp_path):
    levels, masks = joint(96, 80)
    Image.fromarray(levels.astype(np.uint8)).save(tmp_path / "one.jpg")
    assert answered(tmp_path / "one.jpg", masks)["result_extension"] == ".nrrd"
    assert answered(tmp_path / "one.jpg", masks, result_extension=".mha")["result_extension"] == ".mha"


def test_the_config_can_be_read_without_its_metadata_as_the_stock_app_does():
    parser = ConfigParser()
    parser.read_config(str(ROOT / "configs" / "inference.json"))
    parser.config["bundle_root"] = str(ROOT)
    assert [type(each) for each in parser.get_parsed_content("preprocessing").transforms] == [LoadOneRegiond]
    assert [type(each) for each in parser.get_parsed_content("postprocessing").transforms] == [LabelMapd]
    assert torch.is_tensor(parser.get_parsed_content("network_def").propose(torch.rand(1, 1, 64, 64)))
