"""One pipeline for pictures and radiographs, without files."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
import torch

from scripts.dicom.joint import SeparatedJoint
from scripts.dicom.reader import read_radiograph
from scripts.errors import InputError
from scripts.inference.inferer import SeparationInferer
from scripts.inference.pipeline import Pipeline
from scripts.inference.read_images import locate_joints
from scripts.inference.regions import cut_region
from scripts.networks.view import turned_view
from scripts.physics import LOWER, RIM, UPPER, grow
from tests.support.dicom_sources import source, write
from tests.support.drawn import EqualShares, joint
from tests.support.regions import picture_region


def pipeline(masks=None, **settings):
    return Pipeline(EqualShares(masks), SeparationInferer(), version="1", **settings)


def region_of(radiograph):
    rows, columns = radiograph.levels.shape
    [located] = locate_joints(radiograph, "one.dcm", [])
    labels = np.zeros((rows, columns), np.uint8)
    drawn = joint(rows, columns)[1]
    labels[drawn[LOWER]] += 1
    labels[drawn[UPPER]] += 2
    return cut_region(radiograph, "one.dcm", located, [located], labels)


def test_a_picture_is_separated_along_its_masks():
    levels, masks = joint()
    separated = pipeline().separate_region(picture_region(levels, masks=masks))
    assert torch.equal(separated.masks, torch.from_numpy(masks))
    upper = grow(torch.from_numpy(masks)[None], RIM)[0, UPPER].numpy()
    alone = masks[LOWER] & ~upper
    assert (separated.layers[LOWER].numpy()[alone] == levels[alone]).all()


def test_the_angle_of_the_bones_is_in_the_record_and_reaches_the_network():
    levels, masks = joint(200, 200)
    leaning = turned_view(torch.from_numpy(masks)[None].float(), torch.tensor([-30.0]), 200)[0] > 0.5
    seen = []

    class Seen(EqualShares):
        def forward(self, image, masks=None, soft_tissue=None, angle=None):
            seen.append(angle)
            return super().forward(image, masks, soft_tissue)

    separated = Pipeline(Seen(), SeparationInferer(), version="1").separate_region(
        picture_region(levels, masks=leaning.numpy())
    )
    assert torch.equal(separated.masks, leaning)
    assert separated.record["angle"] == pytest.approx(30, abs=3)
    assert separated.record["angle_from"] == "bones"
    assert seen[0].tolist() == pytest.approx([separated.record["angle"]])
    upright = pipeline().separate_region(picture_region(levels, masks=masks))
    assert upright.record["angle"] == 0


def test_a_given_angle_reaches_the_network_the_record_and_the_joint(tmp_path):
    radiograph = read_radiograph(write(source(), tmp_path / "one.dcm"))
    region = region_of(radiograph)
    region = replace(region, joint=replace(region.joint, angle=-12.5))

    class Seen(EqualShares):
        def forward(self, image, masks=None, soft_tissue=None, angle=None):
            assert angle.tolist() == [-12.5]
            return super().forward(image, masks, soft_tissue)

    one = Pipeline(Seen(), SeparationInferer(), version="1").separate_radiograph(radiograph, "one.dcm", [region])
    [made] = one.joints
    assert made.angle == (-12.5, "given")
    record = one.regions["joint"].record
    assert (record["angle"], record["angle_from"]) == (-12.5, "given")
    assert record["largest_recomposition_error_levels"] <= 1


def test_a_radiograph_is_answered_with_objects_by_joint_and_bone(tmp_path):
    radiograph = read_radiograph(write(source(), tmp_path / "one.dcm"))
    separated = pipeline().separate_radiograph(radiograph, "one.dcm", [region_of(radiograph)])
    [only] = separated.joints
    assert isinstance(only, SeparatedJoint)
    layers = separated.objects.layers["joint"]
    assert "Upper bone" in layers[UPPER].SeriesDescription
    assert "Lower bone" in layers[LOWER].SeriesDescription
    assert separated.objects.segmentation.Modality == "SEG"
    assert set(np.unique(separated.labels)) == {0, 1, 2, 3}
    assert separated.regions["joint"].record["masks"] == "given"


def test_a_network_in_training_answers_as_in_evaluation_and_goes_on_training():
    network = torch.nn.Sequential(EqualShares(), torch.nn.Dropout(0.9)).train()
    levels, masks = joint()

    class Dropping(SeparationInferer):
        def __call__(self, inputs, network, masks, angle):
            return network[1](network[0](inputs, masks))

    separated = Pipeline(network, Dropping(), version="1").separate_region(picture_region(levels, masks=masks))
    assert separated.record["soft_tissue_k"] == 0.25
    assert network.training


def test_a_header_that_cannot_be_carried_over_is_refused_without_its_words(tmp_path, monkeypatch):
    def fail(*_):
        raise KeyError("SECRETNAME")

    radiograph = read_radiograph(write(source(), tmp_path / "one.dcm"))
    monkeypatch.setattr("scripts.inference.pipeline.derive", fail)
    with pytest.raises(InputError, match=r"^one\.dcm: its header cannot be carried over \(KeyError\)$"):
        pipeline().separate_radiograph(radiograph, "one.dcm", [region_of(radiograph)])


def test_the_results_are_signed_with_version_and_weights(tmp_path):
    (tmp_path / "model.pt").write_bytes(b"weights")
    software = pipeline(weights=tmp_path / "model.pt").software
    assert software.version == "1"
    assert software.weights_sha256 == hashlib.sha256(b"weights").hexdigest()


def test_a_network_without_a_finder_asks_for_the_joints_to_be_named(tmp_path):
    radiograph = read_radiograph(write(source(), tmp_path / "hand.dcm"))
    assert not pipeline().can_find
    with pytest.raises(InputError, match="these weights find no joints: name the joints of each radiograph"):
        pipeline().find(radiograph)
