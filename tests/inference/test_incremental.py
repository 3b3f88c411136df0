"""Joints that are asked for one after the other, without a PACS."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from scripts.dicom.joint import SeparatedJoint
from scripts.dicom.reader import read_radiograph
from scripts.errors import InputError
from scripts.inference.incremental import KnownJoint, locate_beside, separate_beside
from scripts.inference.inferer import SeparationInferer
from scripts.inference.joint_list import LocatedJoint, read_joints
from scripts.inference.pipeline import Pipeline
from scripts.networks.separator import Separator
from tests.support.dicom_sources import source, write
from tests.support.drawn import joint


@pytest.fixture(scope="module")
def radiograph(tmp_path_factory):
    """A radiograph of 500 x 600 px of 0.1 mm."""
    levels, _ = joint(500, 600, 12)
    path = tmp_path_factory.mktemp("hand") / "hand.dcm"
    return read_radiograph(write(source(levels=levels, ImagerPixelSpacing=[0.1, 0.1]), path))


def rows(*joints):
    return read_joints(list(joints), None)


def known(*joints):
    return [KnownJoint(each, "predicted") for each in joints]


JOINT = LocatedJoint("MCP2", (135, 85, 365, 315), (250.0, 200.0))


def test_a_place_on_a_known_joint_means_that_joint(radiograph):
    [near] = locate_beside(radiograph, "hand", rows((260, 280)), known(JOINT))
    assert (near.name, near.centre) == ("MCP2", (280.0, 260.0))


def test_a_place_beside_known_joints_gets_the_next_free_name(radiograph):
    taken = LocatedJoint("joint1", (135, 285, 365, 515), (250.0, 400.0))
    located = locate_beside(radiograph, "hand", rows((200, 100), (200, 400)), known(taken))
    assert [each.name for each in located] == ["joint2", "joint3"]


def test_a_known_joint_cannot_be_given_another_name(radiograph):
    asked = rows({"joint": "PIP2", "x": 205, "y": 250})
    with pytest.raises(InputError, match="PIP2 lies on MCP2, which has results already"):
        locate_beside(radiograph, "hand", asked, known(JOINT))


def test_two_places_on_one_joint_are_refused(radiograph):
    with pytest.raises(InputError, match="row 2: joint2 is asked for twice"):
        locate_beside(radiograph, "hand", rows((200, 250), (220, 250)), [])


def test_a_given_angle_of_a_known_joint_is_kept_unless_another_one_is_given(radiograph):
    turned = known(replace(JOINT, angle=-20.0))
    at = {"x": 205, "y": 250}
    located = [locate_beside(radiograph, "hand", rows(row), turned)[0] for row in (at, {**at, "angle": 0})]
    assert [each.angle for each in located] == [-20.0, 0.0]


def test_the_angle_of_the_bones_is_found_again_as_in_one_run(radiograph):
    torch.manual_seed(0)
    pipeline = Pipeline(Separator(), SeparationInferer(), version="1.2.3")
    new = LocatedJoint("new", (200, 350, 430, 580), (315.0, 465.0))
    before = KnownJoint(JOINT, "predicted", angle=25.0)
    drawn = np.zeros((500, 600), np.uint8)
    beside = separate_beside(pipeline, radiograph, [new], known=[before], known_labels=drawn)
    together = separate_beside(pipeline, radiograph, [JOINT, new])
    assert beside.regions["MCP2"].record == together.regions["MCP2"].record


def test_only_a_joint_whose_pixels_change_hands_is_made_again(radiograph):
    torch.manual_seed(0)
    pipeline = Pipeline(Separator(), SeparationInferer(), version="1.2.3")
    far, near, new = (
        locate_beside(radiograph, "hand", rows({"joint": name, "x": x, "y": y}), [])[0]
        for name, x, y in (("far", 115, 115), ("near", 330, 360), ("new", 480, 360))
    )
    first = separate_beside(pipeline, radiograph, [far, near])
    assert all(isinstance(each, SeparatedJoint) for each in first.joints)
    second = separate_beside(pipeline, radiograph, [new], known=known(far, near), known_labels=first.labels)
    assert [each.name for each in second.joints] == ["far", "near", "new"]
    assert [isinstance(each, SeparatedJoint) for each in second.joints] == [False, True, True]
    together = separate_beside(pipeline, radiograph, [far, near, new])
    assert (second.labels == together.labels).all()
    made = {str(each.SOPInstanceUID): each.PixelData for each in together.objects.all}
    assert {str(each.SOPInstanceUID): each.PixelData for each in second.objects.all}.items() <= made.items()


def test_without_a_removed_joint_the_others_are_those_of_one_run(radiograph):
    torch.manual_seed(0)
    pipeline = Pipeline(Separator(), SeparationInferer(), version="1.2.3")
    far, near, gone = (
        locate_beside(radiograph, "hand", rows({"joint": name, "x": x, "y": y}), [])[0]
        for name, x, y in (("far", 115, 115), ("near", 330, 360), ("gone", 480, 360))
    )
    every = separate_beside(pipeline, radiograph, [far, near, gone])
    left = separate_beside(
        pipeline, radiograph, [], known=known(far, near, gone), known_labels=every.labels, removed=["gone"]
    )
    assert [isinstance(each, SeparatedJoint) for each in left.joints] == [False, True]
    assert (left.labels == separate_beside(pipeline, radiograph, [far, near]).labels).all()
    drawn = np.full((500, 600), 3, np.uint8)
    kept = [replace(each, masks_from="given") for each in known(far, near, gone)]
    left = separate_beside(pipeline, radiograph, [], known=kept, known_labels=drawn, removed=["gone"])
    assert not left.labels[350:370, 470:490].any()


def test_given_masks_come_back_and_have_uids_of_their_own(radiograph):
    pipeline = Pipeline(Separator(), SeparationInferer(), version="1.2.3")
    drawn = np.zeros((500, 600), np.uint8)
    drawn[150:255, 150:250], drawn[245:350, 150:250] = 2, 1
    drawn[245:255, 150:250] = 3
    predicted = separate_beside(pipeline, radiograph, [JOINT])
    given = separate_beside(pipeline, radiograph, [JOINT], labels=drawn)
    assert (given.labels == drawn).all()
    assert given.regions["MCP2"].record["overlap_px"] == 1000
    uids = [{str(each.SOPInstanceUID) for each in made.objects.all} for made in (predicted, given)]
    assert not uids[0] & uids[1]
