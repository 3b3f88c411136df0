"""Tests of the limit of what is inflated."""

import io
import tracemalloc
import zlib

import pytest
from pydicom import dcmread
from pydicom.uid import DeflatedExplicitVRLittleEndian

from scripts.dicom import inflate
from scripts.errors import InputError
from tests.support.dicom_sources import source


def deflated(pixels):
    """Return the file of a radiograph with so many bytes of zeros as its pixels."""
    dataset = source()
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.PixelData = bytes(pixels)
    content = io.BytesIO()
    dataset.save_as(content, enforce_file_format=True)
    return content.getvalue()


def test_a_deflated_dataset_is_read_by_pydicom_as_before():
    assert len(dcmread(io.BytesIO(deflated(1000))).PixelData) == 1000


def test_pydicom_itself_inflates_no_more_than_the_limit_and_takes_no_memory_for_it(monkeypatch):
    content = deflated(2**26)
    monkeypatch.setattr(inflate, "LARGEST_INFLATED", 2**24)
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=r"^inflates to over 16,777,216 bytes$"):
            dcmread(io.BytesIO(content))
        assert tracemalloc.get_traced_memory()[1] < 2**23
    finally:
        tracemalloc.stop()


def test_broken_bytes_are_told_as_zlib_tells_them():
    with pytest.raises(zlib.error):
        inflate.inflate(b"\xff\xff")
    with pytest.raises(zlib.error, match="incomplete"):
        inflate.inflate(zlib.compress(b"cut off" * 99)[2:-20])
