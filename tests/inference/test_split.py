import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.dicom.joint import KINDS, MASKED
from scripts.inference.split import split_region
from scripts.physics import LOWER, UPPER, grow, recompose, rim_px
from tests.support.drawn import joint
from tests.support.regions import picture_region, prediction, split


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(64, 90),
    columns=st.integers(64, 90),
    bits=st.sampled_from([8, 10, 12, 14, 16]),
    soft_tissue=st.floats(0, 1),
    seed=st.integers(0, 2**32 - 1),
)
def test_layers_recompose_within_one_level_and_are_the_image_where_a_bone_is_alone(
    rows, columns, bits, soft_tissue, seed
):
    draw = np.random.default_rng(seed)
    levels = draw.integers(0, 2**bits, (rows, columns))
    levels[:3] = np.array([[0], [2**bits - 1], [2**bits - 2]])
    masks = draw.random((2, rows, columns)) < 0.7
    ratio = draw.choice([0.0, 1.0, 0.5, draw.random()], (rows, columns)).astype(np.float32)
    separated = split(levels, masks, bits, soft_tissue=soft_tissue, ratio=ratio)
    layers, record = separated.layers.numpy(), separated.record
    grown = grow(torch.from_numpy(masks)[None], rim_px(rows, columns))[0].numpy()
    alone = grown & ~grown.all(axis=0)
    assert (layers[alone] == np.stack([levels, levels])[alone]).all()
    assert layers.max() < 2**bits
    assert record["outside_zone_exact"] is True
    white = 2**bits - 1
    tissue = separated.tissue.double() / white
    again = recompose(separated.layers.double()[None] / white, tissue)[0, 0].numpy() * white
    worst = abs(again - levels).max()
    assert worst <= 1 + 1e-6
    assert record["largest_recomposition_error_levels"] == pytest.approx(worst, abs=1e-5)


def test_masked_layers_are_those_in_tissue_within_the_bone_and_its_rim_and_black_around_it():
    levels, masks = joint()
    whole, cut = (split(levels, masks, kind=kind) for kind in KINDS)
    grown = grow(torch.from_numpy(masks)[None], rim_px(*levels.shape))[0]
    assert torch.equal(cut.layers, whole.layers * grown)
    assert (cut.record["layers"], whole.record["layers"]) == ("masked", "in_tissue")
    assert cut.record["outside_zone_exact"]


def test_soft_tissue_is_the_image_around_both_bones_and_its_mean_in_the_overlap_is_k():
    levels, masks = joint()
    separated = split(levels, masks)
    around = ~grow(torch.from_numpy(masks)[None], rim_px(*levels.shape))[0].any(dim=0)
    assert torch.equal(separated.tissue[around], torch.from_numpy(levels)[around])
    assert torch.equal(separated.layers[:, around], torch.from_numpy(levels)[around].expand(2, -1))
    assert (separated.tissue[~around] == 64).all()
    assert separated.soft_tissue == 63.75


def test_figures_tell_what_was_measured():
    levels, masks = joint()
    record = split(levels, masks).record
    assert record["overlap_px"] == masks.all(axis=0).sum()
    assert (record["rows"], record["columns"], record["bits_stored"]) == (96, 80, 8)
    assert (record["soft_tissue_k"], record["soft_tissue_level"]) == (0.25, 63.75)
    assert record["masks"] == "predicted"
    assert record["warnings"] == []
    assert record["notes"] == ["read with care", "and twice"]


def test_the_label_map_tells_lower_upper_and_overlap():
    levels, masks = joint()
    separated = split(levels, masks, given=True)
    assert separated.record["masks"] == "given"
    assert (separated.label.numpy() == masks[LOWER] + 2 * masks[UPPER]).all()


@pytest.mark.parametrize(
    ("depth", "given", "warnings"),
    [
        (-0.01, True, ["masks do not overlap: bones share their rims"]),
        (-0.05, True, ["masks do not overlap: bones share nothing"]),
        (-0.05, False, ["masks do not overlap: bones share nothing"]),
        (0.01, False, ["overlap under 100 px: predicted masks are unsure there"]),
        (0.01, True, []),
    ],
)
def test_small_and_missing_overlaps_are_warned_of(depth, given, warnings):
    levels, masks = joint(depth=depth)
    assert split(levels, masks, given=given).record["warnings"] == warnings


def test_a_joint_that_leans_far_is_not_upside_down_along_its_axis():
    levels, masks = joint()
    # Laid on its side: the upper bone is the left one.
    lying, bones = levels.T.copy(), masks.transpose(0, 2, 1).copy()
    region, pred = picture_region(lying, masks=bones), prediction(bones)
    along = split_region(region, pred, angle=-90.0).record
    assert along["angle"] == -90.0
    assert not any("upside down" in warning for warning in along["warnings"])
    against = split_region(region, pred, angle=90.0).record
    assert any("upside down" in warning for warning in against["warnings"])


def test_an_image_upside_down_is_warned_of():
    levels, masks = joint()
    turned = split(levels[::-1].copy(), masks[:, ::-1].copy())
    assert any("upside down" in warning for warning in turned.record["warnings"])


def test_an_inverted_image_is_warned_of():
    levels, masks = joint()
    inverted = split(255 - levels, masks)
    assert any("inverted" in warning for warning in inverted.record["warnings"])


def test_a_bone_that_was_not_found_is_warned_of():
    levels, masks = joint()
    masks[UPPER] = False
    separated = split(levels, masks)
    assert separated.record["warnings"] == ["no upper bone was found: its layer shows none"]
    assert (separated.layers[UPPER][masks[LOWER]] == separated.tissue[masks[LOWER]]).all()
    masks[LOWER] = False
    assert len(split(levels, masks).record["warnings"]) == 2


@pytest.mark.parametrize("bits", [8, 12])
def test_layers_may_be_taken_as_the_network_answered_them_and_are_measured_truthfully(bits):
    levels, masks = joint(bits=bits)
    pred = prediction(masks)
    pred[:2] = 0.4
    separated = split_region(picture_region(levels, bits), pred, kind=MASKED, as_answered=True)
    assert torch.equal(separated.layers, torch.from_numpy(masks) * round(0.4 * (2**bits - 1)))
    assert not separated.record["outside_zone_exact"]
    assert separated.record["largest_recomposition_error_levels"] > 10
