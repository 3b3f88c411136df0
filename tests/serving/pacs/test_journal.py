"""Tests of results that are stored as a whole or not at all, also when the PACS dies meanwhile."""

import pytest

from serving.bundle import ROOT, Bundle
from serving.database import Database
from serving.local.orthanc import Orthanc, free_port
from serving.pacs.client import Pacs
from serving.pacs.entries import Entries
from serving.pacs.errors import PacsAwayError
from serving.pacs.journal import BusyError, Journal
from serving.separation import JointSeparator
from tests.serving.conftest import objects_in

pytestmark = pytest.mark.pacs


@pytest.fixture(scope="module")
def mortal(tmp_path_factory):
    """Yield a PACS of this module's own, which its tests kill."""
    running = Orthanc(tmp_path_factory.mktemp("mortal"), free_port(0))
    yield running
    running.stop()


def unfinished(state):
    """Return the entries in the journal of a state folder."""
    return Entries(Database(state)).find()


class DyingPacs(Pacs):
    """PACS that is killed after the first object of a store."""

    def __init__(self, orthanc: Orthanc) -> None:
        super().__init__(orthanc.studies, orthanc=orthanc.url, session=orthanc.pacs().session)
        self.running = orthanc

    def store(self, objects):
        super().store(objects[:1])
        self.running.stop(kill=True)
        super().store(objects[1:])


@pytest.fixture
def stored(mortal, sample):
    """Store the sample hand in a PACS that will be killed."""
    pacs = mortal.pacs()
    pacs.store([sample.dataset])
    yield pacs
    pacs.remove(list(objects_in(pacs, sample.study).values()))


def test_a_pacs_that_dies_in_the_middle_of_a_store_keeps_no_part_of_the_result(mortal, stored, sample, tmp_path):
    dying = DyingPacs(mortal)
    separator = JointSeparator(dying, Journal(dying, tmp_path), Bundle(ROOT / "models" / "model.pt"))
    with pytest.raises(PacsAwayError, match="could not be stored, no part of it is kept: the PACS does not answer"):
        separator(sample.sop, sample.at("MCP2"))
    assert [entry.source for entry in unfinished(tmp_path)] == [sample.sop]

    mortal.start()
    assert len(objects_in(stored, sample.study)) == 2, "the part that was stored before it died"
    Journal(stored, tmp_path).recover()
    assert set(objects_in(stored, sample.study)) == {sample.sop}
    assert unfinished(tmp_path) == []


def test_a_result_that_was_to_be_replaced_stays_if_the_new_one_is_not_stored(mortal, stored, sample, tmp_path):
    bundle = Bundle(ROOT / "models" / "model.pt")
    JointSeparator(stored, Journal(stored, tmp_path), bundle)(sample.sop, sample.at("MCP2"))
    before = set(objects_in(stored, sample.study))
    dying = DyingPacs(mortal)
    with pytest.raises(PacsAwayError):
        JointSeparator(dying, Journal(dying, tmp_path), bundle)(sample.sop, sample.at("MCP2", by=12))
    mortal.start()
    Journal(stored, tmp_path).recover()
    assert set(objects_in(stored, sample.study)) == before


def test_the_next_request_on_an_image_clears_up_first(mortal, stored, sample, tmp_path):
    bundle = Bundle(ROOT / "models" / "model.pt")
    dying = DyingPacs(mortal)
    with pytest.raises(PacsAwayError):
        JointSeparator(dying, Journal(dying, tmp_path), bundle)(sample.sop, sample.at("MCP2"))
    mortal.start()
    answer = JointSeparator(stored, Journal(stored, tmp_path), bundle)(sample.sop, sample.at("MCP4")).answer
    assert [joint["joint"] for joint in answer["joints"]] == ["joint1"]
    assert len(objects_in(stored, sample.study)) == 4


def test_a_pacs_that_lets_nobody_take_objects_out_keeps_them_but_they_count_no_more(mortal, stored, sample, tmp_path):
    # Without Orthanc's own interface nothing can be removed: its DICOMweb has no DELETE.
    rigid = Pacs(mortal.studies, session=mortal.pacs().session)
    separator = JointSeparator(rigid, Journal(rigid, tmp_path), Bundle(ROOT / "models" / "model.pt"))
    first = separator(sample.sop, sample.at("MCP2")).answer
    second = separator(sample.sop, sample.at("MCP2", by=12)).answer
    assert first["joints"][0]["upper"]["sop_instance_uid"] in second["replaced"]
    # The radiograph, two results, and the note that rejects one of them.
    there = [stored.fetch(where).Modality for where in objects_in(stored, sample.study).values()]
    assert sorted(there) == ["DX"] * 5 + ["KO"] + ["SEG"] * 2
    third = separator(sample.sop, sample.at("MCP5")).answer
    assert [joint["joint"] for joint in third["joints"]] == ["joint2"]


def test_one_request_at_a_time_is_at_work_on_an_image(tmp_path):
    journal = Journal(Pacs("http://127.0.0.1:9/dicom-web"), tmp_path)
    other = Journal(Pacs("http://127.0.0.1:9/dicom-web"), tmp_path)
    with journal.alone("1.2"):
        with pytest.raises(BusyError, match=r"image 1\.2: another request is working on it"), other.alone("1.2", 0.1):
            pass
        with other.alone("1.3", 0.1):
            pass
