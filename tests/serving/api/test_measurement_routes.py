"""Tests of joint spaces measured over the visits of a hand: found, measured, stored, changed, left out, refused."""

import base64
import copy
import io

import numpy as np
import pytest
import requests
from PIL import Image
from pydicom.uid import generate_uid

from scripts.measurement.read_report import read_series
from tests.serving.conftest import OVERLAPS, another_visit, ask, empty, objects_in
from tests.support.waiting import LIMIT

pytestmark = pytest.mark.pacs

NARROWER_MM = (OVERLAPS[1] - OVERLAPS[0]) / 256 * 23


def call(server, method, path="", **query):
    body = query.pop("json", None)
    return requests.request(method, f"{server.url}/measurements{path}", params=query, json=body, timeout=LIMIT)


def measure(server, hand, **place):
    answer = call(server, "POST", image=hand.sop, json=place)
    assert answer.status_code == 200, answer.text
    return answer.json()


def reports(pacs, study):
    found = [pacs.fetch(each) for each in objects_in(pacs, study).values()]
    return [dataset for dataset in found if dataset.Modality == "SR"]


def at(hand, name):
    x, y = hand.joints[name]
    return {"x": x, "y": y}


def test_a_joint_is_narrower_by_what_was_drawn_and_the_report_is_in_the_study(server, pacs, visits):
    before, now = visits
    said = measure(server, now, **at(now, "MCP2"))
    [series] = said["series"]
    assert (series["joint"], series["side"]) == ("MCP2", "right")
    assert [visit["date"] for visit in series["visits"]] == ["20240105", "20260310"]
    assert [visit["image"] for visit in series["visits"]] == [before.sop, now.sop]
    assert all(visit["width"]["mean"] > 0 for visit in series["visits"])
    [change] = series["changes"]
    assert change["mm"] == pytest.approx(-NARROWER_MM, abs=0.06)
    assert "narrower" in change["in_words"]
    assert "subject" not in series
    [report] = reports(pacs, now.study)
    assert report.SOPInstanceUID == said["report"]["sop_instance_uid"]
    assert report.PatientID == now.dataset.PatientID
    assert not reports(pacs, before.study)
    [read] = read_series(report)
    assert read.changes[0].mm == pytest.approx(change["mm"])
    stored = call(server, "GET", image=now.sop).json()
    assert stored["series"][0]["changes"][0]["in_words"] == change["in_words"]
    assert stored["report"] == said["report"]
    log = (server.state / "server.log").read_text()
    for value in (now.dataset.PatientID, str(now.dataset.PatientName)):
        assert value not in log


def test_a_second_joint_joins_the_report_and_the_same_request_stores_nothing_new(server, pacs, visits):
    now = visits[1]
    first = measure(server, now, **at(now, "MCP2"))
    second = measure(server, now, **at(now, "MCP3"))
    assert second["replaced"] == [first["report"]["sop_instance_uid"]]
    assert len(reports(pacs, now.study)) == 1
    assert [each["joint"] for each in call(server, "GET", image=now.sop).json()["series"]] == ["MCP2", "MCP3"]
    again = measure(server, now, **at(now, "MCP3"))
    assert again["report"] == second["report"]
    assert again["replaced"] == []


def test_a_separated_joint_is_measured_by_its_name(server, visits):
    now = visits[1]
    name = ask(server, now.sop, now.at("MCP2")).json()["joints"][0]["joint"]
    [series] = measure(server, now, joint=name)["series"]
    assert (name, series["joint"]) == ("joint1", "MCP2")


def test_lines_that_are_moved_are_stored_as_edited_and_a_joint_can_be_left_out(server, pacs, visits):
    now = visits[1]
    [series] = measure(server, now, **at(now, "MCP2"))["series"]
    width = series["visits"][1]["width"]
    (row, column), below = width["minimum_line"]
    moved = call(server, "PUT", image=now.sop, joint="MCP2", json={"lines": {now.sop: [[row - 2, column], below]}})
    assert moved.status_code == 200, moved.text
    [edited] = moved.json()["series"]
    assert edited["visits"][1]["width"]["edited"]
    assert edited["visits"][1]["width"]["mean"] == pytest.approx(width["mean"] + 2, abs=0.1)
    [report] = reports(pacs, now.study)
    assert read_series(report)[0].visits[1].width.edited
    left = call(server, "DELETE", image=now.sop, joint="MCP2")
    assert left.status_code == 200, left.text
    assert left.json()["series"] == []
    assert not reports(pacs, now.study)


