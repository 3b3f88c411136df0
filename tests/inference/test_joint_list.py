import json

import pytest

from scripts.errors import InputError
from scripts.inference.joint_list import JointRow, check_images, locate, read_joints, select_rows

SIZE, SPACING = (1000, 800), (0.1, 0.1)


def boxes(joints, *, size=SIZE, spacing=SPACING, **settings):
    return [joint.box for joint in locate(read_joints(joints, None), size=size, spacing=spacing, **settings)]


def test_the_region_of_a_point_is_23_mm_a_side_whatever_the_spacing():
    assert boxes([[400, 500]]) == [(385, 285, 615, 515)]
    assert boxes([[400, 500]], spacing=(0.2, 0.1)) == [(442, 285, 558, 515)]
    assert boxes([[400, 500]], field_mm=30) == [(350, 250, 650, 550)]


def test_a_point_in_mm_counts_from_the_upper_left_corner():
    assert boxes([{"x": 40, "y": 50, "unit": "mm"}]) == boxes([[400, 500]])
    assert boxes([{"x": 40, "y": 100, "unit": "mm"}], spacing=(0.2, 0.1)) == boxes([[400, 500]], spacing=(0.2, 0.1))


def test_a_box_is_taken_as_it_is():
    assert boxes([[100, 200, 300, 450]]) == [(200, 100, 450, 300)]
    assert boxes([{"left": 10, "top": 20, "right": 30, "bottom": 45, "unit": "mm"}]) == [(200, 100, 450, 300)]


def test_a_region_ends_where_the_image_ends():
    assert boxes([[10, 990]]) == [(875, 0, 1000, 125)]


def test_rows_are_read_from_csv_and_json_alike(tmp_path):
    (tmp_path / "joints.csv").write_text("\ufeffimage,joint,x,y,unit\nhand.dcm,MCP2,400,500,\nhand.dcm,MCP3,40,20,mm\n")
    rows = [
        {"image": "hand.dcm", "joint": "MCP2", "x": 400, "y": 500},
        {"image": "hand.dcm", "joint": "MCP3", "x": 40, "y": 20, "unit": "mm"},
    ]
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    found = read_joints(None, tmp_path)
    assert [(row.image, row.name, row.numbers, row.unit) for row in found] == [
        ("hand.dcm", "MCP2", (400, 500), "px"),
        ("hand.dcm", "MCP3", (40, 20), "mm"),
    ]
    for same in (tmp_path / "joints.csv", str(tmp_path / "rows.json"), json.dumps(rows), rows):
        assert [row.numbers for row in read_joints(same, tmp_path)] == [row.numbers for row in found]
    assert found[1].where == "joints.csv, line 3"
    assert read_joints(rows, tmp_path)[1].where == "joints, row 2"


def test_an_angle_comes_with_a_joint_or_not_at_all(tmp_path):
    (tmp_path / "joints.csv").write_text("joint,x,y,angle\nMCP1,400,500,-32.5\nMCP3,700,500,\n")
    found = read_joints(None, tmp_path)
    assert [row.angle for row in found] == [-32.5, None]
    assert [joint.angle for joint in locate(found, size=(1000, 800), spacing=(0.1, 0.1))] == [-32.5, None]
    [row] = read_joints([{"x": 1, "y": 2, "angle": 90}], None)
    assert row.angle == 90
    assert read_joints([[400, 500]], None)[0].angle is None


def test_one_point_is_a_list_of_one_and_no_list_is_none(tmp_path):
    assert boxes([400, 500]) == boxes([[400, 500]]) == boxes("[400, 500]") == boxes('{"x": 400, "y": 500}')
    assert read_joints(None, tmp_path) == []


