"""Tests of the client of a PACS, also without the PACS or the object."""

import pytest

from scripts.errors import InputError
from serving.pacs.client import Instance, Pacs, is_uid
from serving.pacs.errors import NotInPacsError, PacsAwayError, PacsRefusesError
from tests.serving.conftest import objects_in

pytestmark = pytest.mark.pacs


def test_a_radiograph_is_found_by_its_own_uid_and_by_that_of_its_series(pacs, hand):
    assert pacs.find(hand.sop) == hand.where
    assert pacs.find(hand.where.series) == hand.where


def test_a_series_of_two_radiographs_is_none(pacs, hand, draw):
    other = draw(8).dataset
    other.SeriesInstanceUID, other.StudyInstanceUID = hand.where.series, hand.study
    pacs.store([other])
    with pytest.raises(InputError, match="expected one radiograph, got 2; name one by its SOP Instance UID"):
        pacs.find(hand.where.series)
    assert pacs.find(str(other.SOPInstanceUID)).series == hand.where.series


@pytest.mark.parametrize("image", ["", "../../etc/passwd", "http://127.0.0.1/", "1.2/3", "1" * 65, "1.2\n", "*"])
def test_what_is_no_uid_is_refused_without_asking(image):
    with pytest.raises(InputError, match="expected a SOP or Series Instance UID, got "):
        Pacs("http://127.0.0.1:9/dicom-web").find(image)


def test_an_unknown_uid_is_not_in_the_pacs(pacs, hand):
    with pytest.raises(NotInPacsError, match=r"image 1\.2\.3: no such radiograph in the PACS"):
        pacs.find("1.2.3")
    assert pacs.metadata(hand.study, "1.2.3") == []


def test_an_object_comes_back_as_it_was_stored(pacs, hand):
    back = pacs.fetch(hand.where)
    assert back.file_meta.TransferSyntaxUID == hand.dataset.file_meta.TransferSyntaxUID
    assert back.PixelData == hand.dataset.PixelData
    assert (pacs.radiograph(hand.where).levels.shape) == (hand.dataset.Rows, hand.dataset.Columns)


def test_objects_are_taken_out_and_what_is_not_there_is_passed_over(pacs, hand):
    pacs.remove([hand.where, Instance("1.2", "1.2.3", "1.2.3.4")])
    assert objects_in(pacs, hand.study) == {}
    with pytest.raises(NotInPacsError):
        pacs.fetch(hand.where)


def test_a_pacs_that_is_away_is_told_in_a_sentence():
    away = Pacs("http://127.0.0.1:9/dicom-web", timeout=2)
    for call in (lambda: away.find("1.2.3"), away.radiographs, lambda: away.fetch(Instance("1.2", "1.3", "1.4"))):
        with pytest.raises(PacsAwayError, match="the PACS does not answer"):
            call()


def test_something_that_is_no_pacs_is_told(server):
    with pytest.raises(PacsAwayError, match="the PACS answered 404 to a search"):
        Pacs(f"{server.url}/model").radiographs()


def test_a_pacs_that_refuses_the_password_is_told_as_that(orthanc):
    with pytest.raises(PacsRefusesError, match=r"^the PACS refuses the user or the password of this server$"):
        Pacs(orthanc.studies).radiographs()


@pytest.mark.parametrize(("text", "known"), [("1.2.840", True), ("1", False), ("1..2", False), ("1.2.a", False)])
def test_a_uid_is_numbers_and_dots(text, known):
    assert is_uid(text) is known


def test_all_radiographs_are_listed_and_no_layer(pacs, put, hand, draw):
    other = draw(9)
    put(other.dataset)
    listed = {where.sop for where in pacs.radiographs()}
    assert {hand.sop, other.sop} <= listed
