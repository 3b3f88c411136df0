"""Tests of the open study: results that are there already, replaced, or of another radiograph."""

import copy
import re

import pytest
from playwright.sync_api import expect

from scripts.dicom.layer_image import BOX, JOINT
from tests.serving.conftest import ask
from tests.serving.ohif.conftest import check_linked, private_value, stored
from tests.support.waiting import wait_for

pytestmark = pytest.mark.browser


def test_a_second_separation_of_a_joint_replaces_the_first(desk, hand, pacs):
    desk.open(hand.study)
    desk.separate(*hand.at("MCP2"))
    first, uid = desk.series(), desk.image("upper")
    desk.separate(*hand.at("MCP2", by=9))
    assert desk.image("upper") != uid
    assert desk.series() == first
    expect(desk.page.get_by_test_id("bls-gan-joint")).to_have_count(1)
    assert {name: len(of_it) for name, of_it in stored(pacs, hand.study).items()} == dict.fromkeys(
        ("upper", "lower", "masks", "original"), 1
    )
    # And back: the same objects as at first, which the viewer had counted as gone.
    desk.separate(*hand.at("MCP2"))
    assert desk.image("upper") == uid
    assert desk.series() == first


def test_a_study_with_results_opens_side_by_side(desk, hand, server, pacs):
    assert ask(server, hand.sop, hand.at("MCP2", "MCP3")).ok
    desk.open(hand.study)
    desk.wait_masks()
    rows = desk.page.get_by_test_id("bls-gan-joint")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_have_attribute("aria-pressed", "true")
    expect(rows.nth(0)).to_contain_text(re.compile(r"Overlap [\d.,]+ mm² \([\d,]+ px\)"))
    [first] = [each for each in stored(pacs, hand.study)["upper"] if private_value(each, JOINT) == "joint1"]
    assert desk.image("upper") == first.SOPInstanceUID
    top, left, *_ = private_value(first, BOX)
    check_linked(desk, left, top)
    assert desk.looks_at("original")["middle"] == pytest.approx(
        [left + (first.Columns - 1) / 2, top + (first.Rows - 1) / 2], abs=0.6
    )


def test_no_request_leaves_the_origin(desk, hand):
    desk.page.goto(desk.url)
    expect(desk.page.get_by_text("Research use, not a medical device")).to_be_visible()
    desk.page.get_by_text("Phantom").first.click()
    desk.settle()
    desk.picture("the list of studies")
    desk.open(hand.study)
    desk.separate(*hand.at("MCP2"))
    desk.page.get_by_test_id("Brush").first.click()
    desk.settle()
    elsewhere = [url for url in desk.requests if not url.startswith((desk.url + "/", "blob:", "data:"))]
    assert not elsewhere
    assert len(desk.requests) > 50


def test_results_are_there_after_a_look_at_the_list_of_studies(desk, hand, pacs):
    desk.open(hand.study)
    desk.separate(*hand.at("MCP2"))
    desk.separate(*hand.at("MCP2", by=9))
    uid, series = desk.image("upper"), desk.series()
    desk.page.get_by_test_id("return-to-work-list").click()
    desk.page.get_by_text("Phantom").first.dblclick()
    desk.until("(pane) => !!pane?.getImageData?.()", "upper")
    desk.wait_masks()
    desk.settle()
    assert desk.image("upper") == uid
    assert desk.series() == series


def test_two_radiographs_of_a_study_have_results_of_their_own(desk, draw, pacs, put):
    left, right = draw(91), draw(94)
    other = copy.deepcopy(right.dataset)
    for keyword in ("StudyInstanceUID", "PatientID", "PatientName", "StudyID"):
        setattr(other, keyword, getattr(left.dataset, keyword))
    put(left.dataset, other)
    desk.open(left.study)
    sources = {desk.image("original"), left.sop, right.sop}
    assert len(sources) == 2
    desk.separate(*(left if desk.image("original") == left.sop else right).at("MCP2"))
    first = desk.image("original")
    second = ({left.sop, right.sop} - {first}).pop()
    # The other radiograph is brought into the first pane, as by a double click on its thumbnail.
    desk.page.evaluate(
        """(uid) => {
            const { displaySetService, viewportGridService } = window.services;
            const { displaySetInstanceUID } = displaySetService.getDisplaySetForSOPInstanceUID(uid);
            viewportGridService.setDisplaySetsForViewport(
                { viewportId: 'original', displaySetInstanceUIDs: [displaySetInstanceUID] });
        }""",
        second,
    )
    desk.settle()
    desk.separate(*(left if second == left.sop else right).at("MCP3"))
    assert desk.image("original") == second
    layers = {private_value(each, JOINT): each for each in stored(pacs, left.study)["upper"] if each.SOPInstanceUID}
    [layer] = [each for each in stored(pacs, left.study)["upper"] if each.SOPInstanceUID == desk.image("upper")]
    assert layer.SourceImageSequence[0].ReferencedSOPInstanceUID == second
    assert layers
    top, left_edge, *_ = private_value(layer, BOX)
    check_linked(desk, left_edge, top)
    rows = desk.page.get_by_test_id("bls-gan-joint")
    expect(rows).to_have_count(2)
    rows.nth(0).click()
    desk.settle()
    assert desk.image("original") == first


def test_a_result_can_be_removed_and_that_undone(desk, hand, pacs):
    desk.open(hand.study)
    desk.separate(*hand.at("MCP2", "MCP3"))
    rows, remove = (desk.page.get_by_test_id(f"bls-gan-{name}") for name in ("joint", "remove"))
    remove.click()
    expect(rows).to_have_count(1)
    desk.page.locator("[data-sonner-toast]").get_by_text("Undo").click()
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_have_attribute("aria-pressed", "true")
    desk.settle()
    assert len(stored(pacs, hand.study)["upper"]) == 2
    remove.click()
    expect(rows).to_have_count(1)
    wait_for(lambda: len(stored(pacs, hand.study)["upper"]) == 1 or desk.page.wait_for_timeout(500))
    desk.settle()
    there = stored(pacs, hand.study)
    assert [private_value(each, JOINT) for each in there["upper"]] == ["joint2"]
    assert {name: len(of_it) for name, of_it in there.items()} == {"upper": 1, "lower": 1, "masks": 1, "original": 1}


def test_a_double_click_on_a_layer_in_the_study_panel_shows_its_joint(desk, hand):
    desk.open(hand.study)
    desk.separate(*hand.at("MCP2", "MCP3"))
    rows = desk.page.get_by_test_id("bls-gan-joint")
    uid = desk.image("lower")
    desk.page.get_by_text("Joint 2, lower bone").dblclick()
    expect(rows.nth(1)).to_have_attribute("aria-pressed", "true")
    desk.settle()
    assert desk.image("lower") != uid
    middles = {pane: desk.looks_at(pane)["middle"] for pane in ("upper", "lower")}
    assert middles["upper"] == pytest.approx(middles["lower"], abs=0.05)
