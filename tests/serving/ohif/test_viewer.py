"""What a radiologist does in the viewer, with a real browser, a real PACS and a real server."""

import copy
import re

import numpy as np
import pytest
from playwright.sync_api import expect
from pydicom import Dataset
from pydicom.uid import ComputedRadiographyImageStorage, generate_uid

from scripts.dicom.layer_image import BOX, JOINT, LAYER, MASKS_FROM, PRIVATE_CREATOR, PRIVATE_GROUP
from scripts.inference.joint_list import FIELD_MM
from tests.serving.conftest import ask, empty, objects_in
from tests.support.desk import PANES
from tests.support.waiting import wait_for

pytestmark = pytest.mark.browser


def stored(pacs, study: str) -> dict[str, list[Dataset]]:
    """Objects of a study by what they are: upper, lower, masks, original."""
    found: dict[str, list[Dataset]] = {"upper": [], "lower": [], "masks": [], "original": []}
    for where in objects_in(pacs, study).values():
        dataset = pacs.fetch(where)
        layer = of(dataset, LAYER).lower() if (PRIVATE_GROUP, 0x10) in dataset else "original"
        found["masks" if dataset.Modality == "SEG" else layer].append(dataset)
    return found


def of(dataset: Dataset, element: int):
    """A value of the private block."""
    return dataset.private_block(PRIVATE_GROUP, PRIVATE_CREATOR)[element].value


def same_place(desk, left: float, top: float) -> None:
    """The middle of all panes is the same place of the hand, as large on all of them."""
    looks = {pane: desk.looks_at(pane) for pane in PANES}
    for pane in ("upper", "lower"):
        moved = np.add(looks[pane]["middle"], (left, top))
        np.testing.assert_allclose(moved, looks["original"]["middle"], atol=0.05)
        assert looks[pane]["zoom"] == pytest.approx(looks["original"]["zoom"], rel=1e-3)
        assert looks[pane]["window"] == pytest.approx(looks["original"]["window"])
        assert looks[pane]["invert"] == looks["original"]["invert"]


def test_a_click_on_a_joint_ends_in_original_upper_and_lower_bone_side_by_side(desk, hand, pacs):
    desk.open(hand.study)
    assert desk.series() == ["DX Hand, drawn"]
    desk.mark(*hand.at("MCP2"))
    desk.picture("a joint is marked")
    desk.page.get_by_test_id("bls-gan-separate").click()
    desk.wait_shown(1)

    there = stored(pacs, hand.study)
    assert desk.series() == [
        "DX Hand, drawn",
        "DX Joint 1, lower bone",
        "DX Joint 1, upper bone",
        f"SEG {there['masks'][0].SeriesDescription}",
    ]
    for pane in PANES:
        [dataset] = there[pane]
        assert desk.image(pane) == dataset.SOPInstanceUID
        np.testing.assert_array_equal(desk.stored_values(pane), dataset.pixel_array)
    top, left, *_ = of(there["upper"][0], BOX)
    same_place(desk, left, top)
    # The layer fills its pane from side to side.
    assert desk.looks_at("upper")["zoom"] * there["upper"][0].Columns == pytest.approx(
        desk.of("upper", "(pane) => pane.canvas.clientWidth"), rel=0.02
    )
    shown = desk.page.get_by_test_id("bls-gan-joint")
    expect(shown).to_contain_text("Joint 1")
    expect(shown).to_contain_text(re.compile(r"Overlap [\d.,]+ mm² \([\d,]+ px\)"))
    expect(shown).to_contain_text("Masks predicted")
    assert not desk.failures