def test_both_visits_are_drawn_on_one_grid_with_their_metacarpals_on_each_other(server, visits):
    now = visits[1]
    measure(server, now, **at(now, "MCP2"))
    answer = call(server, "GET", "/pictures", image=now.sop, joint="MCP2", first=0, second=1)
    assert answer.status_code == 200, answer.text
    said = answer.json()
    pictures = [{name: decoded(visit[name]) for name in ("original", "upper", "lower")} for visit in said["visits"]]
    side = said["side"]
    assert all(picture.shape == (side, side) for visit in pictures for picture in visit.values())
    assert said["mm_per_px"] == pytest.approx(23 / side)
    # The metacarpal, below the joint, is the same; the phalanx has come nearer.
    lower = slice(side * 3 // 4, side - 20)
    upper = slice(40, side // 4)
    same = [visit["original"][lower, 60:-60] for visit in pictures]
    assert np.abs(same[0] - same[1]).mean() < 4
    moved = [visit["original"][upper, 60:-60] for visit in pictures]
    assert np.abs(moved[0] - moved[1]).mean() > np.abs(same[0] - same[1]).mean()
    for visit in said["visits"]:
        assert set(visit["lines"]) == {"upper", "lower", "minimum"}
        (x, above), (_, under) = visit["lines"]["minimum"]
        assert 0 < above < under < side
        assert 0 < x < side
        column, row = (a * x + b * above + c for a, b, c in visit["to_image"])
        assert (0, 0) < (column, row) < (now.dataset.Columns, now.dataset.Rows)


def decoded(url):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.split(",", 1)[1])))).astype(float)


def test_earlier_visits_are_told_by_image_study_and_date_alone(server, visits):
    before, now = visits
    said = call(server, "GET", "/earlier", image=now.sop).json()
    assert said == {"visits": [{"image": before.sop, "study": before.study, "date": "20240105"}]}
    assert call(server, "GET", "/earlier", image=before.sop).json() == {"visits": []}


def test_the_first_visit_has_a_width_and_no_change_and_visits_that_are_not_there_are_no_pictures(server, visits):
    before = visits[0]
    [series] = measure(server, before, **at(before, "MCP2"))["series"]
    assert len(series["visits"]) == 1
    assert series["changes"] == []
    answer = call(server, "GET", "/pictures", image=before.sop, joint="MCP2", first=0, second=1)
    assert (answer.status_code, answer.json()["detail"]) == (400, "visits: expected numbers from 0 to 0, got 1")


def test_an_earlier_visit_without_a_hand_is_left_out_and_told(server, visits, put):
    now = visits[1]
    blank = another_visit(now, StudyDate="20250101")
    pixels = np.random.default_rng(0).integers(0, 400, (blank.Rows, blank.Columns))
    blank.PixelData = pixels.astype(np.uint16).tobytes()
    put(blank)
    said = measure(server, now, **at(now, "MCP2"))
    assert len(said["series"][0]["visits"]) == 2
    assert said["notes"] == [
        f"the visit of 20250101 was left out: image {blank.SOPInstanceUID}: MCP2 was not found in it"
    ]


REFUSALS = [
    ("GET", "/earlier", {"image": ""}, 400, "image: expected the UID of a radiograph in the PACS, got nothing"),
    ("GET", "", {"image": "1.2.3"}, 404, "image 1.2.3: no such radiograph in the PACS"),
    ("POST", "", {"json": {}}, 400, "measurements: expected joint, or x and y of a point on it, got neither"),
    ("POST", "", {"json": {"joint": "MCP9"}}, 404, "joint 'MCP9' of image"),
    ("POST", "", {"json": {"x": "left", "y": 3}}, 422, "x: input should be a valid number"),
    ("POST", "", {"json": {"x": 3}}, 400, "expected joint, or x and y"),
    ("POST", "", {"json": {"x": 1e5, "y": 3}}, 400, "joint"),
    ("POST", "", {"json": {"x": 40, "y": 40}}, 400, "got one that the finder does not know; name it"),
    ("PUT", "", {"joint": "MCP2", "json": {"lines": {}}}, 422, "lines"),
    ("PUT", "", {"joint": "MCP2", "json": {"lines": {"1.2": [[1, 2], [3, 4]]}}}, 404, "is in no report"),
    ("DELETE", "", {"joint": "MCP2"}, 404, "is in no report"),
    ("DELETE", "", {}, 400, "joint: expected the name of a joint, got nothing"),
    ("GET", "/pictures", {"joint": "MCP2", "first": 0, "second": 1}, 404, "is in no report"),
    ("GET", "/pictures", {"joint": "MCP2", "first": "a", "second": 1}, 422, "first"),
]


def test_requests_that_cannot_be_served_are_refused_in_a_sentence(server, visits):
    for method, path, query, status, says in REFUSALS:
        answer = call(server, method, path, **{"image": visits[1].sop, **query})
        assert answer.status_code == status, (method, path, query, answer.text)
        assert says in answer.json()["detail"], (method, path, query, answer.text)


def test_a_radiograph_that_does_not_say_whose_hand_it_shows_is_not_measured(server, visits, put):
    other = another_visit(visits[1], ImageLaterality="")
    put(other)
    answer = call(server, "POST", image=str(other.SOPInstanceUID), json=at(visits[1], "MCP2"))
    assert answer.status_code == 400, answer.text
    assert "expected a header that says right or left hand, got nothing" in answer.json()["detail"]


def test_a_pacs_with_reports_of_others_in_the_series_is_read_without_them(server, pacs, visits):
    now = visits[1]
    said = measure(server, now, **at(now, "MCP2"))
    [report] = reports(pacs, now.study)
    strange = copy.deepcopy(report)
    strange.SOPInstanceUID = strange.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    del strange.ContentSequence
    pacs.store([strange])
    assert call(server, "GET", image=now.sop).json()["report"] == said["report"]
    empty(pacs, now.study)
