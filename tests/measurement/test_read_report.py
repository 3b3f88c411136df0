"""Tests of reading reports of joint space back, from files and from DICOM's JSON."""

import copy
import json
from dataclasses import replace

import pytest
from pydicom import Dataset

from scripts.errors import InputError
from scripts.measurement.joint_series import Change
from scripts.measurement.read_report import is_report, read_series
from scripts.measurement.structured_report import structured_report
from tests.support.joint_visits import series, sources, visit, width
from tests.support.separated import SOFTWARE, reread


def approximate(record):
    """A record whose numbers compare with a tolerance."""
    if isinstance(record, dict):
        return {name: approximate(value) for name, value in record.items()}
    if isinstance(record, (list, tuple)):
        return [approximate(value) for value in record]
    return pytest.approx(record, abs=0.01) if isinstance(record, float) else record


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("spacing", [0.1, None])
def test_what_was_written_is_read_back(count, spacing):
    headers = sources(count)
    written = [series(headers, spacing), series(headers, spacing, "MCP4")]
    report = structured_report(headers[-1], written, SOFTWARE, headers[:-1])
    for dataset in (reread(report), Dataset.from_json(report.to_json())):
        assert is_report(dataset)
        read = read_series(dataset)
        assert [joint.tracking_uid for joint in read] == [joint.tracking_uid for joint in written]
        for one, other in zip(read, written, strict=True):
            assert json.loads(json.dumps(one.record)) == approximate(other.record)


def test_edits_refusals_and_warnings_are_read_back():
    headers = sources()
    visits = [
        visit(headers[0], width=None, refused="the bones touch", warnings=("a dark image",), confidence=0.9),
        visit(headers[1], width=width(12.0, edited=True), angle=6.0, warnings=("one", "two")),
    ]
    of = replace(
        series(headers),
        visits=visits,
        changes=[Change(first=0, second=1, refused="no")],
    )
    [read] = read_series(reread(structured_report(headers[1], [of], SOFTWARE, headers[:1])))
    assert read.visits[0].width is None
    assert read.visits[0].refused == "the bones touch"
    assert read.visits[0].warnings == ("a dark image",)
    assert read.visits[0].confidence == pytest.approx(0.9)
    assert read.visits[1].width.edited
    assert read.visits[1].warnings == ("one", "two")
    assert read.changes[0].in_words == "not measured: no"


def test_other_objects_are_no_reports(tmp_path):
    [header] = sources(1)
    assert not is_report(header)
    with pytest.raises(InputError, match="expected measurements of joint spaces"):
        read_series(header)


def test_a_broken_report_is_refused_in_a_sentence():
    headers = sources(1)
    report = structured_report(headers[0], [series(headers)], SOFTWARE)
    broken = copy.deepcopy(report)
    del broken.CurrentRequestedProcedureEvidenceSequence
    with pytest.raises(InputError, match="structured report: cannot be read"):
        read_series(broken)
