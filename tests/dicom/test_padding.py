import numpy as np
import pytest

from scripts.dicom.derive import derive
from scripts.dicom.padding import padding_of
from scripts.dicom.reader import read_radiograph
from tests.support.dicom_sources import COLUMNS, ROWS, source, write
from tests.support.drawn import joint
from tests.support.separated import SOFTWARE, errors, joints, reread


def padded(vr, value, limit=None, **settings):
    made = source(**settings)
    made.add_new("PixelPaddingValue", vr, value)
    if limit is not None:
        made.add_new("PixelPaddingRangeLimit", vr, limit)
    return made


@pytest.mark.parametrize(
    ("vr", "value", "limit", "signed", "bits", "ends"),
    [
        ("SS", -2048, None, True, 12, (-2048, -2048)),
        ("US", 63488, None, True, 12, (-2048, -2048)),
        ("US", 2048, None, True, 12, (-2048, -2048)),
        ("OW", b"\x00\xf8", None, True, 12, (-2048, -2048)),
        ("US", 63488, 63536, True, 12, (-2048, -2000)),
        ("US", 128, None, True, 8, (-128, -128)),
        ("US", 65535, None, False, 16, (65535, 65535)),
        ("SS", -1, None, False, 16, (65535, 65535)),
        ("SS", -1, -36, False, 16, (65500, 65535)),
        ("US", 7, 0, False, 12, (0, 7)),
        ("US", 100, None, True, 12, (100, 100)),
        # Of no pixel: white pixels of 12 bits are no padding.
        ("US", 65535, None, False, 12, (65535, 65535)),
    ],
)
def test_padding_is_read_by_the_sign_of_the_pixels_whichever_vr_it_is_written_in(vr, value, limit, signed, bits, ends):
    assert padding_of(padded(vr, value, limit, signed=signed, bits=bits)) == ends


def test_a_header_without_a_value_declares_no_padding():
    assert padding_of(source()) is None
    assert padding_of(source(PixelPaddingRangeLimit=3)) is None


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_of_a_signed_source_is_black_and_declared_by_its_layers(tmp_path, photometric):
    levels, _ = joint(ROWS, COLUMNS, 12)
    levels = np.clip(levels, 48, 4095 - 48)
    levels[:30] = 4095 if photometric == "MONOCHROME1" else 0
    made = padded("US", 63488, photometric=photometric, signed=True, levels=levels)
    of = read_radiograph(write(made, tmp_path / "image.dcm"))
    assert of.padded[:30].all()
    assert not of.padded[30:].any()
    assert (of.gray((0, 0, ROWS, COLUMNS))[:30] == 0).all()
    layer = reread(derive(of, joints(of), SOFTWARE).all[0])
    # As unsigned values: 2048 more.
    assert layer.PixelPaddingValue == 0
    assert (layer.pixel_array[0] == 0).all()
    assert errors(layer, tmp_path) == []
