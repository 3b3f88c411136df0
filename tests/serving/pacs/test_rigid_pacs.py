"""Tests against an archive that is no Orthanc: short pages, sparse answers, 202 and 409, nothing is deleted."""

import pytest
from pydicom.sr.codedict import codes

from serving.bundle import ROOT, Bundle
from serving.pacs.client import Instance, Pacs
from serving.pacs.errors import RemovalRefusedError
from serving.pacs.journal import Journal
from serving.separation import JointSeparator
from tests.support.rigid_pacs import RigidPacs


@pytest.fixture
def archive():
    with RigidPacs() as running:
        yield running


@pytest.fixture
def pacs(archive, sample):
    pacs = Pacs(archive.url)
    pacs.store([sample.dataset])
    return pacs


def test_all_pages_are_read_and_what_they_do_not_tell_is_looked_up(pacs, archive, draw, sample):
    others = [draw(number).dataset for number in (71, 72, 73)]
    pacs.store(others)
    pacs.store(others)
    found = {each.sop for each in pacs.radiographs()}
    assert found == {str(each.SOPInstanceUID) for each in (sample.dataset, *others)}


def test_an_object_that_is_not_there_after_a_store_is_told(pacs, archive, draw):
    archive.objects = Forgetful()
    with pytest.raises(RuntimeError, match="did not store 1 of 1 objects"):
        pacs.store([draw(71).dataset])


class Forgetful(dict):
    """Objects that are lost as soon as they are stored."""

    def __or__(self, other):
        return self

    __ior__ = __or__


def test_a_removal_is_refused_in_a_sentence(pacs, sample):
    where = Instance(sample.study, str(sample.dataset.SeriesInstanceUID), sample.sop)
    with pytest.raises(RemovalRefusedError, match="does not let this server take objects out"):
        pacs.remove([where])


def test_a_replaced_result_is_rejected_by_one_note_and_counts_no_more(pacs, archive, sample, tmp_path):
    separator = JointSeparator(pacs, Journal(pacs, tmp_path), Bundle(ROOT / "models" / "model.pt"))
    separator(sample.sop, sample.at("MCP2"))
    answer = separator(sample.sop, sample.at("MCP2", by=9)).answer
    [note] = [each for each in archive.objects.values() if each.Modality == "KO"]
    [title] = note.ConceptNameCodeSequence
    assert title.CodeValue == codes.DCM.RejectedForQualityReasons.value
    [study] = note.CurrentRequestedProcedureEvidenceSequence
    rejected = {
        str(item.ReferencedSOPInstanceUID)
        for series in study.ReferencedSeriesSequence
        for item in series.ReferencedSOPSequence
    }
    assert rejected == set(answer["replaced"])
    assert (note.PatientID, note.StudyInstanceUID) == (sample.dataset.PatientID, sample.study)
    separator.journal.recover()
    assert sum(each.Modality == "KO" for each in archive.objects.values()) == 1
    third = separator(sample.sop, sample.at("MCP5")).answer
    assert [joint["joint"] for joint in third["joints"]] == ["joint2"]
