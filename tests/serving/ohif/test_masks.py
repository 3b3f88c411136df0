"""Tests of the masks over the original: shown, hidden, corrected."""

import numpy as np
import pytest
from playwright.sync_api import expect

from scripts.dicom.layer_image import BOX, MASKS_FROM
from tests.serving.ohif.conftest import private_value, stored
from tests.support.waiting import wait_for

pytestmark = pytest.mark.browser


def test_masks_lie_over_the_original_and_can_be_switched_off_and_on(desk, hand):
    desk.open(hand.study)
    desk.separate(*hand.at("MCP2"))
    desk.settle()

    def colourful() -> int:
        screen = desk.screen("original")
        return int((screen.max(axis=2) - screen.min(axis=2) > 20).sum())

    assert colourful() > 1000
    desk.page.keyboard.press("m")
    wait_for(lambda: colourful() == 0)
    expect(desk.page.get_by_test_id("ShowMasks")).to_have_attribute("aria-pressed", "false")
    desk.page.get_by_test_id("ShowMasks").click()
    wait_for(lambda: colourful() > 1000)


def test_a_corrected_mask_changes_the_layers(desk, hand, pacs):
    desk.open(hand.study)
    desk.separate(*hand.at("MCP2"))
    before = stored(pacs, hand.study)
    again = desk.page.get_by_test_id("bls-gan-again")
    expect(again).to_have_class("bls-gan-secondary")
    desk.page.get_by_test_id("Brush").first.click()
    desk.settle()
    box = private_value(before["upper"][0], BOX)
    middle = ((box[1] + box[3]) / 2, (box[0] + box[2]) / 2)
    desk.drag_between(desk.point(middle[0] - 25, middle[1]), desk.point(middle[0] + 25, middle[1]))
    expect(again).to_have_class("bls-gan-primary")
    desk.picture("a mask is corrected")
    again.click()
    desk.wait_shown(2)

    after = stored(pacs, hand.study)
    for layer in ("upper", "lower"):
        assert private_value(after[layer][0], MASKS_FROM) == "given"
        assert (after[layer][0].pixel_array != before[layer][0].pixel_array).sum() > 100
        np.testing.assert_array_equal(desk.stored_values(layer), after[layer][0].pixel_array)
    assert (after["masks"][0].pixel_array == 3).sum() > (before["masks"][0].pixel_array == 3).sum()
    expect(desk.page.get_by_test_id("bls-gan-joint")).to_contain_text("Masks corrected")
    expect(again).to_have_class("bls-gan-secondary")


def test_corrections_of_several_joints_are_used_together(desk, hand, pacs):
    desk.open(hand.study)
    desk.separate(*hand.at("MCP2", "MCP4"))
    rows = desk.page.get_by_test_id("bls-gan-joint")
    desk.page.get_by_test_id("Brush").first.click()
    for number in (0, 1):
        rows.nth(number).click()
        expect(rows.nth(number)).to_have_attribute("aria-pressed", "true")
        desk.settle()
        x, y = desk.middle("original")
        desk.drag_between((x - 40, y), (x + 40, y))
    # Who goes on to another joint is asked; Escape keeps the masks.
    desk.page.get_by_test_id("SeparateBones").click()
    expect(desk.page.get_by_test_id("bls-gan-dialog")).to_be_visible()
    desk.page.keyboard.press("Escape")
    expect(desk.page.get_by_test_id("bls-gan-dialog")).to_have_count(0)
    desk.until("(pane) => !!pane?.getImageData?.()", "upper")
    desk.settle()
    desk.page.get_by_test_id("bls-gan-again").click()
    desk.wait_shown(2)
    assert [private_value(each, MASKS_FROM) for each in stored(pacs, hand.study)["upper"]] == ["given", "given"]
    expect(rows.nth(1)).to_have_attribute("aria-pressed", "true")
