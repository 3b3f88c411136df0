"""Tests of reports of joint space: valid, whole, the same bytes each time, readable by other software."""

from dataclasses import replace

import pytest
from highdicom.sr import MeasurementReport, srread

from scripts.measurement.joint_series import Change
from scripts.measurement.structured_report import structured_report
from tests.support.joint_visits import series, sources, visit, width
from tests.support.separated import SOFTWARE, errors, reread, written


def items(dataset, meaning):
    """All content items of that name, at any depth."""
    for item in dataset.get("ContentSequence") or []:
        if item.get("ConceptNameCodeSequence") and item.ConceptNameCodeSequence[0].CodeMeaning == meaning:
            yield item
        yield from items(item, meaning)


def numbers(dataset, meaning):
    """Values, units and derivations of a measurement."""
    for item in items(dataset, meaning):
        measured = item.MeasuredValueSequence[0]
        derivation = [code.ConceptCodeSequence[0].CodeMeaning for code in items(item, "Derivation")]
        yield float(measured.NumericValue), measured.MeasurementUnitsCodeSequence[0].CodeValue, *derivation


@pytest.fixture
def headers():
    return sources()


@pytest.mark.parametrize("spacing", [0.1, None])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_dciodvfy_finds_no_error(tmp_path, count, spacing):
    of = sources(count)
    made = structured_report(of[-1], [series(of, spacing), series(of, spacing, "MCP5")], SOFTWARE, of[:-1])
    assert errors(made, tmp_path) == []


@pytest.mark.parametrize("kind", ["bare", "CR", "SC", "DX"])
def test_a_report_of_any_source_is_valid_and_of_its_patient_and_study(tmp_path, kind):
    [of] = sources(1, kind=kind)
    made = structured_report(of, [series([of])], SOFTWARE)
    assert errors(made, tmp_path) == []
    assert made.StudyInstanceUID == of.StudyInstanceUID
    assert (made.PatientID or None) == of.get("PatientID")


def test_highdicom_reads_groups_of_both_visits_under_one_tracking_uid(tmp_path, headers):
    of = series(headers)
    path = tmp_path / "report.dcm"
    path.write_bytes(written(structured_report(headers[1], [of], SOFTWARE, headers[:1])))
    groups = srread(path).content.get_image_measurement_groups()
    assert isinstance(srread(path).content, MeasurementReport)
    assert [group.tracking_uid for group in groups] == [of.tracking_uid] * 2
    assert [group.tracking_identifier for group in groups] == ["Cornerstone3DTools@^0.1.0:Length:MCP2 right"] * 2
    # That of the radiograph itself is the first.
    assert [group.source_images[0].referenced_sop_instance_uid for group in groups] == [
        header.SOPInstanceUID for header in reversed(headers)
    ]
    [site] = groups[0].finding_sites
    assert site.value.meaning == "Metacarpophalangeal joint"
    assert site.laterality.meaning == "Right"
    assert site.topographical_modifier.meaning == "Index finger"
    assert groups[0].method.scheme_designator == "99BLSGAN"


def test_widths_and_the_change_are_in_mm_with_their_uncertainty(headers):
    made = reread(structured_report(headers[1], [series(headers)], SOFTWARE, headers[:1]))
    assert list(numbers(made, "Joint space width")) == [
        *((pytest.approx(1.5), "mm", "Minimum"), (pytest.approx(1.6), "mm", "Mean")),
        *((pytest.approx(1.625), "mm", "Minimum"), (pytest.approx(1.725), "mm", "Mean")),
    ]
    [(value, unit)] = numbers(made, "Change of joint space width")
    assert (value, unit) == (pytest.approx(-0.125), "mm")
    [changed] = items(made, "Change of joint space width")
    assert list(numbers(changed, "Standard error")) == [(pytest.approx(0.025), "mm")]
    assert list(numbers(changed, "+, range of upper measurement uncertainty")) == [(pytest.approx(0.049), "mm")]
    referred = [item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID for item in changed.ContentSequence[1:3]]
    assert referred == [header.SOPInstanceUID for header in headers]
    assert made.PertinentOtherEvidenceSequence[0].StudyInstanceUID == headers[0].StudyInstanceUID
    assert "MCP2 right, 20240105 to 20260310: 0.12 mm narrower, +/- 0.05: more than can be chance" in [
        item.TextValue for item in items(made, "Comment")
    ]


