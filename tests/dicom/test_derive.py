import copy
import dataclasses
import itertools

import highdicom
import numpy as np
import pytest
from pydicom.dataelem import RawDataElement

from scripts.dicom.derive import derive
from scripts.dicom.layer_image import BOX, JOINT, PRIVATE_CREATOR, PRIVATE_GROUP
from scripts.errors import InputError
from scripts.physics import LOWER, UPPER
from tests.support.dicom_sources import SOP_CLASSES, source
from tests.support.separated import BOXES, SOFTWARE, errors, joints, radiograph, reread, written

VARIANTS = {
    "plain": {},
    "8 bits": {"bits": 8, "photometric": "MONOCHROME1"},
    "10 bits": {"bits": 10, "spacing": "PixelSpacing", "PixelIntensityRelationship": "LIN"},
    "14 bits": {"bits": 14, "spacing": "NominalScannedPixelSpacing"},
    "signed": {"bits": 16, "signed": True},
    "signed, inverted, rescaled": {
        **{"signed": True, "photometric": "MONOCHROME1", "rescale": (0.5, -3.0)},
        **{"window": [(0, 100)], "VOILUTFunction": "LINEAR_EXACT"},
    },
    "windows": {"window": [(100, 200), (300, 400)], "WindowCenterWidthExplanation": ["BONE", "SKIN"]},
    "VOI LUT": {"voi_lut": range(4096), "window": [(2048, 4096)]},
    "VOI LUT of 8 bits": {"rescale": (2.0, -100.0), "voi_lut": range(256)},
    "no spacing": {"spacing": None},
    "no side": {"ImageLaterality": None, "Laterality": None},
    "in Japanese": {"SpecificCharacterSet": ["", "ISO 2022 IR 87"], "PatientName": "Yamada^Tarou=山田^太郎"},
    "in an unknown character set": {"SpecificCharacterSet": "ISO_IR 999"},
    "compressed": {"LossyImageCompression": "01", "LossyImageCompressionRatio": 10, "BurnedInAnnotation": "YES"},
}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("kind", SOP_CLASSES)
def test_the_validator_finds_no_error_whatever_the_source(tmp_path, kind, variant):
    of = radiograph(tmp_path, kind=kind, **VARIANTS[variant])
    # Two joints are built by the same code: one layer each is enough for the validator.
    upper, _, _, lower, masks = derive(of, joints(of), SOFTWARE).all
    assert [found for item in (upper, lower, masks) for found in errors(item, tmp_path)] == []


def test_a_radiograph_gets_a_series_of_each_layer_and_one_of_the_masks(tmp_path):
    of = radiograph(tmp_path)
    made = derive(of, joints(of), SOFTWARE).all
    assert [item.Modality for item in made] == ["DX", "DX", "DX", "DX", "SEG"]
    assert [int(item.InstanceNumber) for item in made] == [1, 2, 1, 2, 1]
    series = [(item.SeriesInstanceUID, item.SeriesNumber, item.SeriesDescription) for item in made]
    assert series[0] == series[1] != series[2] == series[3] != series[4] != series[0]
    assert [number for _, number, _ in series] == [20011, 20011, 20012, 20012, 20013]
    assert {item.StudyInstanceUID for item in made} == {of.dataset.StudyInstanceUID}
    assert all("research use" in item.SeriesDescription for item in made)
    assert len({item.SOPInstanceUID for item in made}) == 5
    assert [item.private_block(PRIVATE_GROUP, PRIVATE_CREATOR)[JOINT].value for item in made[:4]] == [*BOXES, *BOXES]
    assert [tuple(item.private_block(PRIVATE_GROUP, PRIVATE_CREATOR)[BOX].value) for item in made[:2]] == [
        *BOXES.values()
    ]


def test_the_same_run_twice_gives_the_same_bytes(tmp_path):
    first, second = (radiograph(tmp_path / name, signed=True) for name in ("first", "second"))
    assert [written(item) for item in derive(first, joints(first), SOFTWARE).all] == [
        written(item) for item in derive(second, joints(second), SOFTWARE).all
    ]


def uids(of, taken_apart, software=SOFTWARE):
    return [(item.SeriesInstanceUID, item.SOPInstanceUID) for item in derive(of, taken_apart, software).all]


def test_a_joint_more_or_less_changes_neither_series_nor_the_other_joint(tmp_path):
    of = radiograph(tmp_path)
    both, one = uids(of, joints(of)), uids(of, joints(of)[:1])
    assert one[:2] == [both[0], both[2]]
    assert one[2][0] == both[4][0]
    assert one[2][1] != both[4][1]


