import io
import struct
import zlib

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from scripts.errors import InputError
from scripts.inference.image_file import PLAIN_AFFINE, read_mask, read_picture, suffix_of
from tests.support.drawn import joint

LEVELS, MASKS = joint(96, 80)
GRAY = LEVELS.astype(np.uint8)
AFFINE = np.array([[0.0, -0.15, 0, 7], [-0.15, 0, 0, -3], [0, 0, 2.0, 1], [0, 0, 0, 1]])


def save(path, values, affine=None):
    """Write rows and columns as the suffix says."""
    if suffix_of(path) in (".nii", ".nii.gz"):
        nib.save(nib.Nifti1Image(values, np.eye(4) if affine is None else affine), path)
    else:
        Image.fromarray(values).save(path)
    return path


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".tiff", ".PNG"])
def test_an_8_bit_raster_gives_its_stored_levels_in_rows_and_columns(tmp_path, suffix):
    picture = read_picture(save(tmp_path / f"joint{suffix}", GRAY))
    assert picture.levels.shape == (96, 80)
    assert (picture.levels == GRAY).all()
    assert (picture.bits_stored, picture.container, picture.white, picture.notes) == (8, 8, 255, ())
    assert (picture.affine == PLAIN_AFFINE).all()


def test_a_jpeg_is_read_as_pillow_decodes_it(tmp_path):
    path = save(tmp_path / "joint.jpg", GRAY)
    assert (read_picture(path).levels == np.asarray(Image.open(path))).all()


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("bits", [10, 12, 14, 16])
def test_a_16_bit_file_has_the_fewest_bits_that_hold_its_maximum(tmp_path, suffix, bits):
    levels, _ = joint(bits=bits)
    levels[0, 0] = 2**bits - 1
    picture = read_picture(save(tmp_path / f"joint{suffix}", levels.astype(np.uint16)))
    assert (picture.levels == levels).all()
    assert (picture.bits_stored, picture.container) == (bits, 16)
    assert bool(picture.notes) == (bits < 16)


def test_levels_of_8_bits_in_a_16_bit_file_stay_in_16_bits(tmp_path):
    picture = read_picture(save(tmp_path / "joint.png", GRAY.astype(np.uint16)))
    assert (picture.bits_stored, picture.container) == (8, 16)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.float32, np.float64, ">i2"])
def test_a_nifti_gives_its_whole_numbers_in_rows_and_columns(tmp_path, suffix, dtype):
    picture = read_picture(save(tmp_path / f"joint{suffix}", GRAY.T.astype(dtype), AFFINE))
    assert picture.levels.shape == (96, 80)
    assert (picture.levels == GRAY).all()
    assert (picture.bits_stored, picture.container, picture.step, picture.dimensions) == (8, 8, 1.0, 2)
    assert np.allclose(picture.affine, AFFINE)


def test_a_nifti_of_one_slice_keeps_its_third_dimension(tmp_path):
    picture = read_picture(save(tmp_path / "joint.nii.gz", GRAY.T[..., None]))
    assert picture.dimensions == 3
    assert (picture.levels == GRAY).all()


def test_floats_of_0_to_1_are_put_on_a_grid_of_16_bits_and_say_so(tmp_path):
    picture = read_picture(save(tmp_path / "joint.nii.gz", (GRAY.T / 255).astype(np.float32)))
    assert (picture.levels == GRAY.astype(int) * 257).all()
    assert (picture.bits_stored, picture.step) == (16, 1 / 65535)
    assert "grid of 16 bits" in picture.notes[-1]


