"""Tests of volume files: what ITK writes is read, and nothing is taken from a header that is not checked."""

import gzip
import os
import struct
import threading
import zlib

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from scripts.errors import InputError
from serving.volume_file import read_volume

ROWS, COLUMNS = 30, 20


@pytest.fixture
def labels():
    return np.random.default_rng(0).integers(0, 4, (ROWS, COLUMNS))


@pytest.mark.parametrize("suffix", [".nrrd", ".nii", ".nii.gz", ".mha"])
@pytest.mark.parametrize("packed", [True, False], ids=["packed", "raw"])
@pytest.mark.parametrize("kind", ["u1", "i2", "u2", "u4", "f4", "f8"])
@pytest.mark.parametrize("slices", [0, 1], ids=["2D", "3D"])
def test_what_itk_writes_is_read(tmp_path, labels, suffix, packed, kind, slices):
    values = labels.astype(kind)
    path = tmp_path / f"label{suffix}"
    sitk.WriteImage(sitk.GetImageFromArray(values[None] if slices else values), str(path), useCompression=packed)
    read = read_volume(path, ROWS, COLUMNS)
    assert read.dtype == np.dtype(kind)
    assert (read == values).all()


def test_bytes_in_the_other_order_are_read(tmp_path, labels):
    big = labels.astype(">u2").tobytes()
    head = f"NRRD0004\r\n# drawn\r\ntype: ushort\r\ndimension: 2\r\nsizes: {COLUMNS} {ROWS}\r\nendian: big\r\n"
    (tmp_path / "a.nrrd").write_bytes(f"{head}encoding: raw\r\n\r\n".encode() + big)
    head = f"NDims = 2\nBinaryData = True\nBinaryDataByteOrderMSB = True\nDimSize = {COLUMNS} {ROWS}\n"
    (tmp_path / "a.mha").write_bytes(f"{head}ElementType = MET_USHORT\nElementDataFile = LOCAL\n".encode() + big)
    for name in ("a.nrrd", "a.mha"):
        assert (read_volume(tmp_path / name, ROWS, COLUMNS) == labels).all()


def nrrd(pixels=b"\1" * ROWS * COLUMNS, **fields):
    usual = {"type": "uint8", "dimension": "2", "sizes": f"{COLUMNS} {ROWS}", "encoding": "raw"}
    lines = [f"{name.replace('_', ' ')}: {value}" for name, value in {**usual, **fields}.items() if value]
    return "\n".join(["NRRD0004", *lines, "", ""]).encode() + pixels


def mha(pixels=b"\1" * ROWS * COLUMNS, **fields):
    usual = {"ObjectType": "Image", "NDims": "2", "BinaryData": "True", "DimSize": f"{COLUMNS} {ROWS}"}
    last = {"ElementDataFile": fields.pop("ElementDataFile", "LOCAL")}
    lines = {**usual, "ElementType": "MET_UCHAR", **fields, **last}
    return "".join(f"{name} = {value}\n" for name, value in lines.items() if value).encode() + pixels


def nifti(pixels=b"\1" * ROWS * COLUMNS, dim=(2, COLUMNS, ROWS, 1, 1, 1, 1, 1), datatype=2, offset=352.0, magic=b"n+1"):
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, *dim)
    struct.pack_into("<hh", header, 70, datatype, 8)
    struct.pack_into("<f", header, 108, offset)
    header[344 : 344 + len(magic)] = magic
    return bytes(header) + pixels


