import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset

from scripts.dicom.grayscale import Grayscale, grayscale_of
from tests.support.dicom_sources import source


@st.composite
def scales(draw):
    bits = draw(st.integers(8, 16))
    black = draw(st.floats(-70000, 70000))
    white = black + draw(st.floats(1, 2**18))
    return Grayscale(bits, draw(st.booleans()), draw(st.booleans()), black, white, "window")


@given(scales(), st.data())
def test_stored_values_come_back_from_their_levels(scale, data):
    low = -scale.offset
    stored = np.array(data.draw(st.lists(st.integers(low, low + scale.top), min_size=1)))
    levels = scale.levels(stored)
    assert levels.min() >= 0
    assert levels.max() <= scale.top
    assert (scale.stored(levels) == stored).all()
    assert (scale.unsigned(levels).astype(int) - scale.offset == stored).all()


@given(scales(), st.data())
def test_a_brighter_level_is_a_brighter_gray_level_and_levels_come_back_from_gray_levels(scale, data):
    levels = np.sort(np.array(data.draw(st.lists(st.integers(0, scale.top), min_size=2))))
    gray = scale.gray(levels)
    assert (np.diff(gray) >= 0).all()
    assert gray.min() >= 0
    assert gray.max() <= 1
    inside = (levels > scale.black) & (levels < scale.white)
    for level, value in zip(levels[inside], gray[inside], strict=True):
        assert scale.level(float(value)) == pytest.approx(level, abs=(scale.white - scale.black) * 1e-6)


@given(scales(), st.data())
def test_the_smallest_stored_value_is_the_brightest_if_the_scale_is_inverted(scale, data):
    stored = np.sort(np.array(data.draw(st.lists(st.integers(-scale.offset, scale.top - scale.offset), min_size=2))))
    steps = np.diff(scale.levels(stored))
    assert (steps <= 0).all() if scale.inverted else (steps >= 0).all()


def found(**settings):
    dataset = source(**settings)
    bits, offset = dataset.BitsStored, 2 ** (dataset.BitsStored - 1) * dataset.PixelRepresentation
    return grayscale_of(dataset, np.array([100 - offset, 2**bits // 2 - offset]))


def test_a_window_of_the_whole_range_is_the_whole_range():
    scale, notes = found(bits=12, window=[(2048, 4096)])
    assert (scale.black, scale.white) == (0, 4095)
    assert (scale.origin, notes) == ("window", [])


@pytest.mark.parametrize(
    ("function", "ends"), [("LINEAR", (100, 299)), ("LINEAR_EXACT", (100, 300)), ("SIGMOID", (100, 300))]
)
def test_the_ends_of_a_window_are_those_of_its_function(function, ends):
    scale, _ = found(bits=10, window=[(200, 200)], VOILUTFunction=function)
    assert (scale.black, scale.white) == ends


def test_of_several_windows_the_first_usable_one_counts():
    scale, notes = found(bits=12, window=[(500, 0), (300, 201), (100, 20)])
    assert (scale.black, scale.white) == (199.5, 399.5)
    assert notes == ["a window without a usable center and width was passed over"]


def test_a_window_stands_in_rescaled_values():
    scale, _ = found(kind="CR", bits=12, window=[(0, 2001)], rescale=(2.0, -1000.0))
    assert (scale.black, scale.white) == (-0.25, 999.75)


def test_black_and_white_change_places_where_the_smallest_value_is_white():
    scale, _ = found(bits=12, photometric="MONOCHROME1", window=[(1000.5, 1001)])
    assert scale.inverted
    assert (scale.black, scale.white) == (4095 - 1500, 4095 - 500)


def test_a_negative_slope_turns_the_polarity():
    assert found(kind="CR", bits=12, rescale=(-1.0, 4095.0))[0].inverted
    assert not found(kind="CR", bits=12, photometric="MONOCHROME1", rescale=(-1.0, 4095.0))[0].inverted


def test_a_signed_window_counts_from_the_darkest_value_that_can_be_stored():
    scale, _ = found(bits=12, signed=True, window=[(0.5, 101)])
    assert (scale.black, scale.white) == (2048 - 50, 2048 + 50)


def test_a_lut_is_used_from_where_it_begins_to_where_it_ends_to_change():
    lut = [0] * 101 + list(range(1, 200)) + [200] * 1000
    scale, _ = found(bits=12, voi_lut=lut, kind="CR")
    assert (scale.black, scale.white, scale.origin) == (100, 300, "VOI LUT")


def test_without_a_window_the_smallest_bit_depth_that_holds_the_values_is_taken():
    dataset = source(kind="CR", bits=16)
    scale, notes = grayscale_of(dataset, np.array([0, 3000]))
    assert (scale.black, scale.white, scale.origin) == (0, 4095, "bit depth")
    assert "no usable window" in notes[0]
    signed = source(kind="CR", bits=16, signed=True)
    scale, _ = grayscale_of(signed, np.array([-300, 400]))
    assert (scale.black, scale.white) == (2**15 - 512, 2**15 + 511)
    inverted = source(kind="CR", bits=16, photometric="MONOCHROME1")
    scale, _ = grayscale_of(inverted, np.array([0, 3000]))
    assert (scale.black, scale.white) == (65535 - 4095, 65535)


@pytest.mark.parametrize(("sign", "photometric", "inverted"), [(1, "MONOCHROME2", True), (-1, "MONOCHROME1", False)])
def test_an_image_for_processing_says_by_its_sign_which_end_is_bone(sign, photometric, inverted):
    dataset = source(kind="DX for processing", photometric=photometric, PixelIntensityRelationshipSign=sign)
    scale, _ = grayscale_of(dataset, np.array([200, 3000]))
    assert scale.inverted == inverted
    assert scale.origin == "darkest and brightest value"
    assert (scale.black, scale.white) == ((4095 - 3000, 4095 - 200) if inverted else (200, 3000))


def test_a_rescale_that_is_none_is_passed_over_with_a_note():
    dataset = source(kind="CR", window=[(2048, 4096)])
    dataset.RescaleSlope, dataset.RescaleIntercept = 0.0, 3.0
    scale, notes = grayscale_of(dataset, np.array([0, 4095]))
    assert (scale.black, scale.white) == (0, 4095)
    assert "Rescale" in notes[0]


def test_a_modality_lut_keeps_windows_from_being_used():
    item = Dataset()
    item.LUTDescriptor, item.ModalityLUTType = [4, 0, 16], "US"
    dataset = source(kind="CR", window=[(200, 100)], ModalityLUTSequence=[item])
    scale, notes = grayscale_of(dataset, np.array([0, 3000]))
    assert scale.origin == "bit depth"
    assert "Modality LUT" in notes[0]


@pytest.mark.parametrize("table", [[], [5, 5, 5]])
def test_a_lut_that_tells_nothing_apart_is_not_used(table):
    dataset = source(kind="CR", bits=12)
    item = Dataset()
    item.LUTDescriptor = [len(table), 0, 16]
    item.LUTData = table
    dataset.VOILUTSequence = [item]
    assert grayscale_of(dataset, np.array([0, 3000]))[0].origin == "bit depth"
