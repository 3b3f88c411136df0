import hashlib
import json
import os

import nibabel as nib
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from scripts.errors import InputError
from scripts.files import prepare_output, whole_or_nothing
from scripts.inference.dataset import LoadRegiond
from scripts.inference.split import SplitRegiond
from scripts.inference.write_pictures import WriteResultsd
from scripts.physics import LOWER, UPPER, recompose
from tests.support.drawn import EqualShares, joint

FILES = {f"a_{what}{suffix}" for what in ("upper", "lower", "label") for suffix in (".png", ".nii.gz")} | {
    "a_figures.json",
    "a_sheet.png",
}


def region(levels, masks, bits=8, given=False, soft_tissue=0.25, ratio=None):
    """A region as the loader and the network leave it."""
    shape = levels.shape
    pred = torch.zeros(6, *shape)
    pred[2:4], pred[5] = torch.from_numpy(masks).float() * 0.9, soft_tissue
    pred[4] = 0.5 if ratio is None else torch.as_tensor(ratio)
    data = {
        "pred": pred,
        "levels": torch.from_numpy(levels).int()[None],
        "bits_stored": bits,
        "black": 0.0,
        "white": 2**bits - 1,
        "container": 8 if bits == 8 else 16,
        "step": 1.0,
        "affine": torch.diag(torch.tensor([-1.0, -1, 1, 1], dtype=torch.float64)),
        "dimensions": 2,
        "notes": "read with care\nand twice",
        "name": "a",
        "source": "a.png",
    }
    return data | ({"masks": torch.from_numpy(masks)} if given else {})


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(64, 90),
    columns=st.integers(64, 90),
    bits=st.sampled_from([8, 10, 12, 14, 16]),
    soft_tissue=st.floats(0, 1),
    seed=st.integers(0, 2**32 - 1),
)
def test_layers_recompose_within_one_level_and_are_the_image_outside_the_overlap(
    rows, columns, bits, soft_tissue, seed
):
    draw = np.random.default_rng(seed)
    levels = draw.integers(0, 2**bits, (rows, columns))
    levels[:3] = np.array([[0], [2**bits - 1], [2**bits - 2]])
    masks = draw.random((2, rows, columns)) < 0.7
    ratio = draw.choice([0.0, 1.0, 0.5, draw.random()], (rows, columns)).astype(np.float32)
    split = SplitRegiond()(region(levels, masks, bits, soft_tissue=soft_tissue, ratio=ratio))
    layers, figures = split["layers"].numpy(), split["figures"]
    alone = masks & ~masks.all(axis=0)
    assert (layers[alone] == np.stack([levels, levels])[alone]).all()
    assert not layers[~masks].any()
    assert layers.max() < 2**bits
    assert figures["outside_overlap_exact"] is True
    white = 2**bits - 1
    k = torch.tensor(min(float(split["pred"][5, 0, 0]), 1 - 1 / white), dtype=torch.float64)
    again = recompose(split["layers"].double()[None] / white, k, torch.from_numpy(masks)[None])[0, 0].numpy() * white
    worst = abs(again - levels)[masks.any(axis=0)].max()
    assert worst <= 1 + 1e-6
    assert figures["largest_recomposition_error_levels"] == pytest.approx(worst, abs=1e-5)


def test_figures_tell_what_was_measured():
    levels, masks = joint()
    figures = SplitRegiond()(region(levels, masks))["figures"]
    assert figures["overlap_px"] == masks.all(axis=0).sum()
    assert (figures["rows"], figures["columns"], figures["bits_stored"]) == (96, 80, 8)
    assert (figures["soft_tissue_k"], figures["soft_tissue_level"]) == (0.25, 63.75)
    assert figures["masks"] == "predicted"
    assert figures["warnings"] == []
    assert figures["notes"] == ["read with care", "and twice"]


def test_the_label_map_tells_lower_upper_and_overlap():
    levels, masks = joint()
    split = SplitRegiond()(region(levels, masks, given=True))
    assert split["figures"]["masks"] == "given"
    assert (split["label"].numpy() == masks[LOWER] + 2 * masks[UPPER]).all()


@pytest.mark.parametrize(
    ("depth", "given", "warnings"),
    [
        (-0.05, True, ["masks do not overlap: layers are plain copies"]),
        (-0.05, False, ["masks do not overlap: layers are plain copies"]),
        (0.01, False, ["overlap under 100 px: predicted masks are unsure there"]),
        (0.01, True, []),
    ],
)
def test_small_and_missing_overlaps_are_warned_of(depth, given, warnings):
    levels, masks = joint(depth=depth)
    assert SplitRegiond()(region(levels, masks, given=given))["figures"]["warnings"] == warnings


def test_an_image_upside_down_is_warned_of():
    levels, masks = joint()
    turned = SplitRegiond()(region(levels[::-1].copy(), masks[:, ::-1].copy()))
    assert any("upside down" in warning for warning in turned["figures"]["warnings"])


def test_an_inverted_image_is_warned_of():
    levels, masks = joint()
    inverted = SplitRegiond()(region(255 - levels, masks))
    assert any("inverted" in warning for warning in inverted["figures"]["warnings"])


