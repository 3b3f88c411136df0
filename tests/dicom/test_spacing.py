import pytest

from scripts.dicom.derive import derive
from scripts.dicom.reader import read_radiograph
from scripts.dicom.spacing import Origin, spacing_of
from scripts.errors import InputError
from tests.support.dicom_sources import source, write
from tests.support.separated import SOFTWARE, errors, joints, radiograph, reread

ENLARGED = {"EstimatedRadiographicMagnificationFactor": "1.5"}
DISTANCES = {"DistanceSourceToDetector": "1500", "DistanceSourceToPatient": "1000"}
GEOMETRY, FIDUCIAL = ({"PixelSpacingCalibrationType": kind} for kind in ("GEOMETRY", "FIDUCIAL"))


def sides(keyword, side):
    return {keyword: [side, side]}


IMAGER, SCANNED, PIXEL, SAME = (
    sides("ImagerPixelSpacing", 0.15),
    sides("NominalScannedPixelSpacing", 0.15),
    sides("PixelSpacing", 0.12),
    sides("PixelSpacing", 0.15),
)
CASES = {
    "at the detector": (IMAGER, 0.15, Origin.DETECTOR),
    "of a film": (SCANNED, 0.15, Origin.DETECTOR),
    "with a magnification": ({**IMAGER, **ENLARGED}, 0.1, Origin.DIVIDED),
    "with distances of the source": ({**IMAGER, **DISTANCES}, 0.1, Origin.DIVIDED),
    "with a magnification that distances contradict": (
        {**IMAGER, **ENLARGED, "DistanceSourceToDetector": "2000", "DistanceSourceToPatient": "1000"},
        *(0.1, Origin.DIVIDED),
    ),
    "with a magnification of none and distances": (
        {**IMAGER, **DISTANCES, "EstimatedRadiographicMagnificationFactor": "0"},
        *(0.1, Origin.DIVIDED),
    ),
    "of a film, with a magnification": ({**SCANNED, **ENLARGED}, 0.1, Origin.DIVIDED),
    "by geometry": ({**IMAGER, **ENLARGED, **PIXEL, **GEOMETRY}, 0.12, Origin.CALIBRATED),
    "by a fiducial, of the same value": ({**IMAGER, **ENLARGED, **SAME, **FIDUCIAL}, 0.15, Origin.CALIBRATED),
    "other than at the detector": ({**IMAGER, **PIXEL}, 0.12, Origin.CALIBRATED),
    "as at the detector, which is no calibration": ({**IMAGER, **ENLARGED, **SAME}, 0.1, Origin.DIVIDED),
    "without a word on calibration": ({**PIXEL, **ENLARGED}, 0.12, Origin.NOT_STATED),
    "calibrated, but of no size": ({**IMAGER, **sides("PixelSpacing", 0), **GEOMETRY}, 0.15, Origin.DETECTOR),
    "missing": (ENLARGED, 0.13, Origin.ASSUMED),
}


@pytest.mark.parametrize("name", CASES)
def test_spacing_is_that_in_the_patient_and_says_what_it_rests_on(tmp_path, name):
    attributes, side, origin = CASES[name]
    of = radiograph(tmp_path, kind="CR", spacing=None, **attributes)
    assert of.spacing == pytest.approx((side, side))
    assert of.pixel_spacing.origin == origin


@pytest.mark.parametrize("name", CASES)
def test_the_attributes_of_a_layer_mean_the_same_spacing(tmp_path, name):
    of = radiograph(tmp_path, kind="CR", spacing=None, **CASES[name][0])
    layer = reread(derive(of, joints(of)[:1], SOFTWARE).all[0])
    assert spacing_of("layer", layer, []).sides == pytest.approx(of.spacing)
    assert f"Millimetres: {of.pixel_spacing.rests_on}." in layer.DerivationDescription
    assert errors(layer, tmp_path) == []


@pytest.mark.parametrize(
    "attributes",
    [
        {"EstimatedRadiographicMagnificationFactor": "0.5"},
        {"EstimatedRadiographicMagnificationFactor": "150"},
        {"DistanceSourceToDetector": "1000", "DistanceSourceToPatient": "1200"},
    ],
)
def test_a_magnification_that_none_can_be_is_passed_over_with_a_note(attributes):
    notes = []
    spacing = spacing_of("image", source(kind="CR", **attributes), notes)
    assert spacing.origin == Origin.DETECTOR
    assert "is not from 1 to 5 and was passed over" in notes[0]


@pytest.mark.parametrize("spacing", [None, "ImagerPixelSpacing"])
@pytest.mark.parametrize("ratio", [["2", "1"], ["1", "2"], ["3", "2"]])
def test_pixels_that_are_not_square_are_refused_by_their_aspect_ratio_too(tmp_path, ratio, spacing):
    of = source(kind="SC", spacing=spacing, PixelAspectRatio=ratio)
    if spacing:
        of.ImagerPixelSpacing = [0, 0]
    said = rf"image.dcm: expected square pixels, got a Pixel Aspect Ratio of {ratio[0]}:{ratio[1]}"
    with pytest.raises(InputError, match=said):
        read_radiograph(write(of, tmp_path / "image.dcm"))


def test_an_aspect_ratio_is_that_of_the_assumed_spacing():
    spacing = spacing_of("image", source(kind="SC", spacing=None, PixelAspectRatio=["110", "100"]), [])
    assert spacing.down / spacing.across == pytest.approx(1.1)
    assert spacing.down * spacing.across == pytest.approx(0.13**2)


def test_an_aspect_ratio_beside_a_spacing_and_one_that_is_none_do_not_count():
    notes = []
    assert spacing_of("image", source(PixelAspectRatio=["2", "1"]), notes).sides == (0.105, 0.1)
    assert notes == []
    for ratio in ("2", ["0", "1"]):
        assert spacing_of("image", source(spacing=None, PixelAspectRatio=ratio), notes).sides == (0.13, 0.13)
        assert "Pixel Aspect Ratio is not two numbers above 0 and was passed over" in notes
