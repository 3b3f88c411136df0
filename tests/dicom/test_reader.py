import io
import logging
import os
import zlib
from itertools import product

import numpy as np
import pytest
from pydicom import Dataset, dcmread, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    MediaStorageDirectoryStorage,
    RLELossless,
)

from scripts.dicom import reader
from scripts.dicom.reader import is_dicom, read_radiograph
from scripts.errors import InputError, SkippedInput
from tests.support.dicom_sources import COLUMNS, ROWS, SPACING, TRANSFER_SYNTAXES, source, write
from tests.support.drawn import joint

KINDS = ("DX", "DX for processing", "CR", "SC", "MG", "bare")


@pytest.mark.parametrize("syntax", TRANSFER_SYNTAXES, ids=lambda uid: uid.name)
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_levels_are_the_same_whatever_the_encoding_polarity_sign_depth_and_spacing(tmp_path, syntax, photometric):
    for bits, signed in product((8, 10, 12, 15, 16), (False, True)):
        levels, _ = joint(64, 80, bits)
        for spacing in ("ImagerPixelSpacing", "PixelSpacing") if bits == 12 else ("NominalScannedPixelSpacing",):
            made = source(
                photometric=photometric,
                bits=bits,
                signed=signed,
                spacing=spacing,
                transfer_syntax=syntax,
                levels=levels,
            )
            radiograph = read_radiograph(write(made, tmp_path / "image.dcm"))
            assert (radiograph.levels == levels).all(), (bits, signed)
            assert (radiograph.spacing, radiograph.spacing_from) == (SPACING, spacing)
            assert (radiograph.grayscale.black, radiograph.grayscale.white) == (0, 2**bits - 1)
            assert radiograph.gray((0, 0, 64, 80)) == pytest.approx(levels / (2**bits - 1), abs=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_radiographs_of_every_kind_are_read_and_their_header_is_kept(tmp_path, kind):
    path = write(source(kind=kind, PixelIntensityRelationshipSign=-1), tmp_path / "image.dcm")
    before = path.read_bytes()
    radiograph = read_radiograph(path)
    assert radiograph.levels.shape == (ROWS, COLUMNS)
    assert "PixelData" not in radiograph.dataset
    assert radiograph.dataset.SOPInstanceUID == dcmread(path).SOPInstanceUID
    assert path.read_bytes() == before


def test_a_file_is_dicom_by_its_prefix_or_its_suffix(tmp_path):
    path = write(source(), tmp_path / "IM0001")
    assert is_dicom(path)
    (tmp_path / "words.txt").write_text("words")
    assert not is_dicom(tmp_path / "words.txt")
    (tmp_path / "words.dcm").write_text("words")
    assert is_dicom(tmp_path / "words.dcm")


def test_a_file_without_preamble_is_read(tmp_path):
    made = source()
    with io.BytesIO() as whole:
        dcmwrite(whole, made, enforce_file_format=True)
        (tmp_path / "bare.dcm").write_bytes(whole.getvalue()[132:])
    assert read_radiograph(tmp_path / "bare.dcm").levels.shape == (ROWS, COLUMNS)


def test_padding_is_black_and_does_not_count(tmp_path):
    levels, _ = joint(ROWS, COLUMNS, 12)
    levels[:10] = 4095
    made = source(kind="DX for processing", levels=levels, PixelPaddingValue=4095, PixelPaddingRangeLimit=4090)
    radiograph = read_radiograph(write(made, tmp_path / "image.dcm"))
    assert radiograph.padded[:10].all()
    assert (radiograph.gray((0, 0, ROWS, COLUMNS))[:10] == 0).all()
    assert radiograph.grayscale.white < 4090
    assert (radiograph.levels == levels).all()


def test_bits_above_the_stored_ones_are_not_looked_at(tmp_path):
    levels, _ = joint(ROWS, COLUMNS, 12)
    for signed in (False, True):
        made = source(levels=levels, signed=signed)
        stored = np.frombuffer(made.PixelData, "<u2")
        made.PixelData = (stored & 0xFFF | 0x5000).astype("<u2").tobytes()
        assert (read_radiograph(write(made, tmp_path / "image.dcm")).levels == levels).all()


@pytest.mark.parametrize(
    ("attributes", "spacing", "keyword"),
    [
        ({"ImagerPixelSpacing": [0.2, 0.2], "PixelSpacing": [0.19, 0.19]}, 0.19, "PixelSpacing"),
        ({"ImagerPixelSpacing": [0.2, 0.2], "PixelSpacing": [0, 0]}, 0.2, "ImagerPixelSpacing"),
        ({"ImagerPixelSpacing": None}, 0.13, ""),
        ({"ImagerPixelSpacing": [0, 0]}, 0.13, ""),
        ({"ImagerPixelSpacing": [0.1]}, 0.13, ""),
        ({"ImagerPixelSpacing": [-0.1, 0.1]}, 0.13, ""),
        ({"ImagerPixelSpacing": [50, 50]}, 0.13, ""),
    ],
)
def test_the_spacing_nearest_to_the_patient_is_used_and_a_missing_one_is_assumed(
    tmp_path, attributes, spacing, keyword
):
    radiograph = read_radiograph(write(source(**attributes), tmp_path / "image.dcm"))
    assert radiograph.spacing == (spacing, spacing)
    assert radiograph.spacing_from == keyword
    assert ("no spacing of pixels in the header: 0.13 mm assumed" in radiograph.notes) == (keyword == "")


def broken(kind):
    """Bytes of a file that cannot be used, and what is said of it."""
    compressed = "cut" in kind or kind in ("unknown syntax", "video")
    made = source(transfer_syntax=JPEG2000Lossless if compressed else ExplicitVRLittleEndian)
    if kind == "truncated":
        made.PixelData = made.PixelData[:1000]
        return made, "expected 64,000 bytes of PixelData (200x160, 16 bit), got 1,000"
    if kind == "no pixels":
        del made.PixelData
        return made, "no pixel data"
    if kind == "float":
        del made.PixelData
        made.FloatPixelData = b"\0" * 16
        return made, "expected integer pixel data, got floating-point values"
    if kind == "cut":
        made.PixelData = encapsulate([next(generate_frames(made.PixelData, number_of_frames=1))[:-200]])
        return made, "the compressed image is cut off, or not 160 rows x 200 columns"
    if kind == "cut to another size":
        made.Rows = 100
        return made, "the compressed image is cut off, or not 100 rows x 200 columns"
    if kind == "bomb":
        made.Rows = made.Columns = 60000
        return made, "expected at most 64,000,000 px, got 60000 rows x 60000 columns"
    if kind == "private only":
        few = Dataset()
        few.file_meta = FileMetaDataset()
        few.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        few.private_block(0x11, "SOMEONE", create=True).add_new(1, "LO", "Doe^John")
        return few, "SOPClassUID is missing"
    if kind == "unknown syntax":
        made.file_meta.TransferSyntaxUID = "1.2.3.4"
        return made, "transfer syntax 1.2.3.4 is unknown or holds no single image"
    if kind == "video":
        made.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.102"
        return made, "is unknown or holds no single image"
    attribute, value, says = {
        "no rows": ("Rows", None, "Rows is missing"),
        "zero rows": ("Rows", 0, "0 rows x 200 columns, an image has one of each at least"),
        "no columns": ("Columns", None, "Columns is missing"),
        "frames": ("NumberOfFrames", 7, "expected one frame, got 7"),
        "colour": ("SamplesPerPixel", 3, "expected a grayscale image, got a colour image of 3 samples a pixel"),
        "palette": ("PhotometricInterpretation", "PALETTE COLOR", "PhotometricInterpretation is not MONOCHROME1"),
        "32 bits": ("BitsAllocated", 32, "got 12 of 32"),
        "1 bit": ("BitsStored", 1, "expected 8 to 16 bits stored of 8 or 16 allocated, got 1 of 16"),
        "high bit": ("HighBit", 15, "expected HighBit 11 with 12 bits stored, got 15"),
        "sign": ("PixelRepresentation", 3, "expected PixelRepresentation 0 or 1, got 3"),
        "no study": ("StudyInstanceUID", None, "StudyInstanceUID is missing"),
        "no series": ("SeriesInstanceUID", None, "SeriesInstanceUID is missing"),
        "flat": ("PixelData", b"\7\0" * ROWS * COLUMNS, "every pixel is 7"),
        "long pixels": ("ImagerPixelSpacing", [0.1, 0.2], "expected square pixels, got 0.1 x 0.2 mm"),
    }[kind]
    if value is None:
        delattr(made, attribute)
    else:
        setattr(made, attribute, value)
    return made, says


BROKEN = (
    *(
        "truncated",
        "no pixels",
        "float",
        "cut",
        "cut to another size",
        "bomb",
        "private only",
        "unknown syntax",
        "video",
    ),
    *("no rows", "zero rows", "no columns", "frames", "colour", "palette", "32 bits", "1 bit", "high bit", "sign"),
    *("no study", "no series", "flat", "long pixels"),
)


@pytest.mark.parametrize("kind", BROKEN)
def test_what_cannot_be_used_is_refused_with_its_value(tmp_path, kind):
    made, says = broken(kind)
    private = {"implicit_vr": False, "little_endian": True} if kind == "unknown syntax" else {}
    dcmwrite(tmp_path / "bad.dcm", made, **private)
    with pytest.raises(InputError) as refused:
        read_radiograph(tmp_path / "bad.dcm")
    assert str(refused.value).startswith("bad.dcm: ")
    assert says in str(refused.value)
    assert "Doe" not in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("content", "says"), [(b"", "an empty file, 0 bytes"), (b"words", "not a"), (b"\0" * 4000, "")]
)
def test_what_is_not_dicom_is_refused(tmp_path, content, says):
    (tmp_path / "bad.dcm").write_bytes(content)
    with pytest.raises(InputError, match=f"bad.dcm: {says}"):
        read_radiograph(tmp_path / "bad.dcm")


