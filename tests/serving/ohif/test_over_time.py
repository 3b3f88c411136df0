"""Tests of joint spaces over time in the viewer: plot, words, comparison, lines that are moved, the stored report."""

import pytest
from playwright.sync_api import expect

from tests.serving.conftest import ask, objects_in
from tests.support.waiting import wait_for

pytestmark = pytest.mark.browser


def reports(pacs, study):
    found = [pacs.fetch(each) for each in objects_in(pacs, study).values()]
    return [dataset for dataset in found if dataset.Modality == "SR"]


def opacity(desk):
    return float(
        desk.page.locator("[data-cy=bls-gan-stack-original] img").nth(1).evaluate("each => each.style.opacity")
    )


def bright_rows(desk):
    """Rows of the made picture in which anything is drawn."""
    rows = """canvas => {
        const { data, height, width } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        const row = at => data.subarray(4 * width * at, 4 * width * (at + 1));
        const rows = Array.from({ length: height }, (_, at) => row(at));
        return rows.filter(one => one.some((value, at) => at % 4 < 3 && value > 60)).length;
    }"""
    return desk.page.get_by_test_id("bls-gan-adjusted").evaluate(rows)


def wait_for_lines(desk, count):
    """Wait until OHIF has so many lines of the report among its measurements."""
    lengths = "window.services.measurementService.getMeasurements().filter(({ toolName }) => toolName === 'Length')"
    desk.page.wait_for_function(f"{lengths}.length === {count}")


def test_a_joint_is_measured_over_time_compared_corrected_read_back_and_left_out(desk, server, pacs, visits):
    now, part = visits[1], desk.page.get_by_test_id
    assert ask(server, now.sop, [{"joint": "MCP2", **now.at("MCP2")[0]}]).ok
    desk.open(now.study)
    desk.wait_masks()
    part("bls-gan-measure").click()
    expect(part("bls-gan-plot")).to_be_visible()
    expect(part("bls-gan-words")).to_contain_text("mm narrower, ±")
    wait_for_lines(desk, 1)
    assert any(name.startswith("SR Joint space, right PA") for name in desk.series())
    desk.settle()
    desk.picture("widths over time")
    [first] = reports(pacs, now.study)

    said = part("bls-gan-words").inner_text()
    part("bls-gan-compare").click()
    expect(part("bls-gan-result")).to_contain_text(said)
    assert opacity(desk) == 1
    desk.picture("comparison, the later visit")
    desk.page.keyboard.press("Space")
    assert opacity(desk) == 0
    desk.picture("comparison, the earlier visit")
    part("bls-gan-blend").fill("0.5")
    assert opacity(desk) == 0.5
    desk.page.keyboard.press("f")
    for seen in (0, 1):
        wait_for(lambda seen=seen: opacity(desk) == seen or desk.page.wait_for_timeout(50))
    desk.page.keyboard.press("f")
    part("bls-gan-blend").fill("1")

    part("bls-gan-adjust").fill("-0.5")
    expect(part("bls-gan-adjusted-label")).to_have_text("0.50 mm narrower")
    expect(part("bls-gan-adjusted")).to_be_visible()
    wait_for(lambda: bright_rows(desk) > 100 or desk.page.wait_for_timeout(50))
    desk.picture("comparison, the joint space adjusted")
    part("bls-gan-adjust").fill("0")
    expect(part("bls-gan-adjusted")).to_be_hidden()

    expect(part("bls-gan-measure-moved")).to_be_disabled()
    box = part("bls-gan-end-0").nth(1).bounding_box()
    start = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    desk.drag_between(start, (start[0], start[1] - 12))
    part("bls-gan-measure-moved").click()
    expect(part("bls-gan-compare-dialog")).to_contain_text("lines moved by a reader")
    desk.picture("comparison, lines moved")
    [second] = reports(pacs, now.study)
    assert second.SOPInstanceUID != first.SOPInstanceUID
    desk.page.keyboard.press("Escape")
    expect(part("bls-gan-compare-dialog")).to_have_count(0)

    said = part("bls-gan-words").inner_text()
    desk.open(now.study)
    expect(part("bls-gan-words")).to_have_text(said)
    expect(part("bls-gan-space")).to_contain_text("lines moved by a reader")
    wait_for_lines(desk, 1)
    part("bls-gan-leave-out").click()
    expect(part("bls-gan-plot")).to_have_count(0)
    wait_for_lines(desk, 0)
    assert not reports(pacs, now.study)
    assert not any(name.startswith("SR ") for name in desk.series())
    assert not desk.failures
