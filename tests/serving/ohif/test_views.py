"""Tests of names on the screen: joint, side, view, date and patient, and which radiograph is shown first."""

import copy

import pytest
from playwright.sync_api import expect
from pydicom.uid import generate_uid

from tests.serving.conftest import ask, empty
from tests.support.desk import PANES

pytestmark = pytest.mark.browser


def radiograph(drawn, study, **header):
    """Return a drawn hand as another image of a study."""
    made = copy.deepcopy(drawn)
    made.StudyInstanceUID = study
    made.SeriesInstanceUID = generate_uid()
    made.SOPInstanceUID = made.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    for keyword, value in header.items():
        setattr(made, keyword, value)
    return made


@pytest.fixture
def visits(draw, pacs, server):
    """Store a study of three images and an earlier one, with MCP2 of each separated; return the images by name."""
    hand = draw(95)
    today, before = generate_uid(), generate_uid()
    images = {
        "left": radiograph(hand.dataset, today, ImageLaterality="L", ViewPosition="PA", StudyDate="20260310"),
        "oblique": radiograph(hand.dataset, today, ImageLaterality="R", ViewPosition="RAO", StudyDate="20260310"),
        "right": radiograph(hand.dataset, today, ImageLaterality="R", ViewPosition="PA", StudyDate="20260310"),
        "earlier": radiograph(hand.dataset, before, ImageLaterality="R", ViewPosition="PA", StudyDate="20240105"),
    }
    pacs.store(list(images.values()))
    joint = [{"joint": "MCP2", **point} for point in hand.at("MCP2")]
    for image in images.values():
        assert ask(server, str(image.SOPInstanceUID), joint).ok
    yield images
    for study in (today, before):
        empty(pacs, study)


def test_the_newest_right_pa_is_shown_first_and_everything_says_what_it_is(desk, visits, tmp_path):
    studies = [str(visits[name].StudyInstanceUID) for name in ("earlier", "right")]
    for _ in range(3):
        desk.open(",".join(studies))
        desk.wait_masks()
        assert desk.image("original") == visits["right"].SOPInstanceUID
    rows = desk.page.get_by_test_id("bls-gan-joint")
    expect(rows).to_have_count(4)
    said = ["Right PA, 10-Mar-2026", "Left PA, 10-Mar-2026", "Right oblique, 10-Mar-2026", "Right PA, 05-Jan-2024"]
    for row, view in zip(rows.all(), said, strict=True):
        expect(row).to_contain_text("MCP2")
        expect(row).to_contain_text(view)
    captions = desk.page.get_by_test_id("viewport-overlay-top-left")
    for number, title in enumerate(("Original", "MCP2, upper bone", "MCP2, lower bone")):
        for text in (title, said[0], "Phantom"):
            expect(captions.nth(number)).to_contain_text(text)
        expect(desk.page.get_by_test_id("viewport-overlay-top-right").nth(number)).to_have_text("R")
    names = desk.series()
    for view in said:
        assert f"DX {view}, Hand, drawn" in names
        assert f"DX MCP2, upper bone, {view}" in names
    with desk.page.expect_download() as download:
        desk.page.get_by_test_id("Export").click()
    assert download.value.suggested_filename == "MCP2_Right_PA_10-Mar-2026.png"
    download.value.save_as(tmp_path / "panes.png")
    assert (tmp_path / "panes.png").stat().st_size > 50_000


def test_the_list_of_studies_has_their_descriptions(desk, hand):
    desk.page.goto(desk.url)
    expect(desk.page.get_by_text("Hand, drawn").first).to_be_visible()


def test_an_inversion_and_the_unit_of_a_length_are_those_of_all_panes(desk, hand):
    desk.open(hand.study)
    desk.separate(*hand.at("MCP2"))
    desk.page.get_by_test_id("MoreTools-split-button-secondary").click()
    desk.page.get_by_test_id("invert").first.click()
    desk.settle()
    assert [desk.looks_at(pane)["invert"] for pane in PANES] == [True] * 3
    desk.page.get_by_test_id("MeasurementTools-split-button-primary").click()
    for pane in PANES:
        desk.activate(pane)
        x, y = desk.middle(pane)
        desk.drag_between((x - 60, y - 120), (x + 60, y - 120))
    lengths = [text for text in desk.measurements() if text]
    assert len(lengths) == 3
    assert all(text.endswith("mm Proj") for text in lengths), lengths
    desk.page.keyboard.press("Delete")
    desk.page.wait_for_function("window.services.measurementService.getMeasurements().length === 2")


def test_a_click_beside_the_hand_is_doubted(desk, hand):
    desk.open(hand.study)
    desk.separate({"x": 150, "y": 300})
    desk.says("do not look like two bones that face each other")


def test_corrected_masks_are_not_lost_without_a_question(desk, hand):
    desk.open(hand.study)
    desk.separate(*hand.at("MCP2"))
    desk.page.get_by_test_id("Brush").first.click()
    desk.activate("upper")
    desk.activate("original")
    x, y = desk.middle("original")
    desk.drag_between((x - 30, y - 90), (x + 30, y - 90))
    expect(desk.page.get_by_test_id("bls-gan-again")).to_have_class("bls-gan-primary")
    desk.page.get_by_test_id("SeparateBones").click()
    desk.page.get_by_role("button", name="Keep them").click()
    expect(desk.page.get_by_test_id("bls-gan-bar")).to_have_count(0)
    desk.page.get_by_test_id("return-to-work-list").click()
    desk.page.get_by_role("button", name="Go on without them").click()
    expect(desk.page.get_by_text("Study List")).to_be_visible()
