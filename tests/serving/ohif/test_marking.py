"""Tests of marking joints and separating them, also where the PACS or the server is away."""

import numpy as np
import pytest
from playwright.sync_api import expect

from scripts.dicom.layer_image import BOX, JOINT
from scripts.physics import FIELD_MM
from tests.serving.ohif.conftest import check_linked, private_value, stored
from tests.support.desk import PANES

pytestmark = pytest.mark.browser


def test_several_joints_are_separated_at_once_and_looked_at_one_after_the_other(desk, hand, pacs):
    desk.open(hand.study)
    desk.separate(*hand.at("MCP3"))
    desk.separate(*hand.at("MCP2", "MCP4"))
    rows = desk.page.get_by_test_id("bls-gan-joint")
    expect(rows).to_have_count(3)
    expect(rows.nth(1)).to_have_attribute("aria-pressed", "true")
    layers = {str(each.SOPInstanceUID): each for each in stored(pacs, hand.study)["upper"]}
    for number in (1, 2, 0, 1, 0):
        rows.nth(number).click()
        expect(rows.nth(number)).to_have_attribute("aria-pressed", "true")
        desk.settle()
        for pane in PANES:
            assert np.percentile(desk.screen(pane).mean(axis=2), 95) > 60, pane
        layer = layers[desk.image("upper")]
        assert private_value(layer, JOINT) == f"joint{number + 1}"
        top, left, *_ = private_value(layer, BOX)
        check_linked(desk, left, top)


def test_a_box_can_be_drawn_and_marks_can_be_taken_back(desk, hand, pacs):
    desk.open(hand.study)
    [joint] = hand.at("MCP3")
    corners = [(joint["x"] + side * 70, joint["y"] + side * 80) for side in (-1, 1)]
    desk.mark()
    desk.drag_between(*(desk.point(*corner) for corner in corners))
    desk.mark(*hand.at("MCP2"))
    marks = desk.page.get_by_test_id("bls-gan-mark")
    expect(marks).to_have_count(2)
    expect(desk.page.get_by_test_id("bls-gan-hint")).to_have_text("2 joints marked")
    # The region around the click is as large as the one that the server takes.
    width = desk.page.locator(".bls-gan-region").evaluate("(region) => region.getBBox().width")
    pixels = FIELD_MM / float(hand.dataset.ImagerPixelSpacing[0])
    assert width == pytest.approx(pixels * desk.looks_at("original")["zoom"], abs=1)
    desk.picture("a box and a click")
    desk.settle()
    desk.mark(*hand.at("MCP2"))
    expect(marks).to_have_count(1)
    desk.page.keyboard.press("Enter")
    desk.wait_shown(1)
    [layer] = stored(pacs, hand.study)["upper"]
    drawn = [corners[0][1], corners[0][0], corners[1][1], corners[1][0]]
    assert list(private_value(layer, BOX)) == pytest.approx(drawn, abs=2)


def test_escape_ends_the_marking_and_brings_back_what_was_looked_at(desk, hand):
    desk.open(hand.study)
    desk.separate(*hand.at("MCP2"))
    uid = desk.image("upper")
    desk.mark(*hand.at("MCP4"))
    desk.page.keyboard.press("Escape")
    expect(desk.page.get_by_test_id("bls-gan-bar")).to_have_count(0)
    desk.until("(pane) => !!pane?.getImageData?.()", "upper")
    desk.settle()
    assert desk.image("upper") == uid
    assert desk.times_shown() == 1


def test_a_stopped_pacs_ends_in_a_sentence_and_its_return_in_a_result(desk, hand, orthanc):
    desk.open(hand.study)
    orthanc.stop()
    try:
        desk.mark(*hand.at("MCP2"))
        desk.page.get_by_test_id("bls-gan-separate").click()
        desk.says("The PACS")
        desk.settle()
        desk.picture("the PACS is away")
        assert desk.times_shown() == 0
        expect(desk.page.get_by_test_id("bls-gan-mark")).to_have_count(1)
    finally:
        orthanc.start()
    desk.page.get_by_test_id("bls-gan-separate").click()
    desk.wait_shown(1)


def test_a_refusal_of_the_server_is_shown_as_its_sentence(desk, hand):
    desk.open(hand.study)
    desk.mark()
    desk.drag_between(desk.point(600, 700), desk.point(612, 712))
    desk.page.get_by_test_id("bls-gan-separate").click()
    desk.says("px")
    desk.settle()
    desk.picture("a refusal")
    assert desk.times_shown() == 0
    # What was marked stays, to be changed.
    expect(desk.page.get_by_test_id("bls-gan-hint")).to_have_text("1 joint marked")
    desk.page.get_by_test_id("bls-gan-clear").click()
    expect(desk.page.get_by_test_id("bls-gan-mark")).to_have_count(0)


def test_a_double_click_on_a_joint_separates_it_at_once(desk, hand):
    desk.open(hand.study)
    desk.mark()
    [joint] = hand.at("MCP2")
    desk.page.mouse.dblclick(*desk.point(joint["x"], joint["y"]))
    desk.wait_shown(1)


def test_it_is_seen_that_the_viewer_works_and_that_the_server_is_away(desk, hand):
    desk.open(hand.study)
    desk.page.route("**/infer/**", lambda route: (desk.page.wait_for_timeout(1500), route.abort()))
    desk.mark(*hand.at("MCP2"))
    desk.page.get_by_test_id("bls-gan-separate").click()
    desk.says("Separating the bones")
    expect(desk.page.get_by_test_id("SeparateBones")).to_be_disabled()
    desk.says("The server cannot be reached")
    expect(desk.page.locator("[data-sonner-toast]", has_text="Separating the bones")).to_have_count(0)
    desk.page.unroute("**/infer/**")
    desk.page.get_by_test_id("bls-gan-separate").click()
    desk.wait_shown(1)