def test_a_nifti_whose_affine_lets_rows_run_up_says_how_it_was_read(tmp_path):
    assert "towards A" in read_picture(save(tmp_path / "up.nii", GRAY.T, np.eye(4))).notes[0]
    assert not read_picture(save(tmp_path / "down.nii", GRAY.T, PLAIN_AFFINE)).notes


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P", "PA"])
def test_colour_with_equal_channels_is_read_as_gray_with_a_note(tmp_path, mode):
    suffix = ".tif" if mode == "PA" else ".png"
    Image.fromarray(GRAY).convert(mode).save(tmp_path / f"joint{suffix}")
    picture = read_picture(tmp_path / f"joint{suffix}")
    assert (picture.levels == GRAY).all()
    assert ("opaque alpha" in " ".join(picture.notes)) == mode.endswith("A")
    assert ("equal channels" in " ".join(picture.notes)) == (mode != "LA")


def colour(path):
    Image.fromarray(np.stack([GRAY, GRAY, GRAY ^ 1], axis=2)).save(path)


def transparent(path):
    Image.merge("LA", (Image.fromarray(GRAY), Image.fromarray(GRAY))).save(path)


def pages(path):
    Image.fromarray(GRAY).save(path, save_all=True, append_images=[Image.fromarray(GRAY)])


def cmyk(path):
    Image.fromarray(GRAY).convert("CMYK").save(path)


def white_is_zero(path):
    Image.fromarray(GRAY.astype(np.uint16)).save(path, tiffinfo={262: 0})
    raw = bytearray(path.read_bytes())
    at = raw.index(struct.pack("<HHI", 262, 3, 1))
    raw[at + 8 : at + 10] = struct.pack("<H", 0)
    path.write_bytes(raw)


def colour_of_16_bits(path):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in np.stack([LEVELS] * 3, axis=2))
    header = struct.pack(">IIBBBBB", 80, 96, 16, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)


def truncated(path):
    buffer = io.BytesIO()
    Image.fromarray(GRAY).save(buffer, "PNG")
    path.write_bytes(buffer.getvalue()[:-900])


def truncated_nifti(path):
    save(path, GRAY.T)
    path.write_bytes(path.read_bytes()[:-100])


def with_nan(path):
    values = GRAY.T / np.float32(255)
    values[3, 4] = np.nan
    values[5, 6] = np.inf
    save(path, values)


def complex_numbers(path):
    save(path, GRAY.T.astype(np.complex64))


