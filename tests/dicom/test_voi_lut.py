import itertools

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.pixels import apply_modality_lut, apply_voi_lut

from scripts.dicom.derive import derive
from scripts.dicom.grayscale import Grayscale
from scripts.dicom.reader import read_radiograph
from scripts.dicom.voi_lut import voi
from scripts.physics import UPPER
from tests.support.dicom_sources import TRANSFER_SYNTAXES, source, write
from tests.support.separated import SOFTWARE, inside_alone, joints, radiograph, reread

CURVE = [int(entry) for entry in np.linspace(0, 1, 3000) ** 2 * 4095]
SHOWN = {
    "window": {"window": [(500, 3000)]},
    "exact window": {"window": [(500, 3000)], "VOILUTFunction": "LINEAR_EXACT"},
    "sigmoid": {"window": [(500, 3000)], "VOILUTFunction": "SIGMOID"},
    "VOI LUT": {"voi_lut": CURVE},
}


def brightness(dataset, stored):
    """0..1 as a viewer shows the stored values."""
    shown = apply_voi_lut(apply_modality_lut(stored, dataset), dataset).astype(float)
    if "VOILUTSequence" in dataset:
        shown /= 2 ** dataset.VOILUTSequence[0].LUTDescriptor[2] - 1
    else:
        ends = apply_voi_lut(np.array([-(10**6), 10**6]), dataset).astype(float)
        shown = (shown - ends[0]) / (ends[1] - ends[0])
    return 1 - shown if dataset.PhotometricInterpretation == "MONOCHROME1" else shown


@pytest.mark.parametrize("shown", SHOWN)
@pytest.mark.parametrize("rescale", [None, (2.0, -100.0), (0.5, -3.0), (-1.0, 50.0)], ids=str)
def test_a_bone_is_shown_as_in_the_source(tmp_path, rescale, shown):
    for photometric, signed in itertools.product(("MONOCHROME1", "MONOCHROME2"), (False, True)):
        made = source(kind="CR", photometric=photometric, signed=signed, rescale=rescale, **SHOWN[shown])
        path = write(made, tmp_path / "source.dcm")
        of = read_radiograph(path)
        joint = joints(of)[0]
        layer, original = reread(derive(of, joints(of), SOFTWARE).all[0]), dcmread(path)
        top, left, bottom, right = joint.box
        region, alone = original.pixel_array[top:bottom, left:right], inside_alone(joint, UPPER)
        assert (layer.pixel_array[alone].astype(int) == region[alone].astype(int) + of.grayscale.offset).all()
        difference = brightness(original, region) - brightness(layer, layer.pixel_array)
        assert np.abs(difference[alone]).max() < 1e-3


def modality_lut(entries):
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(entries), 0, 16])
    item.add_new("LUTData", "OW", np.asarray(entries, "<u2").tobytes())
    item.ModalityLUTType = "US"
    return {"ModalityLUTSequence": [item]}


def test_behind_a_modality_lut_a_window_becomes_a_voi_lut(tmp_path):
    curve = (np.linspace(0, 1, 4096) ** 0.5 * 65535).astype(int)
    path = write(source(kind="CR", window=[(30000, 20000)], **modality_lut(curve)), tmp_path / "source.dcm")
    of = read_radiograph(path)
    layer, original = reread(derive(of, joints(of), SOFTWARE).all[0]), dcmread(path)
    assert "WindowCenter" not in layer
    stored = np.arange(4096, dtype=np.uint16)
    expected = apply_voi_lut(apply_modality_lut(stored, original), original) / 65535
    assert brightness(layer, stored) == pytest.approx(expected, abs=1e-3)


PLAIN = Grayscale(12, False, False, 100.0, 900.0, "bit depth")


def test_a_source_without_a_window_is_shown_from_black_to_white():
    shown = voi(source(kind="CR"), PLAIN)
    assert (shown.WindowCenter, shown.WindowWidth) == (500.5, 801)
    inverted = voi(source(kind="CR"), Grayscale(12, False, True, 100.0, 900.0, "bit depth"))
    assert (inverted.WindowCenter, inverted.WindowWidth) == (4095 - 500 + 0.5, 801)


def test_windows_and_luts_that_cannot_be_used_are_passed_over():
    broken = Dataset()
    broken.LUTExplanation = "no descriptor"
    made = source(kind="CR", window=[(500, 0), (300, 200)], VOILUTSequence=[broken], RescaleSlope=0, RescaleIntercept=7)
    shown = voi(made, PLAIN)
    assert (shown.WindowCenter, shown.WindowWidth) == (300, 200)
    assert "WindowCenterWidthExplanation" not in shown
    assert "VOILUTSequence" not in shown
    no_table = source(kind="CR", window=[(500, 100)], ModalityLUTSequence=[Dataset()])
    assert voi(no_table, PLAIN).WindowCenterWidthExplanation == "Black to white"


def test_all_windows_are_kept_with_their_explanations(tmp_path):
    of = radiograph(tmp_path, window=[(500, 100), (700, 300)], WindowCenterWidthExplanation=["BONE", "SKIN"])
    layer = reread(derive(of, joints(of), SOFTWARE).all[0])
    assert (layer.WindowCenter, layer.WindowWidth) == ([500, 700], [100, 300])
    assert layer.WindowCenterWidthExplanation == ["BONE", "SKIN"]


@pytest.mark.parametrize("syntax", TRANSFER_SYNTAXES[1:4], ids=lambda uid: uid.name)
def test_a_lut_is_the_same_in_every_byte_order_and_encoding(tmp_path, syntax):
    plain, other = (
        radiograph(tmp_path, kind="CR", voi_lut=CURVE, transfer_syntax=each) for each in (TRANSFER_SYNTAXES[0], syntax)
    )
    made = [voi(of.dataset, of.grayscale).VOILUTSequence[0].LUTData for of in (plain, other)]
    assert made[0] == made[1]
    assert plain.grayscale == other.grayscale


def test_a_lut_that_starts_below_zero_is_read_so_where_its_descriptor_is_unsigned(tmp_path):
    made = source(kind="CR", rescale=(1.0, -1000.0), voi_lut=CURVE)
    first = made.VOILUTSequence[0].LUTDescriptor[1]
    assert first == -1000
    as_read = voi(made, PLAIN).VOILUTSequence[0].LUTData
    made.VOILUTSequence[0].add_new("LUTDescriptor", "US", [3000, 2**16 - 1000, 12])
    assert voi(made, PLAIN).VOILUTSequence[0].LUTData == as_read
