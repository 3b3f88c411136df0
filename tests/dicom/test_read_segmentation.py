import dataclasses

import numpy as np
import pytest
from highdicom.seg import Segmentation, SegmentDescription
from pydicom import Dataset
from pydicom.sr.codedict import codes

from scripts.dicom.read_segmentation import read_label_map
from scripts.dicom.segmentation import SEGMENTS, segmentation, whole_label_map
from scripts.errors import InputError
from tests.support.dicom_sources import COLUMNS
from tests.support.separated import SOFTWARE, joints, radiograph, reread


@pytest.fixture
def of(tmp_path):
    return radiograph(tmp_path)


def labels(of):
    return whole_label_map(joints(of), of.levels.shape)


def saved_by_a_viewer(of, pixels, names=SEGMENTS):
    """A binary segmentation as viewers save them: a frame a segment."""
    source = Dataset()
    for keyword in ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID"):
        setattr(source, keyword, "")
    source.StudyDate = source.StudyTime = None
    source.Modality = "DX"
    for keyword in ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"):
        setattr(source, keyword, of.dataset[keyword].value)
    source.Rows, source.Columns = pixels.shape
    described = [
        SegmentDescription(number, name, codes.SCT.AnatomicalStructure, codes.SCT.HandBone, "MANUAL")
        for number, name in names.items()
    ]
    return Segmentation(
        *([source], pixels, "BINARY", described, "1.2.3", 1, "1.2.4", 1, "Viewer", "Viewer", "1", "1"),
        omit_empty_frames=False,
    )


@pytest.mark.parametrize("columns", [COLUMNS, COLUMNS - 3])
def test_a_binary_segmentation_is_read_where_the_bits_of_a_frame_fill_no_byte_too(tmp_path, columns):
    drawn = np.random.default_rng(0).integers(0, 2**12, (81, columns))
    of = radiograph(tmp_path, levels=drawn)
    pixels = (drawn % 4).astype(np.uint8)
    assert (read_label_map(reread(saved_by_a_viewer(of, pixels)), of) == pixels).all()


def test_segments_are_known_by_their_labels_or_else_by_their_numbers(of):
    pixels = labels(of)
    turned = {1: "Upper bone", 2: "lower", 3: "OVERLAP of both"}
    found = read_label_map(saved_by_a_viewer(of, pixels, turned), of)
    assert (found == np.array([0, 2, 1, 3], np.uint8)[pixels]).all()
    unnamed = {1: "Segment 1", 2: "segment 2", 3: "3"}
    assert (read_label_map(saved_by_a_viewer(of, pixels, unnamed), of) == pixels).all()


def test_bones_that_are_drawn_whole_overlap_where_both_are(of):
    pixels = labels(of)
    whole = np.stack([pixels & 1, pixels >> 1], axis=-1)[None]
    made = saved_by_a_viewer(of, pixels.clip(0, 2), {1: SEGMENTS[1], 2: SEGMENTS[2]})
    made.PixelData = np.packbits(np.moveaxis(whole[0], -1, 0), bitorder="little").tobytes()
    assert (read_label_map(made, of) == pixels).all()


def test_what_does_not_fit_is_refused_in_a_sentence(of, tmp_path):
    pixels = labels(of)
    other = radiograph(tmp_path / "other", bits=10)
    smaller = dataclasses.replace(of, levels=of.levels[:-1])
    mine = segmentation(of, joints(of), SOFTWARE)
    with pytest.raises(InputError, match="segmentation: does not refer to the radiograph"):
        read_label_map(mine, other)
    with pytest.raises(InputError, match="is of 160 x 200 px, the radiograph of 159 x 200"):
        read_label_map(mine, smaller)
    with pytest.raises(InputError, match="expected lower, upper and overlap as labels, got an unknown segment 3"):
        read_label_map(saved_by_a_viewer(of, pixels, SEGMENTS | {3: "Tumour"}), of)
    with pytest.raises(InputError, match="expected SEG, LABELMAP or BINARY, got DX, None"):
        read_label_map(of.dataset, of)


def test_broken_segmentations_are_refused_in_a_sentence(of, tmp_path):
    for name, content in (("empty.dcm", b""), ("text.dcm", b"no DICOM at all")):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(InputError, match=rf"{name}: cannot be read as a Segmentation"):
            read_label_map(path, of)
    with pytest.raises(InputError, match="missing"):
        read_label_map(tmp_path / "missing.dcm", of)
    made = reread(segmentation(of, joints(of), SOFTWARE))
    undescribed = reread(made)
    undescribed.SegmentSequence = undescribed.SegmentSequence[:2]
    with pytest.raises(InputError, match="has pixels of segment 2, which it does not describe"):
        read_label_map(undescribed, of)
    made.PixelData = made.PixelData[:20]
    with pytest.raises(InputError, match="cannot be read as a Segmentation"):
        read_label_map(made, of)


def test_frames_of_other_images_are_passed_over_and_of_several_refused(of):
    made = reread(saved_by_a_viewer(of, labels(of)))
    reference = made.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence[0].SourceImageSequence
    reference[0].ReferencedSOPInstanceUID = "1.2.3"
    assert set(np.unique(read_label_map(made, of))) == {0, 2, 3}
    reference.append(made.PerFrameFunctionalGroupsSequence[1].DerivationImageSequence[0].SourceImageSequence[0])
    with pytest.raises(InputError, match="frame 1 refers to several images"):
        read_label_map(made, of)
