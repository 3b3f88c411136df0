import numpy as np
import pytest

from scripts.dicom.read_segmentation import read_label_map
from scripts.dicom.segmentation import SEGMENTS, segmentation, whole_label_map
from tests.support.dicom_sources import COLUMNS, ROWS
from tests.support.separated import SOFTWARE, joints, radiograph, reread, written


@pytest.fixture
def of(tmp_path):
    return radiograph(tmp_path)


def labels(of):
    return whole_label_map(joints(of), of.levels.shape)


def test_the_label_map_is_the_masks_pixel_for_pixel(of, tmp_path):
    made = reread(segmentation(of, joints(of), SOFTWARE))
    assert made.pixel_array.shape == (ROWS, COLUMNS)
    for joint in joints(of):
        top, left, bottom, right = joint.box
        found = made.pixel_array[top:bottom, left:right]
        assert (np.stack([found & 1, found >> 1]) == joint.masks).all()
    assert set(np.unique(made.pixel_array)) == {0, *SEGMENTS}
    assert (read_label_map(made, of) == made.pixel_array).all()
    path = tmp_path / "masks.dcm"
    path.write_bytes(written(made))
    assert (read_label_map(path, of) == labels(of)).all()


def test_segments_are_named_coded_and_made_by_an_algorithm_unless_they_were_drawn(of):
    made = segmentation(of, joints(of), SOFTWARE).SegmentSequence[1:]
    assert {int(item.SegmentNumber): item.SegmentLabel for item in made} == SEGMENTS
    found = [item.SegmentedPropertyTypeCodeSequence[0] for item in made]
    assert [(item.CodeValue, item.CodingSchemeDesignator) for item in found] == [
        *(("36455000", "SCT"), ("709530002", "SCT"), ("24097009", "SCT")),
    ]
    assert made[0].SegmentAlgorithmType == "AUTOMATIC"
    drawn = segmentation(of, joints(of, "given"), SOFTWARE).SegmentSequence[1:]
    assert drawn[0].SegmentAlgorithmType == "MANUAL"
    mixed = [joints(of)[0], joints(of, "given")[1]]
    assert segmentation(of, mixed, SOFTWARE).SegmentSequence[1].SegmentAlgorithmType == "SEMIAUTOMATIC"


def test_the_geometry_that_viewers_need_is_there(of):
    made = segmentation(of, joints(of), SOFTWARE)
    shared = made.SharedFunctionalGroupsSequence[0]
    assert list(shared.PixelMeasuresSequence[0].PixelSpacing) == list(of.spacing)
    assert "PlaneOrientationSequence" in shared
    assert "PlanePositionSequence" in made.PerFrameFunctionalGroupsSequence[0]
    assert made.FrameOfReferenceUID == segmentation(of, joints(of)[:1], SOFTWARE).FrameOfReferenceUID


def test_its_time_is_the_sources_whatever_part_of_it_has_one(tmp_path):
    for taken in ({}, {"ContentDate": None}, {"ContentDate": None, "AcquisitionDate": None}):
        of = radiograph(tmp_path, **taken)
        assert segmentation(of, joints(of), SOFTWARE).ContentDate == "20240506"
    of = radiograph(tmp_path, kind="bare")
    assert segmentation(of, joints(of), SOFTWARE).ContentDate == "19000101"
