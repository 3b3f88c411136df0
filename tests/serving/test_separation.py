"""Tests of results in the PACS: those of a click, of a second click, and of corrected masks."""

import copy
import gzip
from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import generate_uid

from scripts.dicom.layer_image import (
    ANGLE,
    ANGLE_FROM,
    BOX,
    CONFIDENCE,
    JOINT,
    MASKS_FROM,
    OVERLAP,
    PRIVATE_CREATOR,
    PRIVATE_GROUP,
)
from scripts.dicom.read_segmentation import read_label_map
from scripts.errors import InputError
from serving.bundle import ROOT, Bundle
from serving.pacs.client import Instance
from serving.pacs.errors import NotInPacsError
from serving.pacs.journal import Journal
from serving.separation import JointSeparator
from tests.serving.conftest import objects_in
from tests.support.separated import errors

pytestmark = pytest.mark.pacs


@pytest.fixture(scope="module")
def bundle():
    return Bundle(ROOT / "models" / "model.pt")


@pytest.fixture
def separator(pacs, bundle, tmp_path):
    return JointSeparator(pacs, Journal(pacs, tmp_path), bundle)


def in_pacs(pacs, hand):
    """Fetch all objects of a study except the source."""
    return {sop: pacs.fetch(where) for sop, where in objects_in(pacs, hand.study).items() if sop != hand.sop}


def names(objects):
    """Return the joint names of all layers among objects."""
    layers = [each for each in objects.values() if each.Modality == "DX"]
    return sorted(str(each.private_block(PRIVATE_GROUP, PRIVATE_CREATOR)[JOINT].value) for each in layers)


def element(dataset, number):
    return dataset.private_block(PRIVATE_GROUP, PRIVATE_CREATOR)[number].value


def test_a_click_puts_two_layers_and_a_segmentation_beside_the_source(separator, pacs, hand):
    separation = separator(hand.sop, hand.at("MCP2"))
    result, answer = separation.results, separation.answer
    objects = in_pacs(pacs, hand)
    [joint] = answer["joints"]
    assert set(objects) == {
        joint["upper"]["sop_instance_uid"],
        joint["lower"]["sop_instance_uid"],
        answer["segmentation"]["sop_instance_uid"],
    }
    upper = objects[joint["upper"]["sop_instance_uid"]]
    assert upper.SeriesInstanceUID == joint["upper"]["series_instance_uid"]
    assert [*element(upper, BOX)] == joint["box"]
    assert element(upper, OVERLAP) == joint["overlap_px"] > 0
    assert joint["overlap_mm2"] == pytest.approx(joint["overlap_px"] * 0.15**2, rel=0.01)
    assert (result.labels == 3).sum() == joint["overlap_px"]
    assert answer["replaced"] == []


def test_a_given_angle_is_answered_and_kept_when_the_joint_is_made_again(separator, pacs, hand):
    [asked] = hand.at("MCP2")
    first = separator(hand.sop, [{**asked, "angle": -20}]).answer
    [upper] = [first["joints"][0]["upper"]["sop_instance_uid"]]
    stored = in_pacs(pacs, hand)
    assert (first["joints"][0]["angle"], first["joints"][0]["angle_from"]) == (-20.0, "given")
    assert (element(stored[upper], ANGLE), element(stored[upper], ANGLE_FROM)) == (-20.0, "given")
    for joints in (None, [asked]):
        again = separator(hand.sop, joints).answer
        assert (again["joints"][0]["angle"], again["joints"][0]["angle_from"]) == (-20.0, "given")
        assert again["replaced"] == []
    assert set(in_pacs(pacs, hand)) == set(stored)


def test_what_is_stored_is_valid_dicom(separator, pacs, hand, tmp_path):
    separator(hand.sop, hand.at("MCP2", "MCP3"))
    objects = in_pacs(pacs, hand)
    assert len(objects) == 5
    assert [line for each in objects.values() for line in errors(each, tmp_path)] == []