def test_another_source_version_weights_box_or_given_masks_make_other_objects(tmp_path):
    of = radiograph(tmp_path / "one")
    joint = joints(of)[0]
    drawn = dataclasses.replace(joint, masks_from="given")
    corrected = dataclasses.replace(drawn, masks=drawn.masks & (np.arange(90) < 70))
    other = radiograph(tmp_path / "other", bits=10)
    top, left, bottom, right = joint.box
    moved = dataclasses.replace(joint, box=(top + 1, left, bottom + 1, right))
    runs = [
        uids(of, [joint]),
        uids(of, [dataclasses.replace(joint, name="right_2")]),
        uids(of, [moved]),
        uids(of, [drawn]),
        uids(of, [corrected]),
        uids(of, [joint], dataclasses.replace(SOFTWARE, version="1.2.4")),
        uids(of, [joint], dataclasses.replace(SOFTWARE, weights_sha256=None)),
        uids(other, joints(other)[:1]),
    ]
    # What came of it is no parameter: it may differ in a last digit from machine to machine.
    assert uids(of, [dataclasses.replace(joint, soft_tissue=900.0)]) == runs[0]
    layers = [instance for run in runs for _, instance in run[:2]]
    assert len(set(layers)) == 2 * len(runs)
    series = {run[0][0] for run in runs}
    # Of the software and the source only.
    assert len(series) == 4


def test_nothing_of_the_source_is_altered(tmp_path):
    of = radiograph(tmp_path, SpecificCharacterSet="GB18030", PatientName="王^小东", voi_lut=range(256), bits=8)
    before = copy.deepcopy(of.dataset)
    kinds = {tag: type(of.dataset.get_item(tag)) for tag in of.dataset.keys()}  # noqa: SIM118
    levels = of.levels.copy()
    derive(of, joints(of), SOFTWARE)
    assert {tag: type(of.dataset.get_item(tag)) for tag in of.dataset.keys()} == kinds  # noqa: SIM118
    assert of.dataset == before
    assert (of.levels == levels).all()


def test_highdicom_reads_all_of_them_back(tmp_path):
    of = radiograph(tmp_path)
    made = derive(of, joints(of), SOFTWARE).all
    for number, item in enumerate(made):
        path = tmp_path / f"{number}.dcm"
        path.write_bytes(written(item))
        image = highdicom.imread(path)
        assert (image.get_frame(1, apply_voi_transform=False) == item.pixel_array).all()
    masks = highdicom.seg.segread(path)
    assert list(masks.segment_numbers) == [1, 2, 3]


def test_the_layers_put_back_together_from_their_files_alone_are_the_source(tmp_path):
    for photometric, signed in itertools.product(("MONOCHROME1", "MONOCHROME2"), (False, True)):
        of = radiograph(tmp_path, photometric=photometric, signed=signed)
        upper, _, lower, *_ = map(reread, derive(of, joints(of), SOFTWARE).all)
        block = upper.private_block(PRIVATE_GROUP, PRIVATE_CREATOR)
        _, (top, left, bottom, right), _, k, white, _ = (block[element].value for element in range(1, 7))
        levels = [item.pixel_array.astype(float) for item in (lower, upper)]
        if photometric == "MONOCHROME1":
            levels = [2.0**item.BitsStored - 1 - stored for item, stored in zip((lower, upper), levels, strict=True)]
        both = joints(of)[0].masks.all(axis=0)
        image = white - (white - levels[LOWER]) * (white - levels[UPPER]) / (white - k)
        assert np.abs(image - of.levels[top:bottom, left:right])[both].max() <= 1


def test_joints_of_one_name_are_an_error_and_no_joint_is_nothing(tmp_path):
    of = radiograph(tmp_path)
    with pytest.raises(ValueError, match="left_2, left_2"):
        derive(of, joints(of)[:1] * 2, SOFTWARE)
    with pytest.raises(ValueError, match="expected joints, each with a name of its own, got none"):
        derive(of, [], SOFTWARE)


def test_joints_that_claim_the_same_pixel_are_refused(tmp_path):
    of = radiograph(tmp_path)
    first = joints(of)[0]
    second = dataclasses.replace(first, name="left_4")
    with pytest.raises(InputError, match=r"joint left_4: \d+ px of its masks are in those of another joint"):
        derive(of, [first, second], SOFTWARE)


def test_broken_values_of_the_header_are_passed_over_in_silence(tmp_path, recwarn, caplog):
    made = source(kind="CR", InstanceNumber=None, SeriesDescription=None)
    of = dataclasses.replace(radiograph(tmp_path), dataset=made)
    for keyword in ("SeriesNumber", "Exposure", "KVP", "Laterality", "PatientOrientation", "ContentDate", "PatientSex"):
        element = made[keyword]
        del made[keyword]
        made[element.tag] = _raw(element.tag, element.VR, b"Secret^Name ")
    layer, *_, masks = derive(of, joints(of)[:1], SOFTWARE).all
    assert int(layer.SeriesNumber) == 1
    assert layer.ImageLaterality == "U"
    assert layer.PatientOrientation == ["", "H"]
    assert not {"Exposure", "KVP", "ContentDate"} & set(layer.dir())
    assert (masks.ContentDate, masks.ContentTime) == ("20240506", "101213")
    assert "Secret" not in caplog.text
    assert not recwarn


def _raw(tag, vr, value):
    return RawDataElement(tag, vr, len(value), value, 0, False, True)
