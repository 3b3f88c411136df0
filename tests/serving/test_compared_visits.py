"""Tests of two visits on one grid: a metacarpal that was moved and turned between them lies on itself."""

import base64
import io
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter, map_coordinates

from scripts.measurement.joint_image import GRID, JointImage
from scripts.measurement.joint_series import Visit, Width
from scripts.physics import FIELD_MM
from serving.compared_visits import SIDE, compare
from serving.visit_joints import VisitJoint

ROWS = 200
TOP = 4095
ORIGIN = (300, 500)
SPACING = FIELD_MM / GRID


def visit_joint(image, moved=(0.0, 0.0), turned=0.0, angle=0.0):
    """A joint whose bones are textures, moved by px (down, across) and turned by degrees about its middle."""
    middle = np.full(2, (ROWS - 1) / 2)
    rng = np.random.default_rng(5)
    texture = gaussian_filter(rng.standard_normal((ROWS * 2, ROWS * 2)), 3.0)
    texture = 0.5 + 0.25 * texture / texture.std()
    grid = np.indices((ROWS, ROWS)).astype(float)
    lean = np.radians(turned)
    offset = grid - middle[:, None, None] - np.reshape(moved, (2, 1, 1))
    down = np.cos(lean) * offset[0] - np.sin(lean) * offset[1]
    across = np.sin(lean) * offset[0] + np.cos(lean) * offset[1]
    sampled = map_coordinates(texture, [down + ROWS, across + ROWS], order=3).astype(np.float32)
    masks = np.stack([down > 6, down < -6]) & (np.abs(across) < 60)
    levels = (sampled.clip(0, 1) * TOP).astype(np.int64)
    whole = np.zeros((800, 1000), np.int32)
    whole[ORIGIN[0] : ORIGIN[0] + ROWS, ORIGIN[1] : ORIGIN[1] + ROWS] = levels
    region = SimpleNamespace(black=0.0, white=TOP)
    separated = SimpleNamespace(region=region, layers=torch.from_numpy(np.stack([levels, levels])))
    measured = JointImage(
        layers=np.stack([sampled, sampled]),
        masks=masks,
        usable=np.ones((ROWS, ROWS), bool),
        angle=angle,
        spacing=SPACING,
        origin=ORIGIN,
    )
    place = (middle[0] + moved[0] + ORIGIN[0], middle[1] + moved[1] + ORIGIN[1])
    line = ((place[0] - 6, place[1]), (place[0] + 6, place[1]))
    width = Width(
        mean=12.0,
        minimum=12.0,
        minimum_line=line,
        curve=((0.0, 12.0),),
        upper_line=line[:1],
        lower_line=line[1:],
        standard_error=0.3,
    )
    visit = Visit(image=image, date="20260310", spacing=SPACING, centre=place, angle=angle, width=width)
    return VisitJoint(visit, separated, measured, whole)


def decoded(url):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.split(",", 1)[1])))).astype(float)


@pytest.mark.parametrize(("moved", "turned"), [((0.0, 0.0), 0.0), ((5.5, -4.25), 0.0), ((-3.0, 6.0), 2.0)])
def test_the_metacarpal_of_both_visits_lies_on_itself(moved, turned):
    first, second = visit_joint("1.1"), visit_joint("1.2", moved, turned)
    said = compare(first, second, [first.visit, second.visit])
    before, now = (decoded(visit["lower"]) for visit in said["visits"])
    # Where the metacarpal is in both.
    inside = (slice(SIDE // 2 + 30, SIDE - 60), slice(SIDE // 2 - 60, SIDE // 2 + 60))
    assert np.abs(before[inside] - now[inside]).mean() < 3
    assert now[inside].std() > 20
    assert said["mm_per_px"] == pytest.approx(23 / SIDE)


def test_the_grid_stands_upright_on_the_middle_of_the_later_visit_and_leads_back_to_its_image():
    leaning = visit_joint("1.2", angle=90.0)
    said = compare(leaning, leaning, [leaning.visit, leaning.visit])
    [(a, b, c), (d, e, f)] = said["visits"][1]["to_image"]
    half = (SIDE - 1) / 2
    row, column = leaning.image.source(leaning.image.centre)
    assert (a * half + b * half + c, d * half + e * half + f) == pytest.approx((column, row), abs=1e-3)
    # The axis leans to the right: what is above on the grid is right in the image.
    above = (a * half + b * (half - 10) + c, d * half + e * (half - 10) + f)
    assert above[0] > column
    assert above[1] == pytest.approx(row, abs=1e-3)


def test_lines_stand_where_their_points_are():
    only = visit_joint("1.1")
    [_, visit] = compare(only, only, [only.visit, only.visit])["visits"]
    (x, top), (_, bottom) = visit["lines"]["minimum"]
    affine = visit["to_image"]
    back = [a * x + b * top + c for a, b, c in affine]
    assert back == pytest.approx(only.visit.width.minimum_line[0][::-1], abs=0.05)
    assert (bottom - top) * 23 / SIDE / SPACING == pytest.approx(12.0, abs=0.1)
    assert visit["lines"]["upper"][0] == pytest.approx([x, top])


def test_a_visit_without_a_width_has_no_lines():
    only = visit_joint("1.1")
    bare = Visit(image="1.1", centre=(1.0, 1.0), refused="one bone")
    assert compare(only, only, [bare, bare])["visits"][0]["lines"] == {}
