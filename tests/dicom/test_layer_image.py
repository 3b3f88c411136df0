from dataclasses import replace

import pytest
import torch
from pydicom import Dataset
from pydicom.sr.codedict import codes

from scripts.dicom.joint import IN_TISSUE, KINDS, MASKED, Angle
from scripts.dicom.layer_image import ANGLE, ANGLE_FROM, KIND, PRIVATE_CREATOR, PRIVATE_GROUP, layer_image
from scripts.dicom.provenance import RESEARCH_USE
from scripts.physics import LOWER, RIM, UPPER, grow
from tests.support.dicom_sources import SPACING, code, source
from tests.support.separated import SOFTWARE, inside_alone, joints, radiograph, reread


def layer(folder, which=UPPER, **settings):
    of = radiograph(folder, **settings)
    return reread(layer_image(of, joints(of)[0], which, 1, SOFTWARE))


@pytest.mark.parametrize("which", [LOWER, UPPER])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_where_a_bone_is_alone_are_the_sources_stored_values_and_of_a_masked_layer_black_around_it(
    tmp_path, which, photometric
):
    for bits, signed in ((8, False), (12, True), (16, True), (16, False)):
        of = radiograph(tmp_path, photometric=photometric, bits=bits, signed=signed)
        joint = joints(of, kind=MASKED)[1]
        image = reread(layer_image(of, joint, which, 1, SOFTWARE))
        top, left, bottom, right = joint.box
        stored = of.grayscale.stored(of.levels[top:bottom, left:right]) + of.grayscale.offset
        alone = inside_alone(joint, which)
        assert (image.pixel_array[alone] == stored[alone]).all()
        black = 2**bits - 1 if photometric == "MONOCHROME1" else 0
        around = ~grow(torch.from_numpy(joint.masks.copy())[None], RIM)[0].numpy()
        assert (image.pixel_array[around[which]] == black).all()
        assert (image.PixelPaddingValue, image.PhotometricInterpretation) == (black, photometric)
        assert image.PresentationLUTShape == ("INVERSE" if photometric == "MONOCHROME1" else "IDENTITY")
        assert (image.PixelRepresentation, image.RescaleIntercept, image.RescaleSlope) == (0, 0, 1)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_a_layer_in_tissue_is_the_source_where_no_other_bone_is_and_pads_nothing(tmp_path, photometric):
    of = radiograph(tmp_path, photometric=photometric)
    joint = joints(of)[1]
    image = reread(layer_image(of, joint, UPPER, 1, SOFTWARE))
    top, left, bottom, right = joint.box
    stored = of.grayscale.stored(of.levels[top:bottom, left:right]) + of.grayscale.offset
    lower = grow(torch.from_numpy(joint.masks.copy())[None], RIM)[0, LOWER].numpy()
    assert (image.pixel_array[~lower] == stored[~lower]).all()
    assert "PixelPaddingValue" not in image


def test_the_kind_of_layers_is_named_and_another_kind_is_another_object(tmp_path):
    of = radiograph(tmp_path)
    images = {kind: reread(layer_image(of, joints(of, kind=kind)[0], LOWER, 1, SOFTWARE)) for kind in KINDS}
    named = {kind: image.private_block(PRIVATE_GROUP, PRIVATE_CREATOR)[KIND].value for kind, image in images.items()}
    assert named == {IN_TISSUE: "IN_TISSUE", MASKED: "MASKED"}
    assert images[IN_TISSUE].SOPInstanceUID != images[MASKED].SOPInstanceUID
    steps = {kind: {item.CodeValue for item in image.DerivationCodeSequence} for kind, image in images.items()}
    assert steps == {IN_TISSUE: {"113062"}, MASKED: {"113062", "113047"}}
    assert "in their soft tissue" in images[IN_TISSUE].ImageComments
    assert "cut out" in images[MASKED].ImageComments


def test_it_says_of_what_how_and_by_what_it_was_derived(tmp_path):
    of = radiograph(tmp_path)
    image = reread(layer_image(of, joints(of)[0], LOWER, 1, SOFTWARE))
    assert list(image.ImageType) == ["DERIVED", "SECONDARY", ""]
    (reference,) = image.SourceImageSequence
    assert reference.ReferencedSOPInstanceUID == of.dataset.SOPInstanceUID
    assert reference.PurposeOfReferenceCodeSequence[0].CodeValue == "121322"
    words = image.DerivationDescription
    assert len(words) <= 1024
    for said in (
        "Lower bone (metacarpal) of joint left_2",
        "Rows 11 to 150, columns 1 to 90",
        "W = 4095",
        RESEARCH_USE,
    ):
        assert said in words
    assert image.ImageComments.startswith(RESEARCH_USE)
    acquisition, processing = image.ContributingEquipmentSequence
    assert acquisition.Manufacturer == "Drawn Detectors"
    assert (processing.Manufacturer, processing.SoftwareVersions) == ("BLS-GAN", "1.2.3")
    assert SOFTWARE.weights_sha256 in processing.ContributionDescription
    assert image.Manufacturer == "BLS-GAN"


@pytest.mark.parametrize("origin", ["bones", "given"])
def test_it_holds_the_angle_of_the_joint_and_where_it_comes_from(tmp_path, origin):
    of = radiograph(tmp_path)
    leaning = replace(joints(of)[0], angle=Angle(-32.5, origin))
    block = reread(layer_image(of, leaning, UPPER, 1, SOFTWARE)).private_block(PRIVATE_GROUP, PRIVATE_CREATOR)
    assert (block[ANGLE].value, block[ANGLE_FROM].value) == (-32.5, origin)


