import json

import nibabel as nib
import numpy as np
import pytest
import torch
from PIL import Image

from scripts.dicom.provenance import Software
from scripts.inference.find_images import PictureEntry
from scripts.inference.read_images import read_picture_region
from scripts.inference.split import split_region
from scripts.inference.write_pictures import write_picture
from scripts.physics import LOWER, RIM, UPPER, grow
from tests.support.drawn import EqualShares, joint
from tests.support.regions import split

FILES = {f"a_{what}{suffix}" for what in ("upper", "lower", "tissue", "label") for suffix in (".png", ".nii.gz")} | {
    "a_figures.json",
    "a_sheet.png",
}


def write(separated, folder, **software):
    return write_picture(separated, separated.region, folder / "a", Software(version="0.1.0", **software))


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_every_file_is_written_in_the_depth_of_the_source(tmp_path, bits):
    levels, masks = joint(bits=bits)
    separated = split(levels, masks, bits)
    write(separated, tmp_path)
    assert {path.name for path in (tmp_path / "a").iterdir()} == FILES
    depth = np.uint8 if bits == 8 else np.uint16
    for bone, name in ((LOWER, "lower"), (UPPER, "upper")):
        raster = np.asarray(Image.open(tmp_path / "a" / f"a_{name}.png"))
        nifti = nib.load(tmp_path / "a" / f"a_{name}.nii.gz")
        assert raster.dtype == depth == nifti.get_data_dtype()
        assert (raster == separated.layers[bone].numpy()).all()
        assert (np.asarray(nifti.dataobj) == raster.T).all()
    label = np.asarray(Image.open(tmp_path / "a" / "a_label.png"))
    assert label.dtype == np.uint8
    assert (np.asarray(nib.load(tmp_path / "a" / "a_label.nii.gz").dataobj) == label.T).all()
    assert json.loads((tmp_path / "a" / "a_figures.json").read_text())["version"] == "0.1.0"


@pytest.mark.parametrize("shape", [(80, 96), (80, 96, 1)])
@pytest.mark.parametrize("scale", [1, 255])
def test_a_nifti_comes_back_on_its_own_grid_affine_and_scale(tmp_path, shape, scale):
    levels, masks = joint(96, 80)
    stored = (levels.T / scale if scale > 1 else levels.T.astype(np.int16)).reshape(shape)
    affine = np.array([[0.0, -0.15, 0, 7], [-0.15, 0, 0, -3], [0, 0, 2.0, 1], [0, 0, 0, 1]])
    nib.save(nib.Nifti1Image(stored, affine), tmp_path / "a.nii.gz")
    region = read_picture_region(PictureEntry(path=tmp_path / "a.nii.gz", name="a"))
    write(split_region(region, EqualShares(masks)(region.image[None])[0]), tmp_path / "out")
    alone = (masks[LOWER] & ~grow(torch.from_numpy(masks)[None], RIM)[0, UPPER].numpy()).T
    layer = nib.load(tmp_path / "out" / "a" / "a_lower.nii.gz")
    assert layer.shape == shape
    assert np.allclose(layer.affine, affine)
    assert np.allclose(layer.get_fdata().reshape(80, 96)[alone], levels.T[alone] / scale, atol=1e-6)
    label = nib.load(tmp_path / "out" / "a" / "a_label.nii.gz")
    assert np.allclose(label.affine, affine)
    assert set(np.unique(label.get_fdata())) == {0, 1, 2, 3}


def test_the_weights_are_named_by_their_hash(tmp_path):
    write(split(*joint()), tmp_path, weights_sha256="ab" * 32)
    figures = json.loads((tmp_path / "a" / "a_figures.json").read_text())
    assert figures["weights_sha256"] == "ab" * 32


def test_a_second_run_replaces_the_first_with_the_same_bytes(tmp_path):
    levels, masks = joint()
    write(split(levels, masks), tmp_path)
    first = {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir()}
    (tmp_path / "a" / "old.txt").write_text("from an older version")
    sheets = write(split(levels, masks), tmp_path)
    assert {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir()} == first
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert sheets == [tmp_path / "a" / "a_sheet.png"]


@pytest.mark.parametrize("stop", [OSError("no space left"), KeyboardInterrupt()])
def test_an_interrupted_write_leaves_what_was_there_before(tmp_path, monkeypatch, stop):
    separated = split(*joint())

    def interrupted(*args, **kwargs):
        raise stop

    with monkeypatch.context() as patch:
        patch.setattr("scripts.inference.write_pictures.sheet", interrupted)
        with pytest.raises(type(stop)):
            write(separated, tmp_path)
    assert list(tmp_path.iterdir()) == []
    write(separated, tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("scripts.inference.write_pictures.sheet", interrupted)
        with pytest.raises(type(stop)):
            write(separated, tmp_path)
    assert {path.name for path in (tmp_path / "a").iterdir()} == FILES
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
