import numpy as np
import pytest

from scripts.dicom.derive import derive
from scripts.dicom.joint import MASKED
from scripts.dicom.reader import read_radiograph
from scripts.dicom.transformations import Window, transformations_of
from scripts.physics import UPPER
from tests.support.dcmtk import needs_dcmtk, rendered
from tests.support.dicom_sources import COLUMNS, ROWS, source, write
from tests.support.drawn import joint
from tests.support.luts import lut, modality_lut, presentation_lut, voi_lut
from tests.support.separated import SOFTWARE, errors, inside_alone, joints, reread

RISING = np.arange(4096)
FALLING = RISING[::-1]
BENT = (np.linspace(0, 1, 4096) ** 2 * 65535).astype(int)
EIGHT = (FALLING // 16).astype(int)
WINDOW = [(2048, 3000)]
MONOCHROME1 = {"PhotometricInterpretation": "MONOCHROME1"}
INVERSE, IDENTITY = {"PresentationLUTShape": "INVERSE"}, {"PresentationLUTShape": "IDENTITY"}

TURNS = {
    "nothing": (0, {}),
    "photometric interpretation": (1, MONOCHROME1),
    "presentation LUT shape": (1, INVERSE),
    "both, which are one": (1, {**MONOCHROME1, **INVERSE}),
    "a shape of identity, which takes photometric interpretation back": (0, {**MONOCHROME1, **IDENTITY}),
    "slope": (1, {"rescale": (-1.0, 4095.0)}),
    "slope and a window": (1, {"rescale": (-1.0, 4095.0), "window": WINDOW}),
    "slope and photometric interpretation": (2, {"rescale": (-0.5, 10.0), **MONOCHROME1}),
    "modality LUT": (1, modality_lut(FALLING * 16)),
    "modality LUT and a window": (1, {**modality_lut(FALLING, bits=12), "window": WINDOW}),
    "bent modality LUT and a window": (1, {**modality_lut(BENT[::-1]), "window": [(30000, 60000)]}),
    "bent modality LUT": (1, modality_lut(BENT[::-1])),
    "modality LUT of packed entries of 8 bits": (
        1,
        {**modality_lut(EIGHT, bits=8, packed=True), "window": [(128, 200)]},
    ),
    "modality LUT of entries of 8 bits with a word each": (1, modality_lut(EIGHT, bits=8)),
    "modality LUT and presentation LUT shape": (2, {**modality_lut(FALLING, bits=12), **INVERSE}),
    "VOI LUT": (1, voi_lut(FALLING, bits=12)),
    "VOI LUT of packed entries of 8 bits": (1, voi_lut(EIGHT, bits=8, packed=True)),
    "bent VOI LUT": (1, voi_lut(BENT[::-1])),
    "VOI LUT and slope": (2, {**voi_lut(FALLING, first=-4095, bits=12, vr="SS"), "rescale": (-1.0, 0.0)}),
    "VOI LUT and modality LUT": (2, {**voi_lut(FALLING, bits=12), **modality_lut(FALLING, bits=12)}),
    "VOI LUT and photometric interpretation": (2, {**voi_lut(FALLING, bits=12), **MONOCHROME1}),
    "not a VOI LUT behind a window": (0, {**voi_lut(FALLING, bits=12), "window": WINDOW}),
    # The shape stands for photometric interpretation.
    "all of them": (
        3,
        {
            **{**MONOCHROME1, **INVERSE, "rescale": (-1.0, 0.0)},
            **voi_lut(FALLING, first=-4095, bits=12, vr="SS"),
        },
    ),
}
# DCMTK does not look at this one, which no radiograph should have.
PRESENTED = {
    "presentation LUT": (1, presentation_lut(FALLING, bits=12)),
    "presentation LUT and slope": (2, {**presentation_lut(FALLING, bits=12), "rescale": (-1.0, 4095.0)}),
    "bent presentation LUT and a window": (1, {**presentation_lut(BENT[::-1]), "window": WINDOW}),
    "presentation LUT instead of photometric interpretation": (0, {**presentation_lut(RISING, bits=12), **MONOCHROME1}),
}


def turned(turns, settings):
    """A source in which bone is shown bright, stored in the order that its header turns so many times."""
    levels, _ = joint(ROWS, COLUMNS, 12)
    return source(kind="CR", levels=4095 - levels if turns % 2 else levels, **settings)


@pytest.mark.parametrize("name", [*TURNS, *PRESENTED])
def test_bone_is_bright_whatever_turns_the_polarity(tmp_path, name):
    of = read_radiograph(write(turned(*(TURNS | PRESENTED)[name]), tmp_path / "source.dcm"))
    assert (of.levels == joint(ROWS, COLUMNS, 12)[0]).all()


@needs_dcmtk
@pytest.mark.parametrize("name", TURNS)
def test_dcmtk_shows_a_bone_as_in_the_source_and_bright(tmp_path, name):
    made = turned(*TURNS[name])
    of = read_radiograph(write(made, tmp_path / "source.dcm"))
    joint = joints(of)[0]
    top, left, bottom, right = joint.box
    bone = inside_alone(joint, UPPER)
    shown = rendered(made, tmp_path)[top:bottom, left:right]
    assert shown[bone].mean() > 1.2 * shown[~joint.masks.any(axis=0)].mean()
    layer = reread(derive(of, joints(of), SOFTWARE).all[0])
    assert np.abs(rendered(layer, tmp_path) - shown)[bone].max() <= 2
    assert errors(layer, tmp_path) == []


@needs_dcmtk
@pytest.mark.parametrize("name", ["VOI LUT", "presentation LUT shape", "modality LUT and a window"])
def test_dcmtk_shows_what_is_cut_out_on_black(tmp_path, name):
    of = read_radiograph(write(turned(*TURNS[name]), tmp_path / "source.dcm"))
    layer = reread(derive(of, joints(of, kind=MASKED), SOFTWARE).all[0])
    # DCMTK rounds an inverted black to 1.
    assert (rendered(layer, tmp_path)[layer.pixel_array == layer.PixelPaddingValue] <= 1).all()


def test_a_line_of_a_modality_lut_is_a_rescale():
    steps = transformations_of(source(kind="CR", **modality_lut(FALLING * 16)), [])
    assert steps.rescale == (-16, 4095 * 16)
    assert transformations_of(source(kind="CR", **modality_lut(BENT)), []).rescale is None


def test_the_first_value_of_a_modality_lut_is_signed_if_pixels_are():
    for vr, first in (("SS", -2048), ("US", 63488)):
        made = source(kind="CR", signed=True, **modality_lut(RISING, first=first, bits=12, vr=vr))
        assert transformations_of(made, []).rescale == (1, 2048)


def test_the_first_value_of_a_voi_lut_behind_a_modality_lut_is_unsigned():
    made = source(
        kind="CR",
        signed=True,
        **modality_lut(RISING * 16, first=-2048, vr="SS"),
        VOILUTSequence=[lut(RISING, first=40000, vr="US")],
    )
    assert transformations_of(made, []).luts[0].first == 40000


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_a_window_shows_half_at_its_center(function):
    window = Window(100, 51, function)
    center = 99.5 if function == "LINEAR" else 100
    assert window.shown(np.array([center])) == pytest.approx(0.5)
    assert window.shown(np.array([-(10**6), 10**6])) == pytest.approx([0, 1])


def test_a_window_of_width_1_is_a_threshold():
    assert Window(100, 1).shown(np.array([99, 99.5, 100])).tolist() == [0, 0, 1]
