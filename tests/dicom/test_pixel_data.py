import base64
import io
import os
import time

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread, dcmwrite
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels import get_decoder
from pydicom.uid import (
    HTJ2K,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
)

from scripts.dicom import pixel_data
from scripts.dicom.pixel_data import DECODERS, declared_size
from scripts.dicom.reader import read_radiograph
from scripts.errors import InputError
from tests.support.dicom_sources import COLUMNS, ROWS, source, write
from tests.support.drawn import joint

JPEG_12_BITS = """
/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAEBAQEBAQEBAQEBAQEBAQIBAQEBAQIBAQECAgICAgICAgIDAwQDAwMDAwICAwQDAwQEBAQEAgMFBQQE
BQQEBAT/wQALDAAMABABAREA/8QAFwAAAwEAAAAAAAAAAAAAAAAACQoLDf/EACwQAAACBQkJAAAAAAAAAAAAAAcRAAoMDRIEBggJCw4TFBUWJilG
UlNhYmb/2gAIAQEAAD8AdwAu8S4/vQWcnpTtWWTrEHMww7MLU9NoOsc+nUVvKUwn7GSGYAu8JK/z4WcnpTsdGVzEHMww7MLzNIEOsc+nUVsqUwn7
GSbnZVks7jZYu73Ai7XNUz/HyiUQKslncbLF3e4EXa5qmf4+UT//2Q==
"""
"""DCMTK's JPEG of 12 bits (quality 98) of :func:`drawn`."""

HIGH_THROUGHPUT = """
/0//UQApQAAAAAAQAAAADAAAAAAAAAAAAAAAEAAAAAwAAAAAAAAAAAABDwEB/1AACAACAAAACv9SAAwAAgABAAUEBEAB/1wAEyCIkJCQkJCQkJCQ
kJCQiIiI/2QAFwABT3BlbkpQSCBWZXIgMC4yNi4zLv+QAAoAAAAAAH8AAf+TwAAmrfUFB3QAAMAAEsAAEwA2AYd0ABD0A4d0AMAAE0AAEwAazQEC
dACnpwBCNADAABUwAAVgiqL8oCIwgnYARCUqUYn6wFKBvrYAwAAq4AAWoAAAAMDninpwAncAVlqxYsWKFStW/voQgHv2QgHsugD/2Q==
"""
"""OpenJPH's lossless HTJ2K of 16 bits of :func:`drawn`, without the black and the white rows."""


def drawn(bars=True):
    """Values of 12 bits that fall back to 0, with white and black rows."""
    rows, columns = np.mgrid[:12, :16]
    values = (rows * 300 + columns * 17) % 4096
    if bars:
        values[:3], values[4:6] = 4095, 0
    return values


def holding(stream, syntax, values, **settings):
    """A source whose pixels are a code stream of ``values``."""
    made = source(levels=values, **settings)
    made.PixelData = encapsulate([stream])
    made["PixelData"].VR, made["PixelData"].is_undefined_length = "OB", True
    made.file_meta.TransferSyntaxUID = syntax
    return made


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, JPEGLosslessSV1, JPEGLSLossless], ids=lambda uid: uid.name)
def test_a_code_stream_declares_its_size_unless_it_is_cut_off(syntax):
    stream = next(generate_frames(source(transfer_syntax=syntax).PixelData, number_of_frames=1))
    assert declared_size(stream) == (ROWS, COLUMNS)
    assert declared_size(stream[:-8]) is None


@pytest.mark.parametrize(
    "padding", [b"\xff", b"\0" * 100, b"\xff\xff\xff", b"words"], ids=["FF", "zeros", "FFs", "words"]
)
@pytest.mark.parametrize("syntax", [JPEG2000Lossless, JPEGLosslessSV1, JPEGLSLossless], ids=lambda uid: uid.name)
def test_whatever_pads_a_whole_code_stream_does_not_cut_it_off(tmp_path, syntax, padding):
    made = source(transfer_syntax=syntax)
    plain = read_radiograph(write(made, tmp_path / "plain.dcm"))
    stream = next(generate_frames(made.PixelData, number_of_frames=1))
    made.PixelData = encapsulate([stream[: stream.rfind(b"\xff\xd9") + 2] + padding])
    assert (read_radiograph(write(made, tmp_path / "padded.dcm")).levels == plain.levels).all()