def test_a_missing_uid_and_one_that_is_none_are_refused(tmp_path):
    made = source()
    made.SOPInstanceUID = "Doe^John"
    with io.BytesIO() as whole:
        dcmwrite(whole, made)
        (tmp_path / "bad.dcm").write_bytes(whole.getvalue())
    with pytest.raises(InputError, match=r"bad\.dcm: SOPInstanceUID is not a UID$"):
        read_radiograph(tmp_path / "bad.dcm")


def test_a_broken_run_length_stream_is_refused(tmp_path):
    made = source(transfer_syntax=RLELossless)
    frame = next(generate_frames(made.PixelData, number_of_frames=1))
    made.PixelData = encapsulate([frame[: len(frame) // 2]])
    with pytest.raises(InputError, match=r"PixelData cannot be decoded \(RLE Lossless\)"):
        read_radiograph(write(made, tmp_path / "image.dcm"))


def test_a_stream_that_lies_about_its_inside_is_refused(tmp_path):
    made = source(transfer_syntax=JPEGLSLossless)
    frame = bytearray(next(generate_frames(made.PixelData, number_of_frames=1)))
    frame[60:400] = b"\xff" * 340
    made.PixelData = encapsulate([bytes(frame)])
    with pytest.raises(InputError, match="cannot be decoded"):
        read_radiograph(write(made, tmp_path / "image.dcm"))


def test_a_file_that_cannot_be_opened_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"gone\.dcm: cannot be read \(No such file or directory\)"):
        read_radiograph(tmp_path / "gone.dcm")
    os.symlink(tmp_path / "loop.dcm", tmp_path / "loop.dcm")
    with pytest.raises(InputError, match=r"loop\.dcm: cannot be read \(Too many levels of symbolic links\)"):
        read_radiograph(tmp_path / "loop.dcm")


def test_a_file_that_inflates_without_end_is_refused_before_it_is_inflated(tmp_path, monkeypatch):
    monkeypatch.setattr(reader, "LARGEST_FILE", 2**22)
    path = write(source(transfer_syntax=DeflatedExplicitVRLittleEndian), tmp_path / "image.dcm")
    assert read_radiograph(path).levels.shape == (ROWS, COLUMNS)
    content = path.read_bytes()
    start = 132 + 12 + dcmread(path).file_meta.FileMetaInformationGroupLength
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    path.write_bytes(content[:start] + deflate.compress(b"\0" * 2**23) + deflate.flush())
    with pytest.raises(InputError, match="inflates to over 4,194,304 bytes"):
        read_radiograph(path)


def test_a_large_file_is_refused_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(reader, "LARGEST_FILE", 1000)
    with pytest.raises(InputError, match=r"expected at most 1,000 bytes, got "):
        read_radiograph(write(source(), tmp_path / "image.dcm"))


@pytest.mark.parametrize(
    ("attributes", "kind"),
    [
        ({"Modality": "CT"}, "modality CT"),
        ({"Modality": "SEG"}, "modality SEG"),
        ({"Modality": "Doe^John"}, "modality unknown"),
        ({"SOPClassUID": MediaStorageDirectoryStorage}, "DICOMDIR"),
    ],
)
def test_what_is_no_radiograph_is_passed_over_by_its_kind(tmp_path, attributes, kind):
    with pytest.raises(SkippedInput) as passed:
        read_radiograph(write(source(**attributes), tmp_path / "image.dcm"))
    assert passed.value.kind == kind


def test_no_value_of_the_patient_is_logged_or_warned_of(tmp_path, caplog, recwarn):
    made = source(PatientName="Secret^Name", PatientID="SECRET-ID", window=[(500, 0)])
    path = write(made, tmp_path / "image.dcm")
    content = path.read_bytes().replace(b"19500102", b"Secret!!").replace(b"DRAWN", b"\xff\xfe\xfd\xfc\xfb")
    path.write_bytes(content)
    with caplog.at_level(logging.DEBUG):
        radiograph = read_radiograph(path)
    said = caplog.text + "".join(str(warning.message) for warning in recwarn) + "".join(radiograph.notes)
    assert "secret" not in said.lower()


def test_a_transfer_syntax_that_is_no_uid_is_not_quoted(tmp_path):
    path = write(source(), tmp_path / "image.dcm")
    path.write_bytes(path.read_bytes().replace(b"1.2.840.10008.1.2.1\0", b"Doe\nJohn\xff..........."))
    with pytest.raises(InputError) as refused:
        read_radiograph(path)
    assert "John" not in str(refused.value)
    assert "\n" not in str(refused.value)
