"""One pipeline for pictures and radiographs, without files."""

import hashlib

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
from scripts.physics import LOWER, UPPER
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
    alone = masks[LOWER] & ~masks[UPPER]
    assert (separated.layers[LOWER].numpy()[alone] == levels[alone]).all()


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

    def infer(image, module, masks):
        return module[1](module[0](image, masks))

    separated = Pipeline(network, infer, version="1").separate_region(picture_region(levels, masks=masks))
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
