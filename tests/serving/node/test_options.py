"""Tests of the options of the node: what cannot be is refused in a sentence before anything starts."""

import pytest

from scripts.errors import InputError
from serving.node.options import Options, Peer
from serving.node.tls import TlsFiles


def options(**values):
    return Options(**{"send_to": "PACS@archive.example.org:104", **values})


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"send_to": ""}, "expected send_to .* or store .*, one of both"),
        ({"store": "http://127.0.0.1:8042/dicom-web"}, "expected send_to .* or store .*, one of both"),
        ({"send_to": "", "store": "pacs"}, "store: expected the address of DICOMweb services, got 'pacs'"),
        ({"send_to": "archive:104"}, "send_to: expected AET@host:port, got 'archive:104'"),
        ({"send_to": "A@b:99999"}, "send_to: expected AET@host:port, got 'A@b:99999'"),
        ({"send_to": "A\\B@b:104"}, r"send_to: expected an AE title of 1 to 16 characters, got 'A\\\\B'"),
        ({"aet": "SEVENTEEN_LETTERS"}, "aet: expected an AE title of 1 to 16 characters"),
        ({"aet": ""}, "aet: expected an AE title of 1 to 16 characters, got ''"),
        ({"callers": "GOOD,B\\D"}, "callers: expected an AE title of 1 to 16 characters"),
        ({"port": 70000}, "port: expected a number from 0 to 65535, got 70000"),
        ({"port": "x"}, "port: expected a number from 0 to 65535, got 'x'"),
        ({"max_pdu": 0}, "max_pdu: expected a number from 4096 to 1048576, got 0"),
        ({"largest": 0}, "largest: expected a number from 0.001 to 512, got 0"),
        ({"host": "0.0.0.0"}, "callers: expected AE titles that may send to 0.0.0.0, or \\* for all, got none"),
        ({"tls": "cert.pem"}, "tls: expected CERTIFICATE,KEY or CERTIFICATE,KEY,AUTHORITY, got 'cert.pem'"),
        ({"send_tls": "ca.pem,cert.pem"}, "send_tls: expected AUTHORITY or AUTHORITY,CERTIFICATE,KEY"),
    ],
)
def test_what_cannot_be_is_refused(values, sentence):
    with pytest.raises(InputError, match=sentence):
        options(**values)


def test_lists_are_taken_as_the_command_line_gives_them():
    assert options(callers=("CR1", "DX 2")).calling_aets == options(callers="CR1, DX 2").calling_aets == ("CR1", "DX 2")
    assert options(callers="*", host="0.0.0.0").calling_aets == ()
    assert options(tls=("c.pem", "k.pem")).tls_files == TlsFiles("c.pem", "k.pem")
    assert options(send_tls="a.pem,c.pem,k.pem").send_tls_files == TlsFiles("c.pem", "k.pem", "a.pem")


def test_a_peer_may_have_spaces_in_its_title_and_an_address_of_six_groups():
    assert options(send_to="MY PACS@[::1]:104").peer == Peer("MY PACS", "::1", 104)
