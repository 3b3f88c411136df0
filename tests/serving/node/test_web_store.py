"""Tests of results that go to DICOMweb services by STOW-RS."""

import pytest

from scripts.errors import SkippedInput
from serving.node.web_store import WebStore
from serving.node.work import separate_all
from serving.pacs.client import Pacs
from serving.pacs.errors import PacsAwayError
from serving.pacs.journal import Journal
from serving.separation import JointSeparator
from tests.serving.conftest import objects_in

pytestmark = pytest.mark.pacs


@pytest.fixture
def results(image, put, tmp_path, bundle, known):
    """Store a radiograph in the PACS; return it and its results, which are not stored yet."""
    hand = image("stow")
    put(hand)
    path = tmp_path / "hand.dcm"
    hand.save_as(path, enforce_file_format=True)
    return hand, separate_all(path, bundle, known).objects.all


def test_results_are_stored_once_however_often_they_are_sent(pacs, results, tmp_path):
    hand, objects = results
    place = WebStore(pacs, Journal(pacs, tmp_path))
    for _ in range(2):
        place.send(hand.SOPInstanceUID, objects)
        expected = {str(each.SOPInstanceUID) for each in (hand, *objects)}
        assert set(objects_in(pacs, hand.StudyInstanceUID)) == expected


def test_the_rest_of_results_that_are_there_in_part_is_stored(pacs, results, tmp_path):
    hand, objects = results
    pacs.store(objects[:2])
    WebStore(pacs, Journal(pacs, tmp_path)).send(hand.SOPInstanceUID, objects)
    assert len(objects_in(pacs, hand.StudyInstanceUID)) == 1 + len(objects)


def test_what_a_radiologist_has_asked_for_stays_alone(pacs, results, tmp_path, bundle, drawn):
    hand, objects = results
    journal = Journal(pacs, tmp_path)
    JointSeparator(pacs, journal, bundle)(hand.SOPInstanceUID, drawn.at("MCP4"))
    before = set(objects_in(pacs, hand.StudyInstanceUID))
    with pytest.raises(SkippedInput, match="has other results of this version in the PACS already"):
        WebStore(pacs, journal).send(hand.SOPInstanceUID, objects)
    assert set(objects_in(pacs, hand.StudyInstanceUID)) == before


def test_a_pacs_that_is_away_is_told(results, tmp_path):
    away = Pacs("http://127.0.0.1:9/dicom-web")
    with pytest.raises(PacsAwayError, match="the PACS does not answer"):
        WebStore(away, Journal(away, tmp_path)).send("1.2.3", results[1])
