"""Tests of the reception: an object is on the disk and in the journal before it is acknowledged, or it is refused."""

import errno
import socket
from io import BytesIO

import pytest
from pydicom import dcmread
from pydicom.uid import ComputedRadiographyImageStorage
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dsutils import encode

from serving.node.received import RECEIVED, SENT
from tests.support.modality import associate, associated, send
from tests.support.waiting import wait_for


def send_bytes(port, dataset, content, sop=None):
    """Send any bytes as the data set of an object; return the status."""
    with associated(port, dataset) as association:
        request = C_STORE()
        request.MessageID, request.Priority = 1, 2
        request.AffectedSOPClassUID = dataset.SOPClassUID
        request.AffectedSOPInstanceUID = sop or dataset.SOPInstanceUID
        request.DataSet = BytesIO(content)
        [context] = association.accepted_contexts
        association._reactor_checkpoint.clear()
        association.dimse.send_msg(request, context.context_id)
        _, answer = association.dimse.get_msg(block=True)
        association._reactor_checkpoint.set()
        return answer.Status


def encoded(dataset):
    """Return the bytes of a data set alone."""
    return encode(dataset, False, True)


def test_what_is_acknowledged_is_kept_as_it_was_sent(listen, image):
    listening, hand = listen(), image("a")
    assert send(listening.port, hand) == [0]
    row = listening.received.find(hand.SOPInstanceUID)
    assert (row.state, row.study) == (RECEIVED, hand.StudyInstanceUID)
    kept = dcmread(listening.spool.path(row.file))
    assert kept.PixelData == hand.PixelData
    assert kept.file_meta.TransferSyntaxUID == hand.file_meta.TransferSyntaxUID


def test_a_data_set_of_another_class_is_refused(listen, image):
    listening, hand = listen(), image("a")
    content = encoded(hand)
    hand.SOPClassUID = ComputedRadiographyImageStorage
    assert send_bytes(listening.port, hand, content) == 0xA900
    assert (listening.files, listening.received.last(9)) == ([], [])


@pytest.mark.parametrize("keyword", ["SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID"])
@pytest.mark.parametrize("value", ["", "1.2.x", "../../etc"])
def test_a_data_set_without_its_uids_is_refused(listen, image, keyword, value):
    listening, hand, broken = listen(), image("a"), image("a")
    del broken.PixelData
    setattr(broken, keyword, value)
    assert send_bytes(listening.port, hand, encoded(broken)) == 0xA900
    assert listening.files == []


def test_an_announced_uid_that_is_none_is_no_path_and_not_in_the_log(listen, image, caplog):
    listening, hand = listen(), image("a")
    hand.SOPInstanceUID = "../../Doe^John"
    assert send_bytes(listening.port, hand, encoded(hand)) in (0xA900, 0xC000)
    assert listening.files == []
    assert "Doe" not in "".join(record.message for record in caplog.records if record.name.startswith("serving"))


SPOILED = {
    "four bytes": lambda content: content[:4],
    "cut off": lambda content: content[:-1000],
    "zeros": lambda content: bytes(1000),
    "ones": lambda content: b"\xff" * 99,
}


@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED.keys())
def test_bytes_that_are_no_data_set_are_refused(listen, image, spoil):
    listening, hand = listen(), image("a")
    assert send_bytes(listening.port, hand, spoil(encoded(hand))) in (0xA900, 0xC000)
    assert (listening.files, listening.received.last(9)) == ([], [])


def test_an_object_that_is_too_large_is_refused_and_the_next_one_taken(listen, image):
    large, small = image("a"), image("b")
    del small.PixelData
    listening = listen(largest=0.1)
    assert send(listening.port, large, small, large) == [0xA700, 0, 0xA700]
    assert [row.sop for row in listening.received.last(9)] == [small.SOPInstanceUID]
    assert len(listening.files) == 1


@pytest.mark.parametrize("full", ["spool", "journal"])
def test_with_a_full_disk_an_object_is_refused_and_nothing_of_it_stays(listen, image, monkeypatch, full):
    listening, hand = listen(), image("a")

    def fails(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        if full == "spool":
            patched.setattr("serving.private_files.replace_durably", fails)
        else:
            patched.setattr(listening.received, "put", fails)
        assert send(listening.port, hand) == [0xA700]
    assert (listening.files, listening.received.last(9)) == ([], [])
    assert send(listening.port, hand) == [0]


@pytest.mark.parametrize("end", ["abort", "cut"])
def test_of_an_object_that_is_cut_off_nothing_stays_and_whole_ones_before_it_do(listen, image, end, monkeypatch):
    listening, whole, half = listen(), image("a"), image("b")
    pair = str(half.SOPClassUID), str(half.file_meta.TransferSyntaxUID)
    association = associate(listening.port, pair)
    assert association.send_c_store(whole).Status == 0
    sent, send_piece = [], association.dul.socket.send

    def stops(piece):
        if len(sent) < 5:
            sent.append(piece)
            send_piece(piece)
        elif len(sent) == 5:
            sent.append(piece)
            if end == "abort":
                send_piece(b"\x07\x00\x00\x00\x00\x04\x00\x00\x00\x00")
            association.dul.socket.socket.shutdown(socket.SHUT_RDWR)

    monkeypatch.setattr(association.dul.socket, "send", stops)
    association.send_c_store(half)
    wait_for(lambda: not listening.listener._entity.active_associations)
    assert len(sent) == 6, "cut off in its middle"
    assert [row.sop for row in listening.received.last(9)] == [whole.SOPInstanceUID]
    assert len(listening.files) == 1


def test_the_same_object_is_kept_once_and_not_again_when_its_results_are_sent(listen, image):
    listening, hand = listen(), image("a")
    assert send(listening.port, hand, hand) == [0, 0]
    assert len(listening.files) == 1
    row = listening.received.find(hand.SOPInstanceUID)
    listening.received.change(row, SENT)
    listening.spool.remove(row.file)
    assert send(listening.port, hand) == [0]
    assert listening.received.find(hand.SOPInstanceUID).state == SENT
    assert listening.files == []


def test_other_bytes_of_the_same_uid_take_the_place_of_the_former(listen, image):
    listening, hand = listen(), image("a")
    send(listening.port, hand)
    former = listening.received.find(hand.SOPInstanceUID)
    hand.SeriesDescription = "Hand, corrected"
    send(listening.port, hand)
    row = listening.received.find(hand.SOPInstanceUID)
    assert row.sha256 != former.sha256
    assert [path.name for path in listening.files] == [row.file]
    assert not listening.received.change(former, SENT), "work on the former one has no say any more"
