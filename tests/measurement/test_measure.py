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


from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from scripts.errors import InputError
from scripts.measurement.joint_image import JointImage, joint_image
from scripts.measurement.joint_series import JointSeries, Visit
from scripts.measurement.measure import measure_joint, measure_regions
from scripts.physics import FIELD_MM, LOWER, UPPER
from tests.support.visits import drawn_visit, quiet_joint, separated, visit

CALIBRATED = "calibrated"
UNIT = FIELD_MM / 256


@pytest.fixture(scope="module")
def three() -> list[JointImage]:
    """Three visits of one joint, its space narrower by 1 px and then by 2 px more."""
    joint = quiet_joint()
    return [visit(joint, number, change=change) for number, change in enumerate((0.0, -1.0, -3.0))]


def dated(number: int, **more: object) -> Visit:
    return replace(Visit(image=f"{number}.png", date=f"202{number}0101", centre=(127.0, 127.0)), **more)


def measured(images: Sequence[JointImage | None], visits: Sequence[Visit] | None = None) -> JointSeries:
    visits = visits or [dated(number) for number in range(len(images))]
    return measure_joint("A", "left", "MCP2", list(zip(visits, images, strict=True)))


def test_changes_lie_between_visits_that_follow_and_from_the_first_to_the_last(three: list[JointImage]) -> None:
    series = measured(three)
    assert [(change.first, change.second) for change in series.changes] == [(0, 1), (1, 2), (0, 2)]
    for change, expected in zip(series.changes, (-1.0, -2.0, -3.0), strict=True):
        assert change.px == pytest.approx(expected, abs=0.1)
        assert change.standard_error is not None
        assert abs(change.px - expected) < 2 * change.standard_error
        assert change.in_words.startswith(f"{-change.px:.2f} px narrower, ± 0.1")
        assert change.in_words.endswith(": more than can be chance")
        assert (change.mm, change.standard_error_mm) == (None, None)
    first, second, whole = (change.px for change in series.changes)
    assert first + second == pytest.approx(whole)
    assert (series.subject, series.side, series.joint) == ("A", "left", "MCP2")


def test_widths_narrow_with_the_joint_space(three: list[JointImage]) -> None:
    widths = [each.width for each in measured(three).visits]
    means = [width.mean for width in widths if width is not None]
    assert np.diff(means) == pytest.approx([-1.0, -2.0], abs=0.35)


def test_two_visits_have_one_change_in_mm_where_the_spacing_is_known(three: list[JointImage]) -> None:
    visits = [dated(number, spacing=UNIT, rests_on=CALIBRATED) for number in range(2)]
    [change] = measured(three[:2], visits).changes
    assert change.px is not None
    assert change.standard_error is not None
    assert change.mm == pytest.approx(change.px * UNIT)
    assert change.standard_error_mm == pytest.approx(change.standard_error * UNIT)
    assert " mm narrower, " in change.in_words


def test_one_visit_is_refused(three: list[JointImage]) -> None:
    with pytest.raises(InputError, match=r"^A left MCP2: expected two visits or more, got 1$"):
        measured(three[:1])


@pytest.mark.parametrize(
    ("first", "second", "sentence"),
    [
        ({"spacing": UNIT}, {}, "the spacing of pixels is known at one visit only"),
        (
            {"spacing": UNIT, "rests_on": CALIBRATED},
            {"spacing": UNIT, "rests_on": "at the detector"},
            "millimetres rest on different grounds: calibrated and at the detector",
        ),
    ],
)
def test_visits_whose_lengths_cannot_be_compared_are_refused_and_others_measured(
    three: list[JointImage], first: dict[str, object], second: dict[str, object], sentence: str
) -> None:
    series = measured(three, [dated(0, **first), dated(1, **first), dated(2, **second)])
    assert [change.refused for change in series.changes] == ["", sentence, sentence]
    assert series.changes[0].px is not None
    assert series.changes[1].px is None
    assert series.changes[1].in_words == f"not measured: {sentence}"
    assert all(each.width is not None for each in series.visits)


