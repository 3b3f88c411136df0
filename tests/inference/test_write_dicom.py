from types import SimpleNamespace

from scripts.dicom.provenance import Software
from scripts.dicom.reader import read_radiograph
from scripts.inference.write_dicom import fingerprint, read_fingerprint, source_record
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


def test_results_of_bfloat16_are_others_and_those_of_any_other_backend_the_same():
    asked = SimpleNamespace(radiograph=SimpleNamespace(sha256="a"), joints=[], labels=None)
    of = [fingerprint(asked, Software("1", "b"), "masked", name) for name in ("torch", "openvino", "openvino_bfloat16")]
    assert of[0] == of[1] != of[2]
