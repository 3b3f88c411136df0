"""Tests of the node's DICOM server: who is let in, for what, and what becomes of those who misbehave."""

import socket
import ssl
import struct

import pytest
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from pynetdicom.sop_class import PatientRootQueryRetrieveInformationModelFind, Verification

from scripts.errors import InputError
from tests.support.modality import associate, associated
from tests.support.waiting import LIMIT

DX = str(DigitalXRayImageStorageForPresentation)


def answered(association):
    """Return whether an association answers an echo; ends it."""
    status = association.send_c_echo().Status if association.is_established else None
    association.release()
    return status == 0


def refusal(association):
    """Return result, source and reason of a rejection (DICOM PS3.8, table 9-21)."""
    assert association.is_rejected
    told = association.acceptor.primitive
    return told.result, told.result_source, told.diagnostic


def client_context(folder, *, certificate):
    context = ssl.create_default_context(cafile=folder / "ca.pem")
    if certificate:
        context.load_cert_chain(folder / "client.pem", folder / "client.key")
    return context


def test_an_echo_is_answered(listen):
    assert answered(associate(listen().port))


def test_an_unknown_calling_title_is_rejected_for_good(listen):
    port = listen(callers="CR1,DX 2").port
    assert refusal(associate(port, aet="OTHER")) == (1, 1, 3)
    assert answered(associate(port, aet="CR1"))
    assert answered(associate(port, aet="DX 2"))


def test_a_call_to_another_title_is_rejected_for_good(listen):
    assert refusal(associate(listen().port, called="SOMEBODY")) == (1, 1, 7)


def test_more_associations_than_allowed_are_rejected_for_now(listen):
    port = listen(max_associations=1).port
    first = associate(port)
    assert refusal(associate(port)) == (2, 3, 2)
    assert answered(first)


def test_storage_classes_alone_are_accepted_and_nothing_that_inflates(listen):
    pairs = [
        (DX, ExplicitVRLittleEndian),
        (DX, DeflatedExplicitVRLittleEndian),
        (PatientRootQueryRetrieveInformationModelFind, ImplicitVRLittleEndian),
        (Verification, ImplicitVRLittleEndian),
    ]
    association = associate(listen().port, *pairs)
    accepted = {(each.abstract_syntax, each.transfer_syntax[0]) for each in association.accepted_contexts}
    association.release()
    assert accepted == {(DX, ExplicitVRLittleEndian), (Verification, ImplicitVRLittleEndian)}


def test_an_address_that_is_taken_is_told(listen):
    port = listen().port
    with pytest.raises(InputError, match=rf"127\.0\.0\.1:{port}: expected an address to listen at, got Addr"):
        listen(port=port)


def test_a_piece_of_four_gigabytes_is_not_read(listen):
    port = listen().port
    with socket.create_connection(("127.0.0.1", port), timeout=LIMIT) as connection:
        connection.sendall(struct.pack(">BBL", 1, 0, 2**32 - 1))
        assert connection.recv(1) == b""
    assert answered(associate(port))


@pytest.mark.parametrize("garbage", [b"GET / HTTP/1.1\r\n\r\n", b"", bytes(5), b"\x04\x00\x00\x00\x00\x02ab"])
def test_bytes_that_are_no_dicom_end_their_connection_and_nothing_else(listen, garbage):
    port = listen().port
    with socket.create_connection(("127.0.0.1", port), timeout=LIMIT) as connection:
        connection.sendall(garbage)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(100):
            pass
    assert answered(associate(port))


def test_objects_go_through_tls(listen, certificates, image):
    listening = listen(tls=f"{certificates}/server.pem,{certificates}/server.key")
    tls = client_context(certificates, certificate=False), "127.0.0.1"
    with associated(listening.port, image("a"), tls_args=tls) as association:
        assert association.send_c_store(image("a")).Status == 0
    assert listening.received.find(image("a").SOPInstanceUID)
    assert not associate(listening.port).is_established, "without TLS"


def test_with_an_authority_only_those_are_let_in_that_it_has_signed(listen, certificates):
    port = listen(tls=f"{certificates}/server.pem,{certificates}/server.key,{certificates}/ca.pem").port
    assert not associate(port, tls_args=(client_context(certificates, certificate=False), "127.0.0.1")).is_established
    assert answered(associate(port, tls_args=(client_context(certificates, certificate=True), "127.0.0.1")))


def test_a_client_that_does_not_shake_hands_keeps_nobody_waiting(listen, certificates):
    port = listen(tls=f"{certificates}/server.pem,{certificates}/server.key").port
    with socket.create_connection(("127.0.0.1", port)):
        assert answered(associate(port, tls_args=(client_context(certificates, certificate=False), "127.0.0.1")))


def test_files_that_are_no_certificates_are_refused(listen, tmp_path):
    for text in (None, "no PEM"):
        path = tmp_path / "file.pem"
        if text:
            path.write_text(text)
        with pytest.raises(InputError, match=r"tls: expected certificates and a key in PEM in .*file\.pem, got "):
            listen(tls=f"{path},{path}")