def test_pictures_of_different_sizes_without_a_spacing_are_refused_and_others_measured(three: list[JointImage]) -> None:
    series = measured([*three[:2], replace(three[2], factor=2.0)])
    sentence = "the pictures have different sizes and no known spacing of pixels"
    assert [change.refused for change in series.changes] == ["", sentence, sentence]


def test_a_saturated_visit_is_refused_and_the_others_measured(three: list[JointImage]) -> None:
    series = measured([three[0], replace(three[1], saturated=0.03), three[2]])
    sentence = "1.png: 3 % of the bones is as bright as the file can say, saturated"
    assert series.visits[1].refused == sentence
    assert series.visits[1].width is None
    assert [change.refused for change in series.changes] == [sentence, sentence, ""]
    assert series.changes[2].px == pytest.approx(-3.0, abs=0.1)


@pytest.mark.parametrize("bone", [LOWER, UPPER])
def test_a_visit_without_a_bone_is_refused_and_the_others_measured(three: list[JointImage], bone: int) -> None:
    masks = three[1].masks.copy()
    masks[bone] = False
    series = measured([three[0], replace(three[1], masks=masks), three[2]])
    sentence = "1.png: expected two bones, found one"
    assert [change.refused for change in series.changes] == [sentence, sentence, ""]
    assert series.changes[2].px == pytest.approx(-3.0, abs=0.1)


def test_a_bone_of_a_few_pixels_is_refused_in_words(three: list[JointImage]) -> None:
    masks = three[1].masks.copy()
    masks[UPPER] = False
    masks[UPPER, 3, 3] = True
    series = measured([three[0], replace(three[1], masks=masks)])
    sentence = "1.png: expected bones of 2000 px and more at 0.09 mm, got 1"
    assert series.visits[1].refused == sentence
    assert series.changes[0].refused == sentence


def test_a_visit_that_was_refused_before_is_kept_and_the_others_are_measured(three: list[JointImage]) -> None:
    visits = [dated(0), dated(1, refused="1.png: could not be read"), dated(2)]
    series = measured([three[0], None, three[2]], visits)
    assert series.visits[1] == visits[1]
    assert [change.refused for change in series.changes] == [visits[1].refused] * 2 + [""]
    assert series.changes[2].px == pytest.approx(-3.0, abs=0.1)


def test_a_hand_that_was_turned_has_a_sentence_instead_of_a_change(three: list[JointImage]) -> None:
    [change] = measured([three[0], visit(quiet_joint(), 8, turn=20.0)]).changes
    assert change.px is None
    assert change.reliability is not None
    assert change.in_words == "not measured: the finger is turned by 20 degrees, expected at most 15"


def test_regions_are_measured_and_one_alone_has_its_width() -> None:
    regions = [
        separated(drawn.image[0], drawn.masks, angle=1.0)
        for drawn in (drawn_visit(5, number, size=256, overlap=-10.0 + 2 * number) for number in range(2))
    ]
    series = JointSeries(subject="A", visits=[dated(0), dated(1)])
    both = measure_regions(series, regions)
    assert [each.angle for each in both.visits] == [1.0, 1.0]
    assert both.changes[0].px == pytest.approx(-2.0, abs=0.1)
    alone = measure_regions(replace(series, visits=series.visits[:1]), regions[:1])
    assert alone.visits[0].width == both.visits[0].width
    assert alone.changes == ()


def test_a_change_in_mm_does_not_rest_on_the_size_of_the_pixels() -> None:
    found = []
    for size in (256, 131):
        spacing = FIELD_MM / size
        pairs = []
        for number, overlap in enumerate((-12.0, -8.0)):
            drawn = drawn_visit(5, number, size=size, overlap=overlap)
            image = joint_image(separated(drawn.image[0], drawn.masks), spacing=spacing)
            pairs.append((dated(number, spacing=spacing, rests_on="given"), image))
        [change] = measure_joint("A", "", "", pairs).changes
        assert change.mm is not None
        assert change.px is not None
        assert change.mm == pytest.approx(change.px * spacing)
        found.append(change.mm)
    assert found[0] == pytest.approx(-4 * UNIT, abs=0.03)
    assert found[1] == pytest.approx(found[0], abs=0.03)
