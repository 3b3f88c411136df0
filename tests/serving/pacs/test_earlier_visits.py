"""Tests of the earlier visits of a hand: the same patient, side and view, before the radiograph's own study."""

import pytest

from scripts.errors import InputError
from serving.pacs.earlier_visits import MOST_VISITS, earlier_visits, whose
from tests.serving.conftest import another_visit
from tests.support.dicom_sources import source

pytestmark = pytest.mark.pacs


def found(pacs, hand):
    return [visit.instance.sop for visit in earlier_visits(pacs, hand.dataset)]


def test_only_the_same_hand_of_the_same_patient_counts(pacs, visits, put):
    before, now = visits
    put(
        *(
            another_visit(before, **header)
            for header in (
                {"ImageLaterality": "L"},
                {"PatientID": "SOMEBODY ELSE"},
                {"PatientBirthDate": "19111111"},
                {"ViewPosition": "LL"},
                {"BodyPartExamined": "FOOT"},
                {"StudyDate": "20270101"},
                {"StudyDate": ""},
            )
        )
    )
    assert found(pacs, now) == [before.sop]
    assert found(pacs, before) == []


def test_visits_come_in_the_order_of_time_the_latest_ones_and_one_a_study(pacs, visits, put):
    now = visits[1]
    earlier = [another_visit(now, StudyDate=f"2025{month:02d}01") for month in range(1, MOST_VISITS + 2)]
    twice = another_visit(now, StudyDate="20250901", StudyInstanceUID=earlier[-1].StudyInstanceUID)
    put(*reversed(earlier), twice)
    dates = [visit.date for visit in earlier_visits(pacs, now.dataset)]
    assert dates == [f"2025{month:02d}01" for month in range(2, MOST_VISITS + 2)]


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ({"ImageLaterality": ""}, "expected a header that says right or left hand, got nothing"),
        ({"ImageLaterality": "B"}, "expected a header that says right or left hand, got both hands"),
        ({"PatientID": ""}, "expected a Patient ID"),
        ({"PatientID": "*"}, "expected a Patient ID"),
        ({"StudyDate": ""}, "expected a Study Date"),
    ],
)
def test_a_header_that_does_not_say_whose_hand_it_is_is_refused(header, says):
    made = source(**{"ImageLaterality": "R", "StudyDate": "20260310", **header})
    with pytest.raises(InputError, match=says) as refusal:
        whose(made)
    assert "PatientName" not in str(refusal.value)


def test_a_header_tells_patient_and_side():
    made = source(ImageLaterality="L", PatientID="A-1", StudyDate="20260310")
    assert whose(made) == ("A-1", "L", "left")