def test_what_is_on_the_screen_is_what_is_in_the_file(desk, hand, pacs):
    desk.open(hand.study)
    desk.separate(*hand.at("MCP3"))
    desk.page.get_by_test_id("ShowMasks").click()
    desk.settle()
    for pane in PANES:
        dataset = stored(pacs, hand.study)[pane][0]
        look, screen = desk.looks_at(pane), desk.screen(pane)
        # At one place a pixel, well inside the bone of that layer or on the joint in the original.
        bright = np.argwhere(dataset.pixel_array > np.percentile(dataset.pixel_array, 90))
        if pane == "original":
            box = of(stored(pacs, hand.study)["upper"][0], BOX)
            bright = np.array([[(box[0] + box[2]) // 2, (box[1] + box[3]) // 2]])
        row, column = bright[len(bright) // 2]
        near = dataset.pixel_array[row - 1 : row + 2, column - 1 : column + 2].astype(float)
        low, high = look["window"]
        expected = np.clip((near - low) / (high - low), 0, 1) * 255
        x, y = desk.place(float(column), float(row), pane)
        left, top, scale = desk.of(
            pane,
            """(pane) => {
                const { left, top, width } = pane.canvas.getBoundingClientRect();
                return [left, top, pane.canvas.width / width];
            }""",
        )
        seen = screen[int((y - top) * scale), int((x - left) * scale)].mean()
        assert expected.min() - 3 <= seen <= expected.max() + 3, pane


def test_panes_move_as_one(desk, hand, pacs):
    desk.open(hand.study)
    desk.separate(*hand.at("MCP2"))
    top, left, *_ = of(stored(pacs, hand.study)["upper"][0], BOX)
    before = desk.looks_at("original")
    desk.activate("upper")
    desk.drag("upper", 0, 60, "right")
    zoomed = desk.looks_at("original")
    assert zoomed["zoom"] != pytest.approx(before["zoom"], rel=0.05)
    same_place(desk, left, top)
    desk.activate("lower")
    desk.drag("lower", 40, 25, "middle")
    assert desk.looks_at("original")["middle"] != pytest.approx(zoomed["middle"], abs=2)
    same_place(desk, left, top)
    desk.activate("original")
    desk.drag("original", 50, 30)
    assert desk.looks_at("upper")["window"] != pytest.approx(before["window"])
    same_place(desk, left, top)
    panned = desk.looks_at("original")["middle"]
    for key in ("r", "h"):
        desk.page.keyboard.press(key)
        desk.settle()
        # Turned about what is looked at.
        assert desk.looks_at("original")["middle"] == pytest.approx(panned, abs=0.1)
        same_place(desk, left, top)
        ups = [desk.of(pane, "(pane) => Array.from(pane.getCamera().viewUp)") for pane in PANES]
        flips = [desk.of(pane, "(pane) => !!pane.getCamera().flipHorizontal") for pane in PANES]
        np.testing.assert_allclose(ups, [ups[0]] * 3, atol=1e-6)
        assert len(set(flips)) == 1
        for pane in PANES:
            assert np.percentile(desk.screen(pane).mean(axis=2), 97) > 60, pane
        desk.picture(f"turned by {key}")
    # A click on the joint looks at it again.
    desk.page.get_by_test_id("bls-gan-joint").click()
    desk.settle()
    assert desk.looks_at("original")["middle"] == pytest.approx(before["middle"], abs=0.5)


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
    box = of(before["upper"][0], BOX)
    middle = ((box[1] + box[3]) / 2, (box[0] + box[2]) / 2)
    desk.drag_between(desk.place(middle[0] - 25, middle[1]), desk.place(middle[0] + 25, middle[1]))
    expect(again).to_have_class("bls-gan-primary")
    desk.picture("a mask is corrected")
    again.click()
    desk.wait_shown(2)

    after = stored(pacs, hand.study)
    for layer in ("upper", "lower"):
        assert of(after[layer][0], MASKS_FROM) == "given"
        assert (after[layer][0].pixel_array != before[layer][0].pixel_array).sum() > 100
        np.testing.assert_array_equal(desk.stored_values(layer), after[layer][0].pixel_array)
    assert (after["masks"][0].pixel_array == 3).sum() > (before["masks"][0].pixel_array == 3).sum()
    expect(desk.page.get_by_test_id("bls-gan-joint")).to_contain_text("Masks corrected")
    expect(again).to_have_class("bls-gan-secondary")


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
        assert of(layer, JOINT) == f"joint{number + 1}"
        top, left, *_ = of(layer, BOX)
        same_place(desk, left, top)


def test_a_box_can_be_drawn_and_marks_can_be_taken_back(desk, hand, pacs):
    desk.open(hand.study)
    [joint] = hand.at("MCP3")
    corners = [(joint["x"] + side * 70, joint["y"] + side * 80) for side in (-1, 1)]
    desk.mark()
    desk.drag_between(*(desk.place(*corner) for corner in corners))
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
    assert list(of(layer, BOX)) == pytest.approx(drawn, abs=2)


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
    desk.drag_between(desk.place(600, 700), desk.place(612, 712))
    desk.page.get_by_test_id("bls-gan-separate").click()
    desk.says("px")
    desk.settle()
    desk.picture("a refusal")
    assert desk.times_shown() == 0
    # What was marked stays, to be changed.
    expect(desk.page.get_by_test_id("bls-gan-hint")).to_have_text("1 joint marked")
    desk.page.get_by_test_id("bls-gan-clear").click()
    expect(desk.page.get_by_test_id("bls-gan-mark")).to_have_count(0)


def test_a_study_with_results_opens_side_by_side(desk, hand, server, pacs):
    assert ask(server, hand.sop, hand.at("MCP2", "MCP3")).ok
    desk.open(hand.study)
    desk.wait_masks()
    rows = desk.page.get_by_test_id("bls-gan-joint")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_have_attribute("aria-pressed", "true")
    expect(rows.nth(0)).to_contain_text(re.compile(r"Overlap [\d.,]+ mm² \([\d,]+ px\)"))
    [first] = [each for each in stored(pacs, hand.study)["upper"] if of(each, JOINT) == "joint1"]
    assert desk.image("upper") == first.SOPInstanceUID
    top, left, *_ = of(first, BOX)
    same_place(desk, left, top)
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


@pytest.mark.parametrize(("photometric", "bits"), [("MONOCHROME1", 16), ("MONOCHROME2", 16), ("MONOCHROME1", 12)])
def test_bones_are_bright_whatever_the_polarity_and_depth_of_the_source(desk, draw, pacs, photometric, bits):
    hand = draw(91, photometric=photometric, bits=bits)
    empty(pacs, hand.study)
    pacs.store([hand.dataset])
    desk.open(hand.study)
    desk.separate(*hand.at("MCP2"))
    desk.page.get_by_test_id("ShowMasks").click()
    desk.settle()
    there = stored(pacs, hand.study)
    top, left, *_ = of(there["upper"][0], BOX)
    same_place(desk, left, top)
    for pane in ("upper", "lower"):
        screen = desk.screen(pane).mean(axis=2)
        # Black outside the bone, bright inside.
        assert np.median(screen[:20]) < 5
        assert np.percentile(screen, 99) > 60
        np.testing.assert_array_equal(desk.stored_values(pane), there[pane][0].pixel_array)
    whole = desk.screen("original").mean(axis=2)
    assert np.percentile(whole, 95) > 60
    empty(pacs, hand.study)


def test_layers_of_a_signed_source_have_its_window(desk, draw, pacs):
    hand = draw(92)
    signed = copy.deepcopy(hand.dataset)
    lift = 2 ** (signed.BitsStored - 1)
    signed.SOPClassUID = signed.file_meta.MediaStorageSOPClassUID = ComputedRadiographyImageStorage
    signed.Modality = "CR"
    signed.SOPInstanceUID = signed.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    signed.StudyInstanceUID, signed.SeriesInstanceUID = generate_uid(), generate_uid()
    signed.PixelData = (hand.dataset.pixel_array.astype(np.int32) - lift).astype(np.int16).tobytes()
    signed.PixelRepresentation = 1
    signed.RescaleSlope, signed.RescaleIntercept = 1, 0
    signed.WindowCenter = float(signed.WindowCenter) - lift
    if "PixelPaddingValue" in signed:
        del signed.PixelPaddingValue
    pacs.store([signed])
    study = str(signed.StudyInstanceUID)
    desk.open(study)
    desk.separate(*hand.at("MCP2"))
    desk.activate("original")
    desk.drag("original", 40, 20)
    windows = {pane: np.array(desk.looks_at(pane)["window"]) for pane in PANES}
    for pane in ("upper", "lower"):
        np.testing.assert_allclose(windows[pane], windows["original"] + lift)
    empty(pacs, study)


def test_layers_are_on_the_screen_soon_after_the_click(desk, whole_hand, pacs, record_property):
    hand = whole_hand
    empty(pacs, hand.study)
    pacs.store([hand.dataset])
    desk.open(hand.study)
    desk.separate(*hand.at("MCP2"))
    first = desk.seconds()
    desk.separate(*hand.at("MCP3"))
    warm = desk.seconds()
    record_property("seconds", {"first": first, "warm": warm})
    print(f"first: {first}, warm: {warm}")
    assert warm["shown"] < 10
    empty(pacs, hand.study)


def test_results_are_there_after_a_look_at_the_list_of_studies(desk, hand, pacs):
    desk.open(hand.study)
    desk.separate(*hand.at("MCP2"))
    desk.separate(*hand.at("MCP2", by=9))
    uid, series = desk.image("upper"), desk.series()
    desk.page.get_by_test_id("return-to-work-list").click()
    desk.page.get_by_text("Phantom").first.dblclick()
    desk.until("(pane) => !!pane?.getImageData?.()", "upper")
    desk.wait_masks()
    assert desk.image("upper") == uid
    assert desk.series() == series


def test_two_radiographs_of_a_study_have_results_of_their_own(desk, draw, pacs):
    left, right = draw(91), draw(94)
    other = copy.deepcopy(right.dataset)
    for keyword in ("StudyInstanceUID", "PatientID", "PatientName", "StudyID"):
        setattr(other, keyword, getattr(left.dataset, keyword))
    empty(pacs, left.study)
    pacs.store([left.dataset, other])
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
    layers = {of(each, JOINT): each for each in stored(pacs, left.study)["upper"] if each.SOPInstanceUID}
    [layer] = [each for each in stored(pacs, left.study)["upper"] if each.SOPInstanceUID == desk.image("upper")]
    assert layer.SourceImageSequence[0].ReferencedSOPInstanceUID == second
    assert layers
    top, left_edge, *_ = of(layer, BOX)
    same_place(desk, left_edge, top)
    rows = desk.page.get_by_test_id("bls-gan-joint")
    expect(rows).to_have_count(2)
    rows.nth(0).click()
    desk.settle()
    assert desk.image("original") == first
    empty(pacs, left.study)


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


def test_a_double_click_on_a_joint_separates_it_at_once(desk, hand):
    desk.open(hand.study)
    desk.mark()
    [joint] = hand.at("MCP2")
    desk.page.mouse.dblclick(*desk.place(joint["x"], joint["y"]))
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
    # Who goes on to another joint is told what would be lost.
    desk.page.get_by_test_id("SeparateBones").click()
    desk.says("The corrected masks are not used yet")
    desk.page.keyboard.press("Escape")
    desk.until("(pane) => !!pane?.getImageData?.()", "upper")
    desk.settle()
    desk.page.get_by_test_id("bls-gan-again").click()
    desk.wait_shown(2)
    assert [of(each, MASKS_FROM) for each in stored(pacs, hand.study)["upper"]] == ["given", "given"]
    expect(rows.nth(1)).to_have_attribute("aria-pressed", "true")