def test_a_second_click_on_a_joint_replaces_its_result(separator, pacs, hand):
    first = separator(hand.sop, hand.at("MCP2")).answer
    second = separator(hand.sop, hand.at("MCP2", by=9)).answer
    before, after = first["joints"][0], second["joints"][0]
    assert after["joint"] == before["joint"] == "joint1"
    assert after["box"] != before["box"]
    assert names(in_pacs(pacs, hand)) == ["joint1", "joint1"]
    gone = {before[layer]["sop_instance_uid"] for layer in ("upper", "lower")} | {
        first["segmentation"]["sop_instance_uid"]
    }
    assert set(second["replaced"]) == gone
    assert not gone & set(objects_in(pacs, hand.study))


def test_the_same_click_twice_stores_nothing_twice(separator, pacs, hand):
    separator(hand.sop, hand.at("MCP2"))
    before = objects_in(pacs, hand.study)
    again = separator(hand.sop, hand.at("MCP2")).answer
    assert objects_in(pacs, hand.study) == before
    assert again["replaced"] == []


def test_an_image_is_fetched_once_for_all_clicks_on_it(separator, pacs, hand, monkeypatch):
    fetched = []
    fetch = pacs.radiograph
    monkeypatch.setattr(pacs, "radiograph", lambda where: fetched.append(where) or fetch(where))
    for name in ("MCP2", "MCP3", "MCP2"):
        separator(hand.sop, hand.at(name))
    assert fetched == [hand.where]


def test_joints_clicked_one_by_one_are_those_of_one_request(separator, pacs, hand):
    for name in ("MCP2", "MCP3", "MCP4"):
        answer = separator(hand.sop, hand.at(name)).answer
    one_by_one = in_pacs(pacs, hand)
    pacs.remove([where for sop, where in objects_in(pacs, hand.study).items() if sop != hand.sop])
    separator(hand.sop, hand.at("MCP2", "MCP3", "MCP4"))
    together = in_pacs(pacs, hand)
    assert set(one_by_one) == set(together)
    assert all(one_by_one[sop].PixelData == together[sop].PixelData for sop in together)
    assert answer["segmentation"]["sop_instance_uid"] in together


