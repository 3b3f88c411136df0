"""Tests of results that go to a DICOM node by C-STORE."""

import copy

import numpy as np
import pytest
from pydicom.uid import ExplicitVRLittleEndian, RLELossless

from scripts.dicom.derive import derive
from serving.node.options import Peer
from serving.node.storage_user import StorageUser
from serving.node.tls import TlsFiles, listening_context
from serving.pacs.errors import PacsAwayError
from tests.support.dicom_archive import DicomArchive
from tests.support.separated import SOFTWARE, joints, radiograph


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    of = radiograph(tmp_path_factory.mktemp("source"))
    return derive(of, joints(of), SOFTWARE).all


def user(archive, aet=DicomArchive.aet):
    return StorageUser(Peer(aet, "127.0.0.1", archive.port), "BLS_GAN")


def test_all_results_arrive_as_they_are_and_again_if_they_are_sent_again(archive, results):
    for times in (1, 2):
        user(archive).send("1.2", results)
        assert archive.counts == {str(each.SOPInstanceUID): times for each in results}
    for each in results:
        there = archive.objects[str(each.SOPInstanceUID)]
        assert there.PixelData == each.PixelData
        assert there.file_meta.TransferSyntaxUID == each.file_meta.TransferSyntaxUID


def test_an_archive_that_takes_nothing_compressed_gets_it_uncompressed(results):
    with DicomArchive(syntaxes=[ExplicitVRLittleEndian]) as archive:
        user(archive).send("1.2", results)
    there = archive.objects[str(results[-1].SOPInstanceUID)]
    assert results[-1].file_meta.TransferSyntaxUID == RLELossless
    assert (there.pixel_array == results[-1].pixel_array).all()
    assert np.count_nonzero(there.pixel_array)


def test_an_object_that_is_there_already_is_no_fault(archive, results):
    archive.status = 0x0111
    user(archive).send("1.2", results)


@pytest.mark.parametrize("status", [0xA700, 0xA900, 0xC000, 0x0122])
def test_a_refusal_is_told_by_its_number(archive, results, status):
    archive.status = status
    with pytest.raises(PacsAwayError, match=rf"ARCHIVE@127\.0\.0\.1:\d+ answered {status:04X}H to a store"):
        user(archive).send("1.2", results)


def test_a_node_that_is_away_or_lets_nobody_in_is_told(archive, results):
    with pytest.raises(PacsAwayError, match=r"OTHER@.* rejects the association"):
        user(archive, "OTHER").send("1.2", results)
    archive.stop()
    with pytest.raises(PacsAwayError, match=r"ARCHIVE@.* does not answer"):
        user(archive).send("1.2", results)


def test_a_class_that_the_archive_does_not_know_is_told(archive, results):
    strange = copy.deepcopy(results[0])
    strange.SOPClassUID = "1.2.840.10008.5.1.4.1.1.999"
    with pytest.raises(PacsAwayError, match=r"does not take objects of class 1\.2\.840\.10008\.5\.1\.4\.1\.1\.999"):
        user(archive).send("1.2", [*results, strange])


def test_results_go_through_tls_to_an_archive_whose_certificate_is_checked(results, certificates):
    context = listening_context(TlsFiles(f"{certificates}/server.pem", f"{certificates}/server.key"))
    with DicomArchive(ssl_context=context) as archive:
        peer = Peer(DicomArchive.aet, "127.0.0.1", archive.port)
        StorageUser(peer, "BLS_GAN", TlsFiles(authority=f"{certificates}/ca.pem")).send("1.2", results)
        assert len(archive.objects) == len(results)
        for tls in (None, TlsFiles(authority=f"{certificates}/client.pem")):
            with pytest.raises(PacsAwayError, match=r"ARCHIVE@.* does not answer"):
                StorageUser(peer, "BLS_GAN", tls).send("1.2", results)
