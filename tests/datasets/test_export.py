import numpy as np
import pytest
import torch

from scripts.datasets.export import KnownMasks, held_out, on_grid, write_release
from scripts.datasets.finger_joints import LoadJointd, in_validation, release_datalist
from tests.support.drawn import joint


def known(case: str, name: str = "one", rows: int = 96, columns: int = 80, depth: float = 0.06) -> KnownMasks:
    levels, masks = joint(rows, columns, depth=depth)
    return KnownMasks(case, "R", name, (levels / 255).astype(np.float32), masks)


def test_what_is_written_is_what_the_datalist_reads(tmp_path):
    joints = [known("a1"), known("a1", "two", depth=-0.05), known("b2"), known("c3")]
    trained_on, out = write_release(tmp_path, joints, 0.3)
    assert trained_on + out == 4
    read = [
        entry
        for split in ("train", "test")
        for entry in release_datalist(tmp_path, split=split, validation_fraction=0.0)
    ]
    assert sorted(entry["name"] for entry in read) == ["a1_R_0/one", "a1_R_0/two", "b2_R_0/one", "c3_R_0/one"]
    assert {entry["hand"] for entry in read} == {"R"}
    for entry in read:
        loaded = LoadJointd()(entry)
        source = next(each for each in joints if entry["name"] == f"{each.case}_R_0/{each.name}")
        image, masks = on_grid(torch.from_numpy(source.image)[None], torch.from_numpy(source.masks))
        assert (loaded["image"] - image).abs().max() <= 0.5 / 255 + 1e-6
        assert (loaded["masks"] == masks).all()
        assert loaded["background"].shape == loaded["image"].shape
    alone = [
        entry["name"]
        for split in ("train", "test")
        for entry in release_datalist(tmp_path, split=split, overlap="nonoverlap", validation_fraction=0.0)
    ]
    assert alone == ["a1_R_0/two"]


def test_a_region_keeps_its_shape_on_the_square_and_no_bone_goes_on_where_it_ends():
    image, masks = torch.rand(1, 128, 64), torch.ones(2, 128, 64, dtype=torch.bool)
    gray, inside = on_grid(image, masks)
    assert gray.shape == (1, 256, 256)
    assert (gray[0, :, 128:] == gray[0, :, 127:128]).all()
    assert inside[:, :, :128].all()
    assert not inside[:, :, 128:].any()
    gray, inside = on_grid(image.transpose(1, 2), masks.transpose(1, 2))
    assert (gray[0, 128:] == gray[0, 127:128]).all()
    assert not inside[:, 128:].any()


def test_a_region_of_the_grid_s_size_is_left_as_it_is():
    image, masks = torch.rand(1, 256, 256), torch.rand(2, 256, 256) > 0.5
    gray, inside = on_grid(image, masks)
    assert (gray == image).all()
    assert (inside == masks).all()


@pytest.mark.parametrize("fraction", [0.0, 0.1, 0.5, 1.0])
def test_one_case_is_held_out_at_least_and_never_all(fraction):
    for cases in (["x", "y"], [f"case{number}" for number in range(40)]):
        out = held_out(cases, fraction)
        assert 1 <= len(out) < len(cases)
        assert out == held_out(cases[::-1] + cases, fraction)


def test_cases_are_held_out_as_for_the_validation_of_the_release():
    cases = [f"case{number}" for number in range(40)]
    assert held_out(cases, 0.25) == {case for case in cases if in_validation(case, 0.25)}


def test_a_single_case_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"expected 2 cases or more, .*, got 1"):
        write_release(tmp_path, [known("a1"), known("a1", "two")], 0.3)