def test_corrected_masks_change_the_layers_and_stay_when_a_neighbour_is_clicked(separator, pacs, hand):
    separation = separator(hand.sop, hand.at("MCP2"))
    result, first = separation.results, separation.answer
    drawn = result.labels.copy()
    rows = np.nonzero((drawn == 3).any(axis=1))[0]
    drawn[rows[0] : rows[len(rows) // 2]][drawn[rows[0] : rows[len(rows) // 2]] == 3] = 2
    separation = separator(hand.sop, hand.at("MCP2"), lambda _: drawn)
    corrected, second = separation.results, separation.answer
    [joint] = second["joints"]
    assert joint["masks"] == "given"
    assert (corrected.labels == drawn).all()
    assert 0 < joint["overlap_px"] < first["joints"][0]["overlap_px"]
    assert names(in_pacs(pacs, hand)) == ["joint1", "joint1"]

    separation = separator(hand.sop, hand.at("MCP4"))
    radiograph, third = separation.radiograph, separation.answer
    objects = in_pacs(pacs, hand)
    assert names(objects) == ["joint1", "joint1", "joint2", "joint2"]
    kept = {
        str(element(each, JOINT)): str(element(each, MASKS_FROM)) for each in objects.values() if each.Modality == "DX"
    }
    assert kept == {"joint1": "given", "joint2": "predicted"}
    labels = read_label_map(objects[third["segmentation"]["sop_instance_uid"]], radiograph)
    left = slice(None), slice(0, int(hand.joints["MCP2"][0]))
    assert (labels[left] == drawn[left]).all()


def test_without_joints_those_that_are_known_are_made_again(separator, pacs, hand):
    box = {"joint": "thumb", "left": 250, "top": 860, "right": 460, "bottom": 1050}
    first = separator(hand.sop, [*hand.at("MCP2", "MCP5"), box]).answer
    again = separator(hand.sop).answer
    for key in ("joint", "box", "upper", "lower"):
        assert [joint[key] for joint in again["joints"]] == [joint[key] for joint in first["joints"]]
    assert again["replaced"] == []


def test_drawn_masks_are_not_lost_when_known_joints_are_made_again(separator, pacs, hand):
    result = separator(hand.sop, hand.at("MCP2", "MCP5")).results
    separator(hand.sop, hand.at("MCP2"), lambda _: np.where(result.labels == 3, 2, result.labels).astype(np.uint8))
    before = objects_in(pacs, hand.study)
    again = separator(hand.sop).answer
    assert [joint["joint"] for joint in again["joints"]] == ["joint2"]
    assert objects_in(pacs, hand.study) == before


def test_results_of_another_version_are_left_alone(separator, pacs, hand, bundle, tmp_path, monkeypatch):
    monkeypatch.setattr(Bundle, "version", "0.0.9")
    old = JointSeparator(pacs, Journal(pacs, tmp_path / "old"), Bundle(ROOT / "models" / "model.pt"))
    old(hand.sop, hand.at("MCP2"))
    before = in_pacs(pacs, hand)
    monkeypatch.undo()
    separator(hand.sop, hand.at("MCP2", by=5))
    separator(hand.sop, hand.at("MCP2", by=-5))
    after = in_pacs(pacs, hand)
    assert set(before) < set(after)
    assert len(after) == 6


def test_a_mirror_of_polarity_gives_the_same_layers(separator, pacs, put, draw):
    hands = [draw(3), draw(3, photometric="MONOCHROME1", bits=16)]
    put(*(hand.dataset for hand in hands))
    answers = [separator(hand.sop, hand.at("MCP3")).answer["joints"][0] for hand in hands]
    plain, inverted = (
        pacs.fetch(Instance(hand.study, *answer["upper"].values())) for hand, answer in zip(hands, answers, strict=True)
    )
    assert inverted.PhotometricInterpretation == "MONOCHROME1"
    assert inverted.PresentationLUTShape == "INVERSE"
    gray = plain.pixel_array / 4095, 1 - inverted.pixel_array / 65535
    assert np.abs(gray[0] - gray[1]).mean() < 0.002
    assert answers[0]["overlap_px"] == pytest.approx(answers[1]["overlap_px"], rel=0.02)


@pytest.mark.parametrize(
    ("joints", "sentence"),
    [
        ([{"x": 9000, "y": 5}], r"joint1 at 9000, 5 px lies outside the image, 1667 rows x 1333 columns"),
        ([{"x": "a", "y": 5}], r"x: expected a number, got 'a'"),
        ([{"x": 5}], "expected either x, y or left, top, right, bottom, got x"),
        (
            [{"left": 5, "top": 5, "right": 9, "bottom": 9}],
            "expected a region of at least 64 px a side, got 4 rows x 4 columns",
        ),
        ({"x": 5, "y": 5}, "expected a list of joints, got dict"),
        ([{"x": 537, "y": 770}, {"x": 540, "y": 772}], "joint2 is asked for twice"),
        ([{"x": 537, "y": 770, "segmentation": "/etc/passwd"}], "segmentation is a file's name, send masks as label"),
        ([{"x": 1, "y": 1}] * 33, "expected at most 32 of one image, got 33"),
        ([{"x": 537, "y": 770, "joint": "../../x"}], "expected up to 32 letters, digits, - and _, got"),
    ],
)
def test_joints_that_cannot_be_are_refused(separator, pacs, hand, joints, sentence):
    with pytest.raises(ValueError, match=sentence):
        separator(hand.sop, joints)
    assert set(objects_in(pacs, hand.study)) == {hand.sop}


def test_without_joints_those_of_the_hand_are_found_and_their_layers_tell_it(separator, pacs, hand):
    answer = separator(hand.sop).answer
    assert [joint["joint"] for joint in answer["joints"]] == ["MCP1", "MCP2", "MCP3", "MCP4", "MCP5"]
    assert answer["notes"] == []
    objects = in_pacs(pacs, hand)
    for joint in answer["joints"]:
        x, y = hand.joints[joint["joint"]]
        assert joint["centre"] == pytest.approx([y, x], abs=12)  # px of 0.15 mm
        layer = objects[joint["upper"]["sop_instance_uid"]]
        assert element(layer, CONFIDENCE) == pytest.approx(joint["confidence"], abs=1e-4)
        sentence = f"Joint found automatically, confidence {min(joint['confidence'], 0.99):.2f}."
        assert sentence in layer.DerivationDescription
        assert sentence in joint["warnings"]
    # The second time they have results, and are made again on the same places.
    again = separator(hand.sop).answer
    assert again["replaced"] == []
    assert [joint["upper"] for joint in again["joints"]] == [joint["upper"] for joint in answer["joints"]]


def test_a_click_wins_over_what_was_found(separator, pacs, hand):
    separator(hand.sop)
    answer = separator(hand.sop, hand.at("MCP2", by=5)).answer
    [joint] = [each for each in answer["joints"] if each["asked"]]
    assert joint["joint"] == "MCP2"
    assert joint["confidence"] is None
    layer = in_pacs(pacs, hand)[joint["upper"]["sop_instance_uid"]]
    assert CONFIDENCE not in layer.private_block(PRIVATE_GROUP, PRIVATE_CREATOR)
    assert "found automatically" not in layer.DerivationDescription


def test_joints_are_proposed_and_nothing_is_stored(separator, pacs, hand):
    proposal = separator.propose(hand.sop)
    assert {joint["joint"]: joint["side"] for joint in proposal["joints"]} == dict.fromkeys(hand.joints, "right")
    for joint in proposal["joints"]:
        assert (joint["x"], joint["y"]) == pytest.approx(hand.joints[joint["joint"]], abs=12)
        assert joint["confidence"] >= proposal["confident"]
        # A hand that stands upright: the networks see the rest by themselves, as where nobody proposes anything.
        assert joint["angle"] is None or abs(joint["angle"]) > 25
    assert set(objects_in(pacs, hand.study)) == {hand.sop}


def test_an_image_without_a_hand_is_refused_with_the_reason(separator, pacs, hand, put):
    blank = copy.deepcopy(hand.dataset)
    blank.decompress()
    blank.SOPInstanceUID = blank.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    blank.StudyInstanceUID, blank.SeriesInstanceUID = generate_uid(), generate_uid()
    rows, columns = np.indices((blank.Rows, blank.Columns))
    blank.PixelData = (1000 + 400 * (np.hypot(rows - 800, columns - 600) < 300)).astype(np.uint16).tobytes()
    put(blank)
    with pytest.raises(InputError, match="no hand was found in it; name its joints"):
        separator(str(blank.SOPInstanceUID))
    assert separator.propose(str(blank.SOPInstanceUID))["joints"] == []


def test_packed_bytes_are_a_label_map_too(separator, hand, tmp_path: Path):
    from serving import label_map

    separation = separator(hand.sop, hand.at("MCP2"))
    result, radiograph = separation.results, separation.radiograph
    path = tmp_path / "label.bin.gz"
    path.write_bytes(gzip.compress(result.labels.tobytes()))
    assert (label_map.read(path, radiograph) == result.labels).all()


def test_the_result_of_a_joint_can_be_removed_and_the_others_stay(separator, pacs, hand):
    separator(hand.sop, hand.at("MCP2", "MCP3"))
    before = in_pacs(pacs, hand)
    kept, removed = names(before)[0], names(before)[-1]
    answer = separator.remove(hand.sop, removed)
    after = in_pacs(pacs, hand)
    assert names(after) == [kept, kept]
    assert set(answer["replaced"]) == before.keys() - after.keys()
    [segmentation] = [each for each in after.values() if each.Modality == "SEG"]
    assert answer["segmentation"]["sop_instance_uid"] == segmentation.SOPInstanceUID
    with pytest.raises(NotInPacsError, match="has no result"):
        separator.remove(hand.sop, removed)
    separator.remove(hand.sop, kept)
    assert not in_pacs(pacs, hand)
