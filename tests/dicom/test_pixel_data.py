import os
import time

import pytest
from pydicom.encaps import generate_frames
from pydicom.pixels import get_decoder
from pydicom.uid import JPEG2000Lossless, JPEGLosslessSV1, JPEGLSLossless

from scripts.dicom import pixel_data
from scripts.dicom.pixel_data import DECODERS, declared_size
from tests.support.dicom_sources import COLUMNS, ROWS, source


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, JPEGLosslessSV1, JPEGLSLossless], ids=lambda uid: uid.name)
def test_a_code_stream_declares_its_size_unless_it_is_cut_off(syntax):
    stream = next(generate_frames(source(transfer_syntax=syntax).PixelData, number_of_frames=1))
    assert declared_size(stream) == (ROWS, COLUMNS)
    assert declared_size(stream[:-8]) is None


@pytest.mark.parametrize(
    "stream", [b"", b"\xff\xd9", b"words\xff\xd9", b"\xff\xd8\xff\xff\xff\xd9", b"\xff\xd8\xff\xe0\0\0\xff\xd9"]
)
def test_what_has_no_frame_header_declares_nothing(stream):
    assert declared_size(stream) is None


@pytest.mark.parametrize("syntax", DECODERS, ids=lambda uid: uid.name)
def test_every_decoder_is_installed(syntax):
    assert DECODERS[syntax] in get_decoder(syntax).available_plugins


@pytest.mark.parametrize("end", ["dies", "hangs"])
def test_a_decoder_that_dies_or_hangs_costs_its_own_process_only(monkeypatch, end):
    monkeypatch.setattr(pixel_data, "SLOWEST", 0.5)
    monkeypatch.setattr(pixel_data, "_decode", lambda *_: os.abort() if end == "dies" else time.sleep(60))
    with pytest.raises(EOFError):
        pixel_data.decode(source(transfer_syntax=JPEGLosslessSV1), JPEGLosslessSV1)


def test_what_a_decoder_raises_in_its_own_process_is_raised(monkeypatch):
    def fails(*_):
        raise KeyError("SECRETNAME")

    monkeypatch.setattr(pixel_data, "_decode", fails)
    with pytest.raises(ValueError, match="KeyError"):
        pixel_data.decode(source(transfer_syntax=JPEGLosslessSV1), JPEGLosslessSV1)
