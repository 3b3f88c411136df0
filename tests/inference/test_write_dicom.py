from scripts.dicom.reader import read_radiograph
from scripts.inference.write_dicom import read_fingerprint, source_record
from tests.support.dicom_sources import SPACING, source, write


def test_the_record_of_a_source_names_nothing_of_the_patient(tmp_path):
    record = source_record(read_radiograph(write(source(), tmp_path / "hand.dcm")), "hand.dcm")
    assert record["spacing_mm"] == list(SPACING)
    assert (record["spacing_from"], record["mm"]) == ("ImagerPixelSpacing", "magnification 1 divided out")
    assert record["source"] == "hand.dcm"
    assert "Drawn" not in str(record)


def test_a_folder_without_readable_results_has_no_fingerprint(tmp_path):
    assert read_fingerprint(tmp_path) is None
    (tmp_path / "figures.json").write_text("[1]")
    assert read_fingerprint(tmp_path) is None
    (tmp_path / "figures.json").write_text('{"fingerprint": "abc"}')
    assert read_fingerprint(tmp_path) == "abc"
