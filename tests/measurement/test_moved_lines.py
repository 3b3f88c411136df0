"""Tests of lines that a reader has moved."""

from dataclasses import replace

import pytest

from scripts.errors import InputError
from scripts.measurement.moved_lines import BY_WIDTHS, move_lines
from tests.support.joint_visits import series, sources, visit


@pytest.fixture
def of():
    return series(sources(3))


def test_the_outlines_and_the_mean_follow_an_end_along_the_axis(of):
    last = of.visits[2]
    (row, column), below = last.width.minimum_line
    moved = move_lines(of, {last.image: ((row - 2.0, column + 5.0), below)})
    width = moved.visits[2].width
    assert width.edited
    assert width.mean == pytest.approx(last.width.mean + 2)
    assert width.minimum == pytest.approx(last.width.minimum + 2)
    assert [point[0] for point in width.upper_line] == pytest.approx([58.0] * 3)
    assert width.lower_line == last.width.lower_line
    assert [size for _, size in width.curve] == pytest.approx([size + 2 for _, size in last.width.curve])


def test_changes_of_that_visit_become_those_of_the_widths_and_others_stay(of):
    last = of.visits[2]
    (row, column), below = last.width.minimum_line
    moved = move_lines(of, {last.image: ((row - 2.0, column), below)})
    assert moved.changes[0] == of.changes[0]
    for change, before in zip(moved.changes[1:], of.changes[1:], strict=True):
        assert change.px == pytest.approx(before.px + 2)
        assert change.mm == pytest.approx(change.px * 0.1)
        assert change.standard_error == pytest.approx(0.5 * 2**0.5)
        assert change.warnings == (BY_WIDTHS,)
        assert change.reliability is None


def test_a_line_at_a_joint_that_leans_is_measured_along_its_axis(of):
    leaning = replace(of, visits=[replace(each, angle=90.0) for each in of.visits])
    (row, column), below = leaning.visits[0].width.minimum_line
    moved = move_lines(leaning, {leaning.visits[0].image: ((row, column + 3.0), below)})
    assert moved.visits[0].width.mean == pytest.approx(of.visits[0].width.mean + 3)


@pytest.mark.parametrize(
    ("image", "line", "says"),
    [
        ("1.2.3", ((0.0, 0.0), (1.0, 1.0)), "lines: expected images of visits, got '1.2.3'"),
        (None, ((500.0, 80.0), (76.0, 80.0)), "expected ends within 200 px"),
        (None, ((90.0, 80.0), (76.0, 80.0)), "the phalanx above that on the metacarpal"),
    ],
)
def test_lines_that_cannot_be_are_refused(of, image, line, says):
    with pytest.raises(InputError, match=says):
        move_lines(of, {image or of.visits[0].image: line})


def test_a_visit_without_a_width_has_no_line_to_move(of):
    bare = replace(of, visits=[visit(sources()[0], width=None, refused="one bone"), *of.visits[1:]])
    with pytest.raises(InputError, match="has no width whose line could be moved"):
        move_lines(bare, {bare.visits[0].image: ((1.0, 1.0), (2.0, 1.0))})
