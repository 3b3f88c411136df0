import pytest
from pydicom.encaps import generate_frames
from pydicom.pixels import get_decoder
from pydicom.uid import JPEG2000Lossless, JPEGLosslessSV1, JPEGLSLossless

from scripts.dicom.frame import DECODERS, declared_size
from tests.dicom_sources import COLUMNS, ROWS, source


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, JPEGLosslessSV1, JPEGLSLossless], ids=lambda uid: uid.name)
def test_a_code_stream_declares_its_size_unless_it_is_cut_off(syntax):
    frame = next(generate_frames(source(transfer_syntax=syntax).PixelData, number_of_frames=1))
    assert declared_size(frame) == (ROWS, COLUMNS)
    assert declared_size(frame[:-8]) is None


@pytest.mark.parametrize(
    "stream", [b"", b"\xff\xd9", b"words\xff\xd9", b"\xff\xd8\xff\xff\xff\xd9", b"\xff\xd8\xff\xe0\0\0\xff\xd9"]
)
def test_what_has_no_frame_header_declares_nothing(stream):
    assert declared_size(stream) is None


@pytest.mark.parametrize("syntax", DECODERS, ids=lambda uid: uid.name)
def test_every_decoder_is_installed(syntax):
    assert DECODERS[syntax] in get_decoder(syntax).available_plugins