def test_a_bone_that_was_not_found_is_warned_of():
    levels, masks = joint()
    masks[UPPER] = False
    split = SplitRegiond()(region(levels, masks))
    assert split["figures"]["warnings"] == ["no upper bone was found: its layer is empty"]
    assert not split["layers"][UPPER].any()
    masks[LOWER] = False
    assert len(SplitRegiond()(region(levels, masks))["figures"]["warnings"]) == 2


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_every_file_is_written_in_the_depth_of_the_source(tmp_path, bits):
    levels, masks = joint(bits=bits)
    split = SplitRegiond()(region(levels, masks, bits))
    WriteResultsd(tmp_path, "0.1.0")(split)
    assert {path.name for path in (tmp_path / "a").iterdir()} == FILES
    depth = np.uint8 if bits == 8 else np.uint16
    for bone, name in ((LOWER, "lower"), (UPPER, "upper")):
        raster = np.asarray(Image.open(tmp_path / "a" / f"a_{name}.png"))
        nifti = nib.load(tmp_path / "a" / f"a_{name}.nii.gz")
        assert raster.dtype == depth == nifti.get_data_dtype()
        assert (raster == split["layers"][bone].numpy()).all()
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
    data = LoadRegiond()({"image": tmp_path / "a.nii.gz"})
    data["pred"] = EqualShares(masks).eval()(data["image"][None])[0]
    WriteResultsd(tmp_path / "out", "0.1.0")(SplitRegiond()(data))
    alone = (masks[LOWER] & ~masks[UPPER]).T
    layer = nib.load(tmp_path / "out" / "a" / "a_lower.nii.gz")
    assert layer.shape == shape
    assert np.allclose(layer.affine, affine)
    assert np.allclose(layer.get_fdata().reshape(80, 96)[alone], levels.T[alone] / scale, atol=1e-6)
    label = nib.load(tmp_path / "out" / "a" / "a_label.nii.gz")
    assert np.allclose(label.affine, affine)
    assert set(np.unique(label.get_fdata())) == {0, 1, 2, 3}


def test_the_weights_are_named_by_their_hash(tmp_path):
    (tmp_path / "model.pt").write_bytes(b"weights")
    levels, masks = joint()
    WriteResultsd(tmp_path, "0.1.0", tmp_path / "model.pt")(SplitRegiond()(region(levels, masks)))
    figures = json.loads((tmp_path / "a" / "a_figures.json").read_text())
    assert figures["weights_sha256"] == hashlib.sha256(b"weights").hexdigest()


def test_a_second_run_replaces_the_first_with_the_same_bytes(tmp_path):
    levels, masks = joint()
    write = WriteResultsd(tmp_path, "0.1.0")
    write(SplitRegiond()(region(levels, masks)))
    first = {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir()}
    (tmp_path / "a" / "old.txt").write_text("from an older version")
    write(SplitRegiond()(region(levels, masks)))
    assert {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir()} == first
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert write.sheets == [tmp_path / "a" / "a_sheet.png"] * 2


@pytest.mark.parametrize("stop", [OSError("no space left"), KeyboardInterrupt()])
def test_an_interrupted_write_leaves_what_was_there_before(tmp_path, monkeypatch, stop):
    levels, masks = joint()
    write = WriteResultsd(tmp_path, "0.1.0")
    split = SplitRegiond()(region(levels, masks))

    def interrupted(*args, **kwargs):
        raise stop

    with monkeypatch.context() as patch:
        patch.setattr("scripts.inference.split.sheet", interrupted)
        with pytest.raises(type(stop)):
            write(split)
    assert list(tmp_path.iterdir()) == []
    write(split)
    with monkeypatch.context() as patch:
        patch.setattr("scripts.inference.split.sheet", interrupted)
        with pytest.raises(type(stop)):
            write(split)
    assert {path.name for path in (tmp_path / "a").iterdir()} == FILES
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_folder_that_cannot_be_put_in_place_does_not_lose_the_old_one(tmp_path, monkeypatch):
    whole_or_nothing(tmp_path / "a", lambda folder: (folder / "old").touch())
    move = os.replace

    def fail_the_second(source, target):
        if target == tmp_path / "a" and "replaced" not in str(source):
            raise OSError("no space left")
        move(source, target)

    monkeypatch.setattr(os, "replace", fail_the_second)
    with pytest.raises(OSError, match="no space left"):
        whole_or_nothing(tmp_path / "a", lambda folder: (folder / "new").touch())
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["old"]
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_the_output_folder_is_made_and_left_clean(tmp_path):
    prepare_output(tmp_path / "new" / "results")
    assert list((tmp_path / "new" / "results").iterdir()) == []


def test_an_output_folder_that_cannot_be_written_to_is_refused_with_the_reason(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"output_dir .*file/results: cannot be written to \(Not a directory\)"):
        prepare_output(tmp_path / "file" / "results")
    with pytest.raises(InputError, match=r"cannot be written to \(File exists\)"):
        prepare_output(tmp_path / "file")


@pytest.mark.parametrize("bits", [8, 12])
def test_layers_may_be_taken_as_the_network_answered_them_and_are_measured_truthfully(bits):
    levels, masks = joint(bits=bits)
    answered = region(levels, masks, bits)
    answered["pred"][:2] = 0.4
    split = SplitRegiond(as_answered=True)(answered)
    assert torch.equal(split["layers"], torch.from_numpy(masks) * round(0.4 * (2**bits - 1)))
    assert not split["figures"]["outside_overlap_exact"]
    assert split["figures"]["largest_recomposition_error_levels"] > 10