def test_where_no_millimetres_are_known_lengths_are_in_px(headers):
    made = structured_report(headers[1], [series(headers, spacing=None)], SOFTWARE, headers[:1])
    assert {unit for _, unit, _ in numbers(made, "Joint space width")} == {"{pixels}"}
    assert list(numbers(made, "Change of joint space width")) == [(-1.25, "{pixels}")]


def test_lines_are_columns_and_rows_from_the_corner_of_the_first_pixel(headers):
    made = structured_report(headers[1], [series(headers)], SOFTWARE, headers[:1])
    smallest, mean, *_ = items(made, "Joint space width")
    [line] = [item for item in smallest.ContentSequence if item.ValueType == "SCOORD"]
    assert (line.GraphicType, list(line.GraphicData)) == ("POLYLINE", [80.5, 60.75, 80.5, 75.75])
    assert line.ContentSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID == headers[1].SOPInstanceUID
    outlines = [item for item in mean.ContentSequence if item.ValueType == "SCOORD"]
    assert [list(item.GraphicData)[:4] for item in outlines] == [[60.5, 60.5, 80.5, 60.5], [60.5, 76.5, 80.5, 76.5]]


def test_time_points_and_the_algorithm_are_named(headers):
    made = structured_report(headers[1], [series(headers)], SOFTWARE, headers[:1])
    assert [item.TextValue for item in items(made, "Time Point")] == ["20260310", "20240105"]
    assert [value for value, *_ in numbers(made, "Time Point Order")] == [2, 1]
    assert {item.TextValue for item in items(made, "Algorithm Name")} == {"BLS-GAN, joint space", "Registration"}
    assert "1.2.3" in {item.TextValue for item in items(made, "Algorithm Version")}


def test_the_same_measurements_make_the_same_bytes_and_others_another_object(headers):
    of = series(headers)
    made = structured_report(headers[1], [of], SOFTWARE, headers[:1])
    assert written(made) == written(structured_report(headers[1], [of], SOFTWARE, headers[:1]))
    edited = replace(of, visits=[of.visits[0], replace(of.visits[1], width=width(15.0, edited=True))])
    other = structured_report(headers[1], [edited], SOFTWARE, headers[:1])
    assert other.SOPInstanceUID != made.SOPInstanceUID
    assert other.SeriesInstanceUID == made.SeriesInstanceUID
    assert not list(items(made, "Selection Status"))
    assert {item.ConceptCodeSequence[0].CodeMeaning for item in items(other, "Selection Status")} == {
        "User chosen value"
    }


def test_what_was_not_measured_says_why_and_is_valid(tmp_path, headers):
    of = replace(
        series(headers),
        visits=[visit(headers[0]), visit(headers[1], width=None, refused="the bones touch")],
        changes=[Change(first=0, second=1, refused="no correlation")],
    )
    made = structured_report(headers[1], [of], SOFTWARE, headers[:1])
    assert errors(made, tmp_path) == []
    failed = [item for item in items(made, "Joint space width") if item.ValueType == "CODE"]
    assert [item.ConceptCodeSequence[0].CodeMeaning for item in failed] == ["Measurement failure"]
    assert len(list(items(made, "Image Region"))) == 1
    said = [item.TextValue for item in items(made, "Comment")]
    assert "the bones touch" in said
    assert "no correlation" in said


@pytest.mark.parametrize(
    ("joints", "others", "says"),
    [
        (lambda of: [], [], "expected joints that were measured"),
        (lambda of: [series(of)], [], "expected the header of each visit"),
        (lambda of: [series(of[:1])], [0], "expected a visit of the radiograph"),
    ],
)
def test_what_does_not_belong_together_is_refused(headers, joints, others, says):
    with pytest.raises(ValueError, match=says):
        structured_report(headers[1], joints(headers), SOFTWARE, [headers[number] for number in others])


@pytest.mark.parametrize("charset", [None, "ISO_IR 100", "ISO_IR 192"])
def test_a_patients_name_is_carried_over_byte_for_byte(charset):
    [of] = sources(1, SpecificCharacterSet=charset, PatientName="Hand^Drawn" if charset is None else "Händ^Drawn")
    of = reread(of)
    made = reread(structured_report(of, [series([of])], SOFTWARE))
    assert made.get_item("PatientName").value == of.get_item("PatientName").value
