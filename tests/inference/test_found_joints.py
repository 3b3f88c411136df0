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

from types import SimpleNamespace

import pytest
from pydicom import Dataset

from scripts.dicom.reader import Radiograph
from scripts.errors import InputError, SkippedInput
from scripts.inference.found_joints import NO_HAND, find_rows, row_of
from scripts.inference.joint_finder import CONFIDENT, FoundJoint


def joint(name: str = "MCP2", confidence: float = 0.97, angle: float = 3.0) -> FoundJoint:
    return FoundJoint(name, (100.5, 200.25), angle, confidence, "right")


@pytest.fixture
def radiograph() -> Radiograph:
    """A header alone: the finder of a test does not look at the image."""
    dataset = Dataset()
    dataset.ImageLaterality = "R"
    return SimpleNamespace(dataset=dataset)  # type: ignore[return-value]


def test_joints_that_are_sure_are_rows_with_their_confidence(radiograph: Radiograph) -> None:
    found = find_rows(lambda _: [joint()], radiograph, "hand.dcm")
    [row] = found.rows
    assert (row.name, row.numbers, row.unit, row.confidence) == ("MCP2", (100.5, 200.25), "px", 0.97)
    assert not found.notes


def test_an_unsure_joint_is_not_separated_and_the_reason_is_said(radiograph: Radiograph) -> None:
    found = find_rows(lambda _: [joint(), joint("MCP5", 0.4)], radiograph, "hand.dcm")
    assert [row.name for row in found.rows] == ["MCP2"]
    assert found.notes == [f"MCP5 not separated: found with confidence 0.40, below {CONFIDENT}"]


def test_a_radiograph_without_a_hand_is_skipped(radiograph: Radiograph) -> None:
    with pytest.raises(SkippedInput, match=r"foot\.dcm: no hand was found") as skipped:
        find_rows(lambda _: [], radiograph, "foot.dcm")
    assert skipped.value.kind == NO_HAND


def test_a_hand_whose_joints_are_all_unsure_is_refused(radiograph: Radiograph) -> None:
    with pytest.raises(InputError, match=r"hand\.dcm: name its joints, none is sure enough .*MCP2 .*0\.30"):
        find_rows(lambda _: [joint(confidence=0.3)], radiograph, "hand.dcm")


@pytest.mark.parametrize(("angle", "given"), [(3.0, None), (-24.9, None), (-41.26, -41.3), (120.0, 90.0)])
def test_only_joints_that_lean_a_lot_are_given_with_their_angle(angle: float, given: float | None) -> None:
    assert row_of(joint(angle=angle), "hand.dcm").angle == given


def test_a_header_that_tells_another_side_is_said(radiograph: Radiograph) -> None:
    radiograph.dataset.ImageLaterality = "L"
    found = find_rows(lambda _: [joint()], radiograph, "hand.dcm")
    assert found.notes == ["the header says left hand, the order of the joints says right: is the image mirrored?"]
