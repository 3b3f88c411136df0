# Copyright 2026 The BLS-GAN bundle contributors
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""Tests of joints that the viewer proposes: dragged, dropped, separated."""

import pytest
from playwright.sync_api import expect

from scripts.dicom.layer_image import CENTRE, CONFIDENCE, JOINT, PRIVATE_CREATOR, PRIVATE_GROUP
from tests.serving.ohif.conftest import private_value, stored

pytestmark = pytest.mark.browser


def test_proposed_joints_have_names_and_are_dragged_dropped_and_separated(desk, hand, pacs):
    desk.open(hand.study)
    desk.page.get_by_test_id("FindJoints").click()
    marks = desk.page.get_by_test_id("bls-gan-mark")
    expect(marks).to_have_count(5)
    captions = desk.page.locator(".bls-gan-marks .bls-gan-caption")
    expect(captions.nth(1)).to_contain_text("MCP2 0.9")
    desk.settle()
    desk.picture("five proposals")
    scale = desk.looks_at("original")["zoom"]
    x, y = hand.joints["MCP3"]
    start = desk.point(x, y)
    desk.drag_between(start, (start[0] + 30, start[1] + 20))
    expect(marks).to_have_count(5)
    for name in ("MCP1", "MCP4", "MCP5"):
        desk.page.mouse.click(*desk.point(*hand.joints[name]))
        desk.page.wait_for_timeout(400)
    expect(marks).to_have_count(2)
    desk.page.keyboard.press("Enter")
    desk.wait_shown(1)
    layers = {private_value(layer, JOINT): layer for layer in stored(pacs, hand.study)["upper"]}
    assert layers.keys() == {"MCP2", "MCP3"}
    row, column = private_value(layers["MCP3"], CENTRE)
    assert column == pytest.approx(x + 30 / scale, abs=25)
    assert row == pytest.approx(y + 20 / scale, abs=25)
    # Whoever has pressed Enter has looked at them.
    assert CONFIDENCE not in layers["MCP2"].private_block(PRIVATE_GROUP, PRIVATE_CREATOR)


def test_joints_that_are_separated_already_are_not_proposed_again(desk, hand):
    desk.open(hand.study)
    desk.separate(*hand.at("MCP2", "MCP3"))
    desk.page.keyboard.press("f")
    expect(desk.page.get_by_test_id("bls-gan-mark")).to_have_count(3)
    desk.page.keyboard.press("Escape")
