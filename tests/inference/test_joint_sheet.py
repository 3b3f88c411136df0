import time
from dataclasses import replace

import numpy as np
import pytest

from scripts.inference.joint_sheet import BONE_COLOURS, OVERLAP_COLOUR, PANEL, sheet
from tests.support.drawn import joint
from tests.support.regions import split


def drawn(rows=256, columns=256, bits=8, depth=0.06, name="a", masks=None):
    levels, own = joint(rows, columns, bits, depth)
    separated = split(levels, own if masks is None else masks, bits)
    return {"separated": separated, "name": name, "version": "0.1.0"}


def holds(page, colour, tolerance=0):
    return (abs(np.asarray(page).astype(int) - colour).max(axis=2) <= tolerance).any()


@pytest.mark.parametrize(("rows", "columns"), [(64, 64), (64, 1024), (1024, 64), (1024, 1024), (256, 300)])
@pytest.mark.parametrize("bits", [8, 16])
def test_a_sheet_has_the_same_width_whatever_the_region(rows, columns, bits):
    page = sheet(**drawn(rows, columns, bits))
    assert page.mode == "RGB"
    assert page.width == 1660
    assert 2 * PANEL < page.height < 3 * PANEL


def test_both_bones_are_outlined_and_the_overlap_is_tinted():
    page = sheet(**drawn())
    assert all(holds(page, colour) for colour in BONE_COLOURS.values())
    pixels = np.asarray(page).astype(int)
    pinkish = pixels[..., 0] - pixels[..., 1] > 0.2 * (OVERLAP_COLOUR[0] - OVERLAP_COLOUR[1])
    assert pinkish.sum() > 1000


def test_the_row_of_the_overlap_is_left_out_where_there_is_none():
    apart, over = sheet(**drawn(depth=-0.05)), sheet(**drawn())
    assert apart.height < over.height - PANEL


def test_the_angle_is_told_of_a_joint_that_leans():
    args = drawn()
    upright, record = sheet(**args).tobytes(), args["separated"].record
    for angle, same in ((0.0, True), (-31.8, False)):
        args["separated"] = replace(args["separated"], record={**record, "angle": angle})
        assert (sheet(**args).tobytes() == upright) is same


def test_a_region_without_a_bone_still_has_a_sheet():
    assert sheet(**drawn(masks=np.zeros((2, 256, 256), dtype=bool))).width == 1660


def test_a_long_name_stays_on_the_page():
    page = np.asarray(sheet(**drawn(name="x" * 255)))
    assert (page[:, -16:] == page[0, 0]).all()


def test_a_larger_error_is_scaled_to_white():
    args = drawn()
    made = args["separated"]
    args["separated"] = replace(made, recomposed=made.recomposed + 30 * made.masks.all(dim=0))
    assert holds(sheet(**args), (250, 250, 250), 5)


def test_the_same_region_gives_the_same_sheet():
    args = drawn()
    assert sheet(**args).tobytes() == sheet(**args).tobytes()


def test_a_sheet_of_256_px_is_drawn_quickly():
    args = drawn()
    sheet(**args)
    took = []
    for _ in range(5):
        start = time.process_time()
        sheet(**args)
        took.append(time.process_time() - start)
    assert min(took) < 0.1, "40 ms on an idle core"