REFUSALS = {
    "missing.png": (lambda path: None, "no such file"),
    "empty.png": (lambda path: path.touch(), "an empty file, 0 bytes"),
    "empty.nii.gz": (lambda path: path.touch(), "an empty file, 0 bytes"),
    "truncated.png": (truncated, "not a readable image"),
    "truncated.nii": (truncated_nifti, "not a readable image"),
    "truncated.nii.gz": (truncated_nifti, "not a readable image"),
    "words.tif": (lambda path: path.write_text("not an image"), "not a readable image"),
    "words.nii": (lambda path: path.write_text("not an image"), "not a readable image"),
    "gif.png": (lambda path: Image.fromarray(GRAY).save(path, "GIF"), "not a readable image"),
    "black.png": (lambda path: save(path, GRAY * 0), "every pixel is 0, a constant image"),
    "constant.png": (lambda path: save(path, GRAY * 0 + 37), "every pixel is 37, a constant image"),
    "faint.nii": (lambda path: save(path, GRAY.T * np.float32(1e-9)), "a constant image"),
    "colour.png": (colour, "a colour image, its channels differ by up to 1 levels"),
    "colour16.png": (colour_of_16_bits, r"16-bit colour \(RGB;16B\)"),
    "cmyk.tif": (cmyk, "colour space CMYK"),
    "transparent.png": (transparent, f"transparent pixels, alpha down to {GRAY.min()} of 255"),
    "inverted.tif": (white_is_zero, "expected bright = more attenuation, got white stored as zero"),
    "pages.tif": (pages, "a 3-D volume or film of 2 pages"),
    "bomb.png": (lambda path: Image.new("1", (12000, 9000)).save(path), "9000 rows x 12000 columns"),
    "huge.png": (lambda path: Image.new("1", (30000, 9000)).save(path), "not a readable image .*bomb"),
    "small.png": (lambda path: save(path, GRAY[:63]), "63 rows x 80 columns, a region of one joint has 64 to 1024 px"),
    "large.png": (lambda path: save(path, np.tile(GRAY, (1, 13))), "96 rows x 1040 columns"),
    "volume.nii.gz": (lambda path: save(path, np.stack([GRAY.T] * 5, axis=2)), "a 3-D volume of 80 x 96 x 5"),
    "line.nii": (lambda path: save(path, GRAY[0]), "a 1-D volume of 80"),
    "nan.nii.gz": (with_nan, "2 of 7,680 pixels are NaN or infinite"),
    "negative.nii": (lambda path: save(path, GRAY.T.astype(np.int16) - 1000), "expected values of 0 or more, got -"),
    "fractions.nii": (lambda path: save(path, GRAY.T * np.float32(0.3)), "not whole numbers"),
    "wide.nii": (lambda path: save(path, GRAY.T.astype(np.int32) * 1000), r"at most 16 bits \(65535\)"),
    "complex.nii": (complex_numbers, "values of type complex64"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_bad_picture_is_refused_by_name_and_value(tmp_path, name):
    make, why = REFUSALS[name]
    make(tmp_path / name)
    with pytest.raises(InputError, match=f"^{name}: .*{why}"):
        read_picture(tmp_path / name)


@pytest.mark.parametrize("brightest", [1, 255])
@pytest.mark.parametrize("suffix", [".png", ".bmp", ".nii.gz"])
def test_masks_of_0_and_1_and_of_0_and_255_are_the_same(tmp_path, brightest, suffix):
    mask = MASKS[0].astype(np.uint8) * np.uint8(brightest)
    path = save(tmp_path / f"mask{suffix}", mask.T if suffix == ".nii.gz" else mask)
    assert (read_mask(path, (96, 80)) == MASKS[0]).all()


def test_a_mask_of_one_bit_is_read(tmp_path):
    Image.fromarray(MASKS[0]).save(tmp_path / "mask.png")
    assert (read_mask(tmp_path / "mask.png", (96, 80)) == MASKS[0]).all()


def test_a_mask_may_hold_the_whole_picture_but_not_nothing(tmp_path):
    assert read_mask(save(tmp_path / "full.png", GRAY * 0 + 255), (96, 80)).all()
    with pytest.raises(InputError, match=r"^none\.png: an empty mask"):
        read_mask(save(tmp_path / "none.png", GRAY * 0), (96, 80))


def test_a_mask_of_another_size_is_refused_with_both_sizes(tmp_path):
    path = save(tmp_path / "mask.png", GRAY[:50])
    with pytest.raises(InputError, match=r"mask\.png: 50 rows x 80 columns, its image has 96 rows x 80 columns"):
        read_mask(path, (96, 80))


def encoded(suffix):
    buffer = io.BytesIO()
    if suffix == ".nii":
        return nib.Nifti1Image(GRAY.T, np.eye(4)).to_bytes()
    Image.fromarray(GRAY).save(buffer, {".png": "PNG", ".jpg": "JPEG", ".bmp": "BMP", ".tif": "TIFF"}[suffix])
    return buffer.getvalue()


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif", ".nii"])
@settings(max_examples=60, deadline=None)
@given(places=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=6), keep=st.floats(0, 1))
def test_broken_bytes_end_in_a_refusal_or_a_picture(tmp_path_factory, suffix, places, keep):
    raw = bytearray(encoded(suffix))
    for place, value in places:
        # Most bytes of a file are pixels: half of the places are drawn from its first 400 bytes.
        raw[int(place * 2 * 399) if place < 0.5 else int((place - 0.5) * 2 * (len(raw) - 1))] = value
    path = tmp_path_factory.mktemp("broken") / f"joint{suffix}"
    path.write_bytes(raw[: int(len(raw) * keep)] if keep < 0.3 else raw)
    try:
        picture = read_picture(path)
    except InputError:
        return
    assert picture.levels.min() >= 0
    assert picture.levels.max() <= picture.white
