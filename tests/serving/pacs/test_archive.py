"""Batch inference from a PACS into a PACS."""

import logging

import pytest
import torch
from monai.engines import SupervisedEvaluator
from pydicom import dcmread

from scripts.inference.batch import Batch, ImageSeparation, list_images
from scripts.inference.dicomweb import storage
from scripts.inference.inferer import SeparationInferer
from scripts.inference.pipeline import Pipeline
from tests.serving.conftest import objects_in
from tests.support.dicom_sources import source
from tests.support.proposing import Proposes

pytestmark = pytest.mark.pacs


@pytest.fixture
def address(orthanc):
    return orthanc.studies.replace("://", "://{}:{}@".format(*orthanc.credentials))


def run(address, query, output_dir):
    pipeline = Pipeline(Proposes(), SeparationInferer(), version="1")
    entries = list_images("", studies=address, query=query)
    separation = ImageSeparation(pipeline, output_dir, store=storage(address))
    evaluator = SupervisedEvaluator(torch.device("cpu"), entries, pipeline.network, iteration_update=separation)
    Batch(evaluator, entries).run()


def test_radiographs_of_a_query_are_fetched_and_their_results_are_stored(pacs, put, address, tmp_path, caplog):
    one, other = (source(PatientID=f"archive{number}") for number in range(2))
    put(one, other)
    study = str(one.StudyInstanceUID)
    with caplog.at_level(logging.INFO):
        run(address, "PatientID=archive0", tmp_path)
    assert "1 separated, 0 refused" in caplog.messages
    folder = tmp_path / study / str(one.SOPInstanceUID)
    made = {str(dcmread(path).SOPInstanceUID) for path in folder.glob("*.dcm")}
    assert len(made) == 3
    assert made < objects_in(pacs, study).keys()
    assert not made & objects_in(pacs, str(other.StudyInstanceUID)).keys() or study == str(other.StudyInstanceUID)
    caplog.clear()
    with caplog.at_level(logging.INFO):
        run(address, "PatientID=archive0", tmp_path)
    assert "0 separated, 0 refused, 1 skipped: 1 done before" in caplog.messages
