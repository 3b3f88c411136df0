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

from pathlib import Path

import numpy as np
import pytest
import torch

from scripts.dicom.reader import read_radiograph
from scripts.inference.joint_finder import CONFIDENT, FoundJoint, JointFinder
from scripts.networks import checkpoints
from scripts.networks.finder import Finder
from scripts.networks.separator import Separator
from scripts.phantoms.hand import Hand, draw_hand
from scripts.phantoms.joint_anatomy import smooth_step

ROOT = Path(__file__).parents[2]
SPACING = 0.2


@pytest.fixture(scope="module")
def finder() -> JointFinder:
    return JointFinder(checkpoints.load(Separator(), ROOT / "models" / "model.pt").finder)


@pytest.fixture(scope="module")
def hand() -> Hand:
    return draw_hand(11, spacing=SPACING)


def distances(found: list[FoundJoint], hand: Hand, *, turned: bool = False, mirrored: bool = False) -> dict[str, float]:
    """Distance of each find to the drawn joint of its name, mm."""
    height, width = hand.image.shape[1:]
    away = {}
    for joint in found:
        x, y = hand.joints[joint.name.split("-")[-1]].centre
        if turned or mirrored:
            x = width - 1 - x
        y = height - 1 - y if turned else y
        away[joint.name] = SPACING * float(np.hypot(joint.centre[0] - x, joint.centre[1] - y))
    return away


NAMES = {"MCP1", "MCP2", "MCP3", "MCP4", "MCP5"}


def test_the_five_joints_of_a_hand_are_found_confidently(finder: JointFinder, hand: Hand) -> None:
    found = finder.find_in(hand.image[0], (SPACING, SPACING))
    assert {joint.name for joint in found} == NAMES
    assert {joint.side for joint in found} == {"right"}
    assert max(distances(found, hand).values()) < 1.5
    assert min(joint.confidence for joint in found) > CONFIDENT


def test_a_left_hand_is_told_from_a_right_one(finder: JointFinder, hand: Hand) -> None:
    found = finder.find_in(hand.image[0].flip(1), (SPACING, SPACING))
    assert {joint.side for joint in found} == {"left"}
    assert max(distances(found, hand, mirrored=True).values()) < 1.5


@pytest.mark.parametrize("spacing", [0.1, 0.15])
def test_the_resolution_does_not_matter(finder: JointFinder, spacing: float) -> None:
    drawn = draw_hand(11, spacing=spacing)
    found = finder.find_in(drawn.image[0], (spacing, spacing))
    assert {joint.name for joint in found} == NAMES
    for joint in found:
        assert spacing * np.hypot(*np.subtract(joint.centre, drawn.joints[joint.name].centre)) < 1.5


def test_the_angle_of_a_leaning_hand_is_found(finder: JointFinder, hand: Hand) -> None:
    from skimage.transform import rotate

    upright = {joint.name: joint.angle for joint in finder.find_in(hand.image[0], (SPACING, SPACING))}
    leaning = torch.from_numpy(rotate(hand.image[0].numpy(), -20, mode="edge"))
    found = finder.find_in(leaning, (SPACING, SPACING))
    assert {joint.name for joint in found} == NAMES
    for joint in found:
        assert joint.angle - upright[joint.name] == pytest.approx(20, abs=8)


def test_both_hands_of_a_film_are_found_and_named_by_their_side(finder: JointFinder, hand: Hand) -> None:
    both = torch.cat([hand.image[0].flip(1), hand.image[0]], dim=1)
    found = finder.find_in(both, (SPACING, SPACING))
    assert {joint.name for joint in found} == {f"{side}-{name}" for side in ("left", "right") for name in NAMES}


def circle() -> torch.Tensor:
    rows, columns = np.indices((1000, 900)) - 450.0
    return torch.from_numpy(smooth_step(300 - np.hypot(rows, columns), -2, 2)).float()


@pytest.mark.parametrize(
    "film",
    [circle(), torch.full((800, 900), 0.4), torch.rand((900, 800), generator=torch.Generator().manual_seed(0))],
    ids=["a circle", "nothing", "noise"],
)
def test_where_there_is_no_hand_nothing_is_found_confidently(finder: JointFinder, film: torch.Tensor) -> None:
    assert all(joint.confidence < CONFIDENT for joint in finder.find_in(film, (0.25, 0.25)))


@pytest.mark.parametrize("size", [(60, 4000), (100, 100), (40000, 100)])
def test_a_film_too_small_or_too_large_for_a_hand_is_not_looked_at(size: tuple[int, int]) -> None:
    assert JointFinder(Finder()).find_in(torch.zeros(size), (0.2, 0.2)) == []


def test_fingers_may_point_down_if_the_header_says_so(finder: JointFinder) -> None:
    radiograph = read_radiograph(ROOT / "samples" / "hand" / "hand_000_right.dcm")
    upright = {joint.name: joint.centre for joint in finder.find(radiograph)}
    object.__setattr__(radiograph, "levels", np.ascontiguousarray(radiograph.levels[::-1, ::-1]))
    rows, columns = radiograph.levels.shape
    radiograph.dataset.PatientOrientation = ["R", "F"]
    found = finder.find(radiograph)
    assert {joint.name for joint in found} == NAMES
    for joint in found:
        x, y = upright[joint.name]
        assert joint.centre == pytest.approx((columns - 1 - x, rows - 1 - y), abs=3)


def test_a_header_that_is_wrong_about_the_fingers_does_no_harm(finder: JointFinder) -> None:
    radiograph = read_radiograph(ROOT / "samples" / "hand" / "hand_000_right.dcm")
    radiograph.dataset.PatientOrientation = ["L", "F"]
    assert {joint.name for joint in finder.find(radiograph)} == NAMES


def test_a_hand_seen_from_its_palm_has_the_other_side(finder: JointFinder) -> None:
    radiograph = read_radiograph(ROOT / "samples" / "hand" / "hand_000_right.dcm")
    assert {joint.side for joint in finder.find(radiograph)} == {"right"}
    radiograph.dataset.ViewPosition = "AP"
    assert {joint.side for joint in finder.find(radiograph)} == {"left"}


def test_the_same_film_gives_the_same_joints(finder: JointFinder, hand: Hand) -> None:
    first, second = (finder.find_in(hand.image[0], (SPACING, SPACING)) for _ in range(2))
    assert first == second