def test_another_given_angle_is_another_object_and_one_of_the_bones_is_not(tmp_path):
    of = radiograph(tmp_path)
    [joint, _] = joints(of)

    def uid(**turned):
        return layer_image(of, replace(joint, **turned), UPPER, 1, SOFTWARE).SOPInstanceUID

    assert uid() == uid(angle=Angle(20.0, "bones"))
    assert len({uid(), uid(angle=Angle(20.0, "given")), uid(angle=Angle(21.0, "given"))}) == 3


def test_a_description_is_short_enough_with_the_longest_of_all_values(tmp_path):
    of = radiograph(tmp_path, spacing="NominalScannedPixelSpacing", kind="SC", signed=True, bits=16)
    joint = replace(joints(of)[0], name="n" * 32, masks_from="m" * 64)
    assert len(layer_image(of, joint, UPPER, 1, SOFTWARE).DerivationDescription) <= 1024


@pytest.mark.parametrize(
    ("stated", "side"),
    [
        ({"ImageLaterality": "R"}, "R"),
        ({"ImageLaterality": None, "Laterality": "r "}, "R"),
        ({"ImageLaterality": "LEFT", "Laterality": "B"}, "B"),
        ({"ImageLaterality": None}, "U"),
    ],
)
def test_laterality_is_taken_from_where_it_stands(tmp_path, stated, side):
    assert layer(tmp_path, **stated).ImageLaterality == side


def test_laterality_may_stand_in_the_anatomy_of_a_frame_or_of_the_region(tmp_path):
    frame = Dataset()
    frame.FrameLaterality = "R"
    assert layer(tmp_path, ImageLaterality=None, FrameAnatomySequence=[frame]).ImageLaterality == "R"
    region = code("85562004", "SCT", "Hand")
    region.AnatomicRegionModifierSequence = [code("7771000", "SCT", "Left")]
    image = layer(tmp_path, ImageLaterality=None, AnatomicRegionSequence=[region])
    assert image.ImageLaterality == "L"
    assert image.AnatomicRegionSequence[0].AnatomicRegionModifierSequence[0].CodeMeaning == "Left"


def test_the_body_part_is_the_sources_else_the_hand(tmp_path):
    def named(**settings):
        image = layer(tmp_path, **settings)
        return image.BodyPartExamined, image.AnatomicRegionSequence[0].CodeMeaning

    assert named(BodyPartExamined="FINGER", AnatomicRegionSequence=None) == ("FINGER", codes.SCT.Finger.meaning)
    assert named(kind="bare") == ("HAND", "Hand")
    assert named(AnatomicRegionSequence=[Dataset(), code("85562004", "SCT", "Hand")]) == ("HAND", "Hand")
    incomplete = code("85562004", "SCT", "Hand")
    del incomplete.CodeMeaning
    assert named(AnatomicRegionSequence=[incomplete]) == ("HAND", "Hand")


def test_spacing_attributes_are_the_sources(tmp_path):
    image = layer(tmp_path, spacing="PixelSpacing")
    assert list(image.PixelSpacing) == list(SPACING)
    assert list(image.ImagerPixelSpacing) == pytest.approx([1.02 * side for side in SPACING])
    assert (image.PixelSpacingCalibrationType, image.PixelSpacingCalibrationDescription) == (
        *("GEOMETRY", "Distances known"),
    )
    assert image.EstimatedRadiographicMagnificationFactor == 1.02
    plain = layer(tmp_path, PixelSpacing=["0", "0"], PixelSpacingCalibrationType="FIDUCIAL")
    assert not {"PixelSpacing", "PixelSpacingCalibrationType"} & set(plain.dir())
    assert list(plain.ImagerPixelSpacing) == list(SPACING)


def test_a_spacing_that_is_no_imagers_is_told_in_words(tmp_path):
    scanned = layer(tmp_path, kind="SC", spacing="NominalScannedPixelSpacing")
    assert list(scanned.ImagerPixelSpacing) == list(SPACING)
    assert "Pixel spacing 0.105 by 0.1 mm, from NominalScannedPixelSpacing." in scanned.DerivationDescription
    guessed = layer(tmp_path, spacing=None)
    assert list(guessed.ImagerPixelSpacing) == [0.13, 0.13]
    assert "Pixel spacing is not known, 0.13 by 0.13 mm is a default." in guessed.DerivationDescription


def test_how_it_was_exposed_is_kept_where_it_is_valid(tmp_path):
    made = layer(tmp_path, FieldOfViewShape="RECTANGLE", GridAspectRatio=["3", "2"], DetectorID="D-1")
    assert (made.KVP, made.Exposure, made.DetectorID, made.AcquisitionDate) == (50, 2, "D-1", "20240506")
    assert "FieldOfViewShape" not in made


def test_a_frame_of_reference_is_kept(tmp_path):
    image = layer(tmp_path, FrameOfReferenceUID="1.2.3")
    assert image.FrameOfReferenceUID == "1.2.3"
    assert image["PositionReferenceIndicator"].is_empty
    assert "FrameOfReferenceUID" not in layer(tmp_path)


def test_where_the_source_has_no_directions_only_the_columns_have_one(tmp_path):
    assert list(layer(tmp_path).PatientOrientation) == ["L", "F"]
    assert list(layer(tmp_path, PatientOrientation="L").PatientOrientation) == ["", "H"]


def test_a_loss_in_the_source_is_one_of_the_layer(tmp_path):
    image = layer(tmp_path, LossyImageCompression="01", LossyImageCompressionRatio="10")
    assert (image.LossyImageCompression, image.LossyImageCompressionRatio) == ("01", 10)
    assert source().LossyImageCompression == layer(tmp_path).LossyImageCompression == "00"