@pytest.mark.parametrize(
    ("joints", "says"),
    [
        ("gone.csv", r"joints gone\.csv: cannot be read \(No such file or directory\)"),
        ("[[1, 2]", "joints: not JSON"),
        ("[]", "joints: names no joint"),
        ([[1, 2, 3]], "joints, row 1: expected x, y or left, top, right, bottom, got other values"),
        (["words"], "joints, row 1: expected x, y or left, top, right, bottom, got other values"),
        ([{"x": 1}], "joints, row 1: expected either x, y or left, top, right, bottom, got x"),
        ([{"x": 1, "y": 2, "left": 3}], "row 1: expected either x, y or left, top, right, bottom, got x, y, left"),
        ([{"x": 1, "y": 2, "z": 3}], "joints, row 1: expected one of image, joint, .*, got z"),
        ([{"x": "one", "y": 2}], "joints, row 1: x: expected a number, got 'one'"),
        ([{"x": True, "y": 2}], "joints, row 1: x: expected a number, got True"),
        ([{"x": float("nan"), "y": 2}], "joints, row 1: x: expected a number, got nan"),
        ([{"x": 1, "y": 2, "angle": "steep"}], "joints, row 1: angle: expected a number, got 'steep'"),
        ([{"x": 1, "y": 2, "angle": 91}], "joints, row 1: angle: expected -90 to 90 degrees, got 91"),
        ([{"x": 1, "y": 2, "angle": -180}], "joints, row 1: angle: expected -90 to 90 degrees, got -180"),
        ([{"x": 1, "y": 2, "unit": "cm"}], "joints, row 1: unit: expected px or mm, got 'cm'"),
        (
            [{"x": 1, "y": 2, "joint": "../etc"}],
            r"joints, row 1: joint: expected up to 32 letters, digits, - and _, got '\.\./etc'",
        ),
    ],
)
def test_a_list_that_cannot_be_read_is_refused_with_the_row_and_the_value(joints, says):
    with pytest.raises(InputError, match=says):
        read_joints(joints, None)


def test_files_that_are_no_list_are_refused(tmp_path):
    (tmp_path / "short.csv").write_text("image,x,y\nhand.dcm,1\n")
    with pytest.raises(InputError, match=r"short\.csv, line 2: has not as many values as there are columns"):
        read_joints(tmp_path / "short.csv", tmp_path)
    (tmp_path / "number.json").write_text("7")
    with pytest.raises(InputError, match=r"number\.json: expected a list of joints"):
        read_joints(tmp_path / "number.json", tmp_path)
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="not UTF-8 text"):
        read_joints(tmp_path / "bytes.csv", tmp_path)


@pytest.mark.parametrize(
    ("joints", "says"),
    [
        ([[800, 500]], "joint1 at 800, 500 px lies outside the image, 1000 rows x 800 columns"),
        ([[-1, 500]], "lies outside the image"),
        ([[400, 1000]], "lies outside the image"),
        ([[100, 200, 900, 450]], "the box 100, 200, 900, 450 px of joint1 is no box in the image"),
        ([[300, 200, 100, 450]], "is no box in the image"),
        ([[100, 200, 160, 450]], "expected a region of at least 64 px a side, got 250 rows x 60 columns for joint1"),
        ([[400, 500], [440, 500]], "joint2 lies 4.0 mm from joint1, one joint is asked twice"),
        ([{"joint": "A", "x": 200, "y": 200}, {"joint": "A", "x": 600, "y": 600}], "A is the name of two joints"),
    ],
)
def test_a_joint_that_cannot_be_placed_is_refused(joints, says):
    with pytest.raises(InputError, match=says):
        boxes(joints)


def test_a_region_of_too_few_pixels_is_refused():
    with pytest.raises(InputError, match="46 rows x 46 columns"):
        boxes([[400, 500]], spacing=(0.5, 0.5))


def row(image):
    return JointRow(where=f"row of {image}", image=image, name="", numbers=(1.0, 2.0), unit="px", segmentation="")


def test_an_image_finds_its_rows_by_path_name_or_uid():
    rows = [row("a/hand.dcm"), row("hand.dcm"), row("1.2.3"), row("other.dcm"), row("")]
    assert [found.image for found in select_rows(rows, "a/hand.dcm", "1.2.3")] == [
        "a/hand.dcm",
        "hand.dcm",
        "1.2.3",
        "",
    ]


def test_a_row_of_no_image_or_of_two_is_refused():
    check_images([row("a/hand.dcm"), row("b.dcm"), row("1.2.3")], ["a/hand.dcm", "c/hand.dcm", "b.dcm"])
    check_images([row("")], ["hand.dcm"])
    with pytest.raises(InputError, match=r"image hand\.dcm is there 2 times: name its folder too"):
        check_images([row("hand.dcm")], ["a/hand.dcm", "c/hand.dcm"])
    with pytest.raises(InputError, match=r"image gone\.dcm is not there"):
        check_images([row("gone.dcm")], ["hand.dcm"])
    with pytest.raises(InputError, match="names no image, and there are 2"):
        check_images([row("")], ["hand.dcm", "other.dcm"])


def test_a_field_that_is_no_joint_is_refused():
    with pytest.raises(ValueError, match="field_mm: expected 5 to 100, got 2"):
        locate([], size=(500, 500), spacing=(0.1, 0.1), field_mm=2)
