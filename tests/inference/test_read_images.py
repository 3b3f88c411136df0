import nibabel as nib
import numpy as np
import pytest
import torch
from PIL import Image

from scripts.dicom.joint import SeparatedJoint
from scripts.dicom.provenance import Software
from scripts.dicom.reader import read_radiograph
from scripts.dicom.segmentation import segmentation
from scripts.errors import InputError
from scripts.inference.find_images import PictureEntry, find_images
from scripts.inference.joint_list import read_joints
from scripts.inference.read_images import given_label_map, locate_joints, read_picture_region, read_radiograph_joints
from scripts.inference.regions import cut_region
from scripts.physics import LOWER, UPPER
from tests.support.dicom_sources import source, write
from tests.support.drawn import joint
from tests.support.regions import located

LEVELS, MASKS = joint(96, 80)


def save(folder, name, values=LEVELS):
    Image.fromarray(values.astype(np.uint8)).save(folder / name)


def save_masks(folder, name):
    save(folder, f"{name}_mask_lower.png", MASKS[LOWER] * 255)
    save(folder, f"{name}_mask_upper.png", MASKS[UPPER] * 255)


def test_a_small_image_without_joints_is_one_region_and_a_large_one_is_refused(hand, tmp_path):
    small = read_radiograph(write(source(), tmp_path / "small.dcm"))
    assert [joint.box for joint in locate_joints(small, "small.dcm", [])] == [(0, 0, *small.levels.shape)]
    with pytest.raises(InputError, match=r"hand\.dcm: 500 rows x 600 columns, more than one joint: name its joints in"):
        locate_joints(hand[1], "hand.dcm", [])


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([(600, 100)], "joint1 at 600, 100 px lies outside the image"),
        ([(300, 250), (310, 250)], "one joint is asked twice"),
    ],
)
def test_joints_that_do_not_fit_are_refused(hand, rows, says):
    with pytest.raises(InputError, match=says):
        located(hand[1], *rows)


def test_a_region_that_shows_nothing_or_too_much_is_refused(tmp_path):
    levels = np.zeros((1200, 1200), int)
    levels[:100, :100] = joint(100, 100, 12)[0]
    radiograph = read_radiograph(write(source(levels=levels, ImagerPixelSpacing=[0.1, 0.1]), tmp_path / "a.dcm"))
    with pytest.raises(InputError, match=r"hand\.dcm: every pixel of joint1 is 0 in the image's window"):
        located(radiograph, (600, 600))
    with pytest.raises(InputError, match="expected a region of at most 1024 px a side, got 1100 rows x 1100 columns"):
        located(radiograph, (0, 0, 1100, 1100))


def test_a_region_is_as_large_in_the_patient_whatever_the_magnification(tmp_path):
    rows = read_joints([[250, 250]], None)
    levels, _ = joint(500, 500)
    boxes = []
    for factor, side in ((1, 0.1), (1.5, 0.15)):
        made = source(levels=levels, ImagerPixelSpacing=[side] * 2, EstimatedRadiographicMagnificationFactor=factor)
        radiograph = read_radiograph(write(made, tmp_path / "hand.dcm"))
        [located] = locate_joints(radiograph, "hand.dcm", rows)
        boxes.append(located.box)
        region = cut_region(radiograph, "hand.dcm", located, [located])
        assert region.extent(100)["overlap_mm2"] == 1.0
        assert region.mm == f"magnification {factor:g} divided out"
    assert boxes[0] == boxes[1] == (135, 135, 365, 365)


def test_masks_of_a_segmentation_beside_the_image_are_used(hand, tmp_path):
    path, radiograph, _ = hand
    [box] = [joint.box for joint in located(radiograph, (100, 100, 300, 300))]
    _, masks = joint(200, 200)
    layers = np.zeros((2, 200, 200), int)
    drawn = SeparatedJoint(
        name="MCP2",
        box=box,
        layers=layers,
        kind="in_tissue",
        masks=masks,
        soft_tissue=100.0,
        white=4095,
        masks_from="given",
    )
    made = segmentation(radiograph, [drawn], Software(version="1"))
    made.save_as(path.parent / "corrected.dcm", enforce_file_format=True)
    edges = {"left": 100, "top": 100, "right": 300, "bottom": 300}
    rows = [{"image": "hand.dcm", "joint": "MCP2", **edges, "segmentation": "corrected.dcm"}]
    [entry] = [entry for entry in find_images(path.parent, rows) if entry.name == "hand"]
    asked = read_radiograph_joints(entry)
    region = cut_region(asked.radiograph, entry.file, asked.joints[0], asked.joints, asked.labels)
    assert (region.masks.numpy() == masks).all()
    assert region.masks[LOWER].any()
    assert region.masks[UPPER].any()


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["gone.dcm"], r"hand\.dcm: no segmentation gone\.dcm beside it"),
        (["a.dcm", "b.dcm"], r"hand\.dcm: two segmentations of one image, a\.dcm, b\.dcm"),
    ],
)
def test_a_segmentation_that_is_not_there_is_refused(hand, names, says):
    path, radiograph, _ = hand
    rows = read_joints([{"x": 9, "y": 9, "segmentation": name} for name in names], None)
    with pytest.raises(InputError, match=says):
        given_label_map(radiograph, path, rows)


def test_a_second_image_of_a_name_is_refused(tmp_path):
    write(source(), tmp_path / "hand.dcm")
    write(source(), tmp_path / "hand")
    with pytest.raises(InputError, match=r"hand\.dcm: another image has the name hand"):
        [read_radiograph_joints(entry) for entry in find_images(tmp_path)]


def test_a_region_without_masks_holds_gray_levels_of_0_to_1_and_its_stored_integers(tmp_path):
    save(tmp_path, "a.png")
    region = read_picture_region(PictureEntry(path=tmp_path / "a.png", name="a"))
    assert region.image.shape == (1, 96, 80)
    assert region.image.dtype == torch.float32
    assert (region.levels.numpy() == LEVELS).all()
    assert torch.equal(region.image[0], (region.levels.double() / 255).float())
    assert (region.name, region.file) == ("a", "a.png")
    assert region.masks is None


def test_masks_are_loaded_lower_bone_first(tmp_path):
    save(tmp_path, "a.png")
    save_masks(tmp_path, "a")
    region = read_picture_region(find_images(tmp_path)[0])
    assert region.masks.dtype == torch.bool
    assert (region.masks.numpy() == MASKS).all()


def test_raster_and_nifti_of_the_same_joint_are_the_same_region(tmp_path):
    save(tmp_path, "a.png")
    nib.save(nib.Nifti1Image(LEVELS.T[..., None].astype(np.int16), np.diag([-0.1, -0.1, 1, 1])), tmp_path / "b.nii")
    raster, nifti = (read_picture_region(entry) for entry in find_images(tmp_path))
    assert torch.equal(raster.image, nifti.image)
