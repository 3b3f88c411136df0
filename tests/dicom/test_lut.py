import numpy as np
import pytest

from scripts.dicom.lut import read_lut
from tests.support.luts import lut

RISING = np.arange(256)


@pytest.mark.parametrize("count", [256, 255])
@pytest.mark.parametrize("packed", [True, False])
def test_entries_of_8_bits_are_packed_or_have_a_word_each(packed, count):
    found = read_lut(lut(RISING[:count], bits=8, packed=packed), 0, 255)
    assert (found.entries == RISING[:count]).all()
    assert (found.bits, found.top, found.last) == (8, 255, count - 1)


def test_the_upper_half_of_a_word_with_8_bits_may_hold_anything():
    found = read_lut(lut(RISING + 0x7700, bits=8), 0, 255)
    assert (found.entries == RISING).all()


@pytest.mark.parametrize("packed", [True, False])
def test_words_of_big_endian_files_are_turned(packed):
    item = lut(RISING * (1 if packed else 16), bits=8 if packed else 12, packed=packed)
    item.LUTData = np.frombuffer(item.LUTData, "<u2").astype(">u2").tobytes()
    assert (read_lut(item, 0, 255, big_endian=True).entries == RISING * (1 if packed else 16)).all()


def test_data_that_are_numbers_are_read_as_words():
    item = lut(RISING, bits=8, packed=True)
    item.add_new("LUTData", "US", np.frombuffer(item.LUTData, "<u2").tolist())
    assert (read_lut(item, 0, 255).entries == RISING).all()
    item.add_new("LUTData", "US", RISING.tolist())
    assert (read_lut(item, 0, 255).entries == RISING).all()


@pytest.mark.parametrize(
    ("vr", "first", "low", "read"),
    [
        ("SS", -1024, -1024, -1024),
        ("US", 64512, -1024, -1024),
        ("US", 40000, 0, 40000),
        ("SS", -25536, 0, 40000),
        ("SS", -10, 0, -10),
        ("US", 40000, -1, 40000),
    ],
)
def test_the_first_value_is_signed_if_the_values_that_come_in_are_whatever_its_vr(vr, first, low, read):
    found = read_lut(lut(RISING, first=first, bits=8, vr=vr, packed=True), low, 65535 if read > 0 else 4095)
    assert found.first == read


def test_an_empty_count_means_65536_entries():
    assert len(read_lut(lut(np.arange(65536)), 0, 65535).entries) == 65536


def test_values_outside_of_a_table_have_its_first_and_its_last_entry():
    found = read_lut(lut([5, 7, 9], first=10, bits=12), 0, 4095)
    assert found(np.array([-3, 10, 11, 12.4, 4000])).tolist() == [5, 5, 7, 9, 9]
    assert found.used == (10, 12)


def test_entries_that_are_larger_than_their_bits_have_more():
    assert read_lut(lut([0, 5000], bits=12), 0, 1).bits == 13


@pytest.mark.parametrize("broken", ["descriptor", "bits", "data", "short", "flat", "text"])
def test_a_table_that_cannot_be_read_is_none(broken):
    item = lut(RISING * 16, bits=12)
    if broken == "descriptor":
        item.LUTDescriptor = [256, 0]
    elif broken == "bits":
        item.LUTDescriptor = [256, 0, 99]
    elif broken == "data":
        del item.LUTData
    elif broken == "short":
        item.LUTData = item.LUTData[:40]
    elif broken == "flat":
        item.LUTData = b"\7\0" * 256
    else:
        item.add_new("LUTData", "LO", "words")
    assert read_lut(item, 0, 255) is None