OTHER = "expected the pixels in the file itself, got the name of another file"
BOMB = zlib.compress(bytes(50_000_000))


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.nrrd", nrrd(dimension="16", sizes=f"{COLUMNS} {ROWS}" + 14 * " 1"), "dimension: expected 2 to 4, got 16"),
        ("a.nrrd", nrrd(dimension="-1"), "dimension: expected 2 to 4, got -1"),
        ("a.nrrd", nrrd(dimension="3", sizes=f"300 {COLUMNS} {ROWS}"), "expected 20 columns x 30 rows, got 300 x 20"),
        ("a.nrrd", nrrd(dimension="3", sizes=f"{COLUMNS} {ROWS} {10**18}"), "expected 20 columns x 30 rows, got 20 x"),
        ("a.nrrd", nrrd(sizes="0 0"), "sizes: expected 2 numbers from 1 on"),
        ("a.nrrd", nrrd(sizes="20 x"), "a.nrrd: cannot be read as an image"),
        ("a.nrrd", nrrd(sizes=None), "a.nrrd: cannot be read as an image"),
        ("a.nrrd", nrrd(type="block"), "type: expected signed char, "),
        ("a.nrrd", nrrd(encoding="ascii"), "encoding: expected raw, gzip, gz, got 'ascii'"),
        ("a.nrrd", nrrd(byte_skip="-1"), "byteskip: expected 0, got '-1'"),
        ("a.nrrd", nrrd(data_file="/dev/zero"), OTHER),
        ("a.nrrd", nrrd(datafile="LIST"), OTHER),
        ("a.nrrd", nrrd(Data_File="pixels.raw"), OTHER),
        ("a.nrrd", nrrd(b"\1"), "expected 600 bytes of pixels, got 1"),
        ("a.nrrd", nrrd(BOMB, encoding="gzip"), "expected at most 600 bytes when inflated, got more"),
        ("a.nrrd", nrrd(b"no gzip", encoding="gzip"), "its compressed bytes are broken"),
        ("a.nrrd", mha(), "a.nrrd: cannot be read as an image"),
        ("a.mha", nrrd(), "a.mha: cannot be read as an image"),
        ("a.mha", mha(ElementDataFile="/dev/zero"), OTHER),
        ("a.mha", mha(ElementDataFile="LIST"), OTHER),
        ("a.mha", mha(ElementDataFile="%03d.raw 1 9 1"), OTHER),
        ("a.mha", mha(ElementDataFile=None), "a.mha: cannot be read as an image"),
        ("a.mha", mha(NDims="20"), "dimension: expected 2 to 4, got 20"),
        ("a.mha", mha(ElementNumberOfChannels="300"), "ElementNumberOfChannels: expected 1, got '300'"),
        ("a.mha", mha(DimSize=f"{10**9} {10**9}"), "expected 20 columns x 30 rows, got 1000000000 x 1000000000"),
        ("a.mha", mha(ElementType="MET_OTHER"), "ElementType: expected MET_CHAR, "),
        ("a.mha", mha(BOMB, CompressedData="True"), "expected at most 600 bytes when inflated, got more"),
        ("a.mha", mha(HeaderSize="-1"), "HeaderSize: expected 0, got '-1'"),
        ("a.nii", nifti(magic=b"ni1"), OTHER),
        ("a.nii", nifti(magic=b"x"), "magic: expected n+1, got 'x'"),
        ("a.nii", nifti(dim=(7, COLUMNS, ROWS, 9, 9, 9, 9, 9)), "dimension: expected 2 to 4, got 7"),
        ("a.nii", nifti(dim=(3, COLUMNS, ROWS, 300, 1, 1, 1, 1)), "expected 20 columns x 30 rows, got 20 x 30 x 300"),
        ("a.nii", nifti(datatype=1792), "datatype: expected i1, "),
        ("a.nii", nifti(datatype=12345), "a.nii: cannot be read as an image"),
        ("a.nii", nifti(offset=1e30), "a.nii: cannot be read as an image"),
        ("a.nii", nifti(offset=float("nan")), "a.nii: cannot be read as an image"),
        ("a.nii", b"", "a.nii: cannot be read as an image"),
        ("a.nii.gz", gzip.compress(bytes(50_000_000)), "expected at most 1,053,376 bytes when inflated, got more"),
        ("a.nii.gz", nifti(), "its compressed bytes are broken"),
    ],
)
def test_a_header_that_asks_for_something_else_than_this_slice_is_refused(tmp_path, name, content, sentence):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as refused:
        read_volume(tmp_path / name, ROWS, COLUMNS)
    assert sentence in str(refused.value)


def test_a_pipe_that_a_header_names_is_not_opened(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    (tmp_path / "a.nrrd").write_bytes(nrrd(data_file=str(pipe)))
    (tmp_path / "a.mha").write_bytes(mha(ElementDataFile=str(pipe)))
    ended = threading.Event()

    def read():
        for name in ("a.nrrd", "a.mha"):
            with pytest.raises(InputError, match=OTHER):
                read_volume(tmp_path / name, ROWS, COLUMNS)
        ended.set()

    threading.Thread(target=read, daemon=True).start()
    assert ended.wait(10)