@pytest.mark.parametrize("end", [b"", b"\xff\xd9", b"\0" * 64], ids=["nothing", "end marker", "zeros"])
@pytest.mark.parametrize("syntax", [JPEG2000Lossless, JPEGLosslessSV1, JPEGLSLossless], ids=lambda uid: uid.name)
def test_a_code_stream_that_is_cut_off_is_refused_whatever_stands_at_its_end(tmp_path, syntax, end):
    made = source(transfer_syntax=syntax)
    stream = next(generate_frames(made.PixelData, number_of_frames=1))
    made.PixelData = encapsulate([stream[: len(stream) // 2] + end])
    with pytest.raises(InputError, match=r"image\.dcm: .*(cut off|cannot be decoded)"):
        read_radiograph(write(made, tmp_path / "image.dcm"))


def test_the_end_marker_of_a_thumbnail_is_not_that_of_the_stream():
    thumbnail = b"\xff\xe1\0\x06\xff\xd8\xff\xd9"
    stream = next(generate_frames(source(transfer_syntax=JPEGLosslessSV1).PixelData, number_of_frames=1))
    assert declared_size(stream[:2] + thumbnail + stream[2:]) == (ROWS, COLUMNS)
    assert declared_size(stream[:2] + thumbnail + stream[2 : len(stream) // 2]) is None


def test_jpeg_extended_of_12_bits_is_read(tmp_path, capfd):
    made = holding(base64.b64decode(JPEG_12_BITS), JPEGExtended12Bit, drawn())
    radiograph = read_radiograph(write(made, tmp_path / "image.dcm"))
    assert np.abs(radiograph.levels - drawn()).max() <= 2
    assert capfd.readouterr().err == ""


def test_what_a_loss_puts_beyond_the_bits_stored_is_white_and_not_black(tmp_path):
    made = holding(base64.b64decode(JPEG_12_BITS), JPEGExtended12Bit, drawn(), BitsStored=11, HighBit=10)
    radiograph = read_radiograph(write(made, tmp_path / "image.dcm"))
    assert (radiograph.levels[drawn() > 2050] == 2047).all()


@pytest.mark.parametrize("syntax", [HTJ2KLossless, HTJ2KLosslessRPCL, HTJ2K], ids=lambda uid: uid.name)
def test_high_throughput_jpeg_2000_is_read(tmp_path, syntax):
    made = holding(base64.b64decode(HIGH_THROUGHPUT), syntax, drawn(bars=False))
    assert (read_radiograph(write(made, tmp_path / "image.dcm")).levels == drawn(bars=False)).all()


def test_jpeg_baseline_is_read_and_one_that_ends_too_early_is_refused(tmp_path):
    levels, stream = joint(ROWS, COLUMNS, 8)[0], io.BytesIO()
    Image.fromarray(levels.astype(np.uint8)).save(stream, "JPEG", quality=98)
    packed = stream.getvalue()
    made = holding(packed, JPEGBaseline8Bit, levels, bits=8)
    assert np.abs(read_radiograph(write(made, tmp_path / "image.dcm")).levels - levels).max() <= 12
    made.PixelData = encapsulate([packed[: len(packed) // 2] + b"\xff\xd9"])
    with pytest.raises(InputError, match="cannot be decoded"):
        read_radiograph(write(made, tmp_path / "image.dcm"))


def without_syntax(dataset, prefixed):
    """Bytes of a file whose File Meta Information has no transfer syntax; or that has none, nor a preamble."""
    implicit, little = dataset.original_encoding
    body, meta = io.BytesIO(), io.BytesIO()
    dataset.preamble = None
    del dataset.file_meta.TransferSyntaxUID
    dcmwrite(meta, dataset, enforce_file_format=False, implicit_vr=implicit, little_endian=little)
    dataset.file_meta = type(dataset.file_meta)()
    dcmwrite(body, dataset, enforce_file_format=False, implicit_vr=implicit, little_endian=little)
    return b"\0" * 128 + b"DICM" + meta.getvalue() if prefixed else body.getvalue()


@pytest.mark.parametrize("prefixed", [False, True])
@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian], ids=lambda uid: uid.name
)
def test_a_file_without_a_transfer_syntax_is_read_as_its_header_is_encoded(tmp_path, syntax, prefixed):
    path = write(source(kind="CR", transfer_syntax=syntax), tmp_path / "image.dcm")
    plain = read_radiograph(path)
    path.write_bytes(without_syntax(dcmread(path), prefixed))
    assert "TransferSyntaxUID" not in dcmread(path, force=True).file_meta
    assert (read_radiograph(path).levels == plain.levels).all()


def test_a_deflated_file_that_does_not_tell_where_its_data_begin_is_refused(tmp_path):
    path = write(source(transfer_syntax=DeflatedExplicitVRLittleEndian), tmp_path / "image.dcm")
    content = path.read_bytes()
    path.write_bytes(content[:132] + content[132 + 12 :])
    with pytest.raises(InputError, match=r"image\.dcm: FileMetaInformationGroupLength is missing$"):
        read_radiograph(path)


def test_compressed_pixels_without_a_transfer_syntax_are_refused(tmp_path):
    path = write(source(transfer_syntax=JPEGLSLossless), tmp_path / "image.dcm")
    path.write_bytes(without_syntax(dcmread(path), True))
    with pytest.raises(InputError, match=r"image\.dcm: TransferSyntaxUID is missing$"):
        read_radiograph(path)


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
