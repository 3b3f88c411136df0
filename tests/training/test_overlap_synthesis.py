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


from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.data import default_collate

from scripts.datasets.finger_joints import FaceLeftd, LoadJointd, SignedDistanced, release_datalist, signed_distance
from scripts.physics import LOWER, UPPER, attenuation, overlap_of, recompose
from scripts.training.fixed_overlaps import FixedOverlaps, undisturbed
from scripts.training.overlap_synthesis import OverlapSynthesis, smoothstep, soften, taper
from tests.support.drawn import per_image

PLAIN: dict[str, Any] = {
    "crossed": 0.0,
    "mirrored": 0.0,
    "angle": 0.0,
    "zoom": (1.0, 1.0),
    "slide": 0.0,
    "natural": 0.0,
    "tapered": 0.0,
    "gain": (1.0, 1.0),
    "exposure": (1.0, 1.0),
    "dilation": (0.0, 0.0),
    "mask_jitter": 0.0,
    "blurred_rim": 0.0,
    "noise": 0.0,
    "levels": 0,
}
"""Arguments that leave nothing to chance but the depth."""


def boxes(upper_gray: tuple[float, ...] = (0.7, 0.5), size: int = 64) -> dict[str, Tensor]:
    """Joints whose bones are boxes, four rows apart: lower of 0.6, upper as given, in soft tissue of 0.25."""
    masks = torch.zeros(len(upper_gray), 2, size, size)
    masks[:, UPPER, 8:30, 16:48] = 1.0
    masks[:, LOWER, 34:56, 12:52] = 1.0
    background = torch.full((len(upper_gray), 1, size, size), 0.25)
    gray = torch.tensor(upper_gray).reshape(-1, 1, 1, 1)
    image = torch.where(masks[:, UPPER, None] > 0, gray, torch.where(masks[:, LOWER, None] > 0, 0.6, background))
    return {"image": image, "background": background, "distance": torch.stack([signed_distance(m) for m in masks])}


@pytest.fixture(scope="module")
def joints(request: pytest.FixtureRequest) -> dict[str, Tensor]:
    """A batch of the release's drawn joints that do not overlap."""
    load, face_left = LoadJointd(), FaceLeftd(["image", "background", "masks"])
    entries = release_datalist(request.getfixturevalue("release"), split="train", overlap="nonoverlap")
    items = [SignedDistanced()(face_left(load(entry))) for entry in entries]
    return default_collate([{key: item[key] for key in ("image", "background", "distance")} for item in items])


@pytest.mark.parametrize("depth", [2.0, 5.0, 12.0, 26.0])
def test_bones_reach_into_each_other_as_deep_as_asked(joints: dict[str, Tensor], depth: float) -> None:
    torch.manual_seed(0)
    synthesis = OverlapSynthesis(depth=(depth, depth))
    for _ in range(8):
        thickest = overlap_of(synthesis(joints)["true_masks"]).sum(dim=2).amax(dim=(1, 2))
        assert (thickest - depth).abs().max() <= 2
        assert thickest.min() > 0


def test_both_bones_move_each_a_part_of_the_way() -> None:
    torch.manual_seed(0)
    masks = OverlapSynthesis(depth=(10.0, 10.0), **PLAIN)(boxes((0.7,) * 64))["true_masks"]
    # Four rows lie between the bones, and they shall share ten.
    down = masks[:, UPPER].amax(dim=2).argmax(dim=1) - 8
    up = 34 - masks[:, LOWER].amax(dim=2).argmax(dim=1)
    for moved in (down, up):
        assert moved.min() in (4, 5)
        assert moved.max() in (9, 10)


def test_small_depths_are_drawn_more_often_than_large_ones(joints: dict[str, Tensor]) -> None:
    torch.manual_seed(0)
    synthesis = OverlapSynthesis(depth=(2.0, 26.0))
    made = [overlap_of(synthesis(joints)["true_masks"]).sum(dim=2).amax(dim=(1, 2)) for _ in range(40)]
    deep = torch.cat(made).float()
    assert deep.min() < 5
    assert deep.max() > 22
    assert deep.median() < 13


def test_in_shift_mode_the_upper_bone_moves_down_and_the_lower_one_up_by_whole_pixels() -> None:
    joint = boxes((0.7,))
    made = OverlapSynthesis(shift=(3, 3), **PLAIN)(joint)
    masks = (joint["distance"] > 0).float()
    assert torch.equal(made["true_masks"][:, UPPER], masks[:, UPPER].roll(3, dims=1))
    assert torch.equal(made["true_masks"][:, LOWER], masks[:, LOWER].roll(-3, dims=1))
    # Four rows between them, six rows nearer.
    assert overlap_of(made["true_masks"]).sum(dim=2).amax().item() == 2


def test_shifts_are_drawn_for_both_bones_from_the_whole_range() -> None:
    torch.manual_seed(0)
    joint = boxes((0.7,) * 64)
    masks = OverlapSynthesis(shift=(2, 8), **PLAIN)(joint)["true_masks"]
    down = masks[:, UPPER].amax(dim=2).argmax(dim=1) - 8
    up = 34 - masks[:, LOWER].amax(dim=2).argmax(dim=1)
    assert set(down.tolist()) == set(up.tolist()) == set(range(2, 9))
    assert not torch.equal(down, up)


def test_the_overlap_of_two_boxes_follows_the_physics_by_hand() -> None:
    made = OverlapSynthesis(shift=(3, 3), **PLAIN)(boxes((0.7,)))
    both = overlap_of(made["true_masks"])
    assert made["soft_tissue"].item() == pytest.approx(0.25)
    assert made["image"][both].tolist() == pytest.approx([1 - 0.3 * 0.4 / 0.75] * int(both.sum()))
    assert made["layers"][:, UPPER, None][both].mean().item() == pytest.approx(0.7)
    assert made["layers"][:, LOWER, None][both].mean().item() == pytest.approx(0.6)
    nobody = ~(made["true_masks"] > 0).any(dim=1, keepdim=True)
    assert made["image"][nobody].mean().item() == pytest.approx(0.25)
    assert made["layers"][nobody.expand(-1, 2, -1, -1)].mean().item() == pytest.approx(0.25)


@pytest.mark.parametrize("tapered", [0.0, 1.0])
def test_the_true_layers_recompose_the_image(joints: dict[str, Tensor], tapered: float) -> None:
    torch.manual_seed(1)
    made = OverlapSynthesis(natural=0.0, tapered=tapered, noise=0.0, levels=0, blurred_rim=0.0)(joints)
    again = recompose(made["layers"], made["soft_tissue"], made["true_masks"])
    inside = made["true_masks"].amax(dim=1, keepdim=True) > 0
    assert (again - made["image"])[inside].abs().max() < 1e-5


def test_natural_layers_recompose_the_image_along_the_given_masks_and_are_the_image_outside_their_overlap(
    joints: dict[str, Tensor],
) -> None:
    for seed in range(5):
        torch.manual_seed(seed)
        made = OverlapSynthesis(natural=1.0, mask_jitter=1.0, noise=0.0, levels=0, blurred_rim=0.0)(joints)
        again = recompose(made["layers"], made["soft_tissue"], made["masks"])
        inside = made["masks"].amax(dim=1, keepdim=True) > 0
        assert (again - made["image"])[inside].abs().max() < 1e-5
        alone = (made["masks"] > 0) & ~overlap_of(made["masks"])
        assert (made["layers"] - made["image"])[alone].abs().max() < 1e-6


def test_a_natural_layer_begins_with_nothing_at_its_outline_and_has_its_true_share_further_in() -> None:
    # Columns: both bones deep, the lower one's outline, the upper one's outline, the lower bone alone, no bone.
    given = torch.tensor([[9.0, 0.001, 9.0, 3.0, -1.0], [9.0, 9.0, 0.001, -1.0, -1.0]]).reshape(1, 2, 1, 5)
    absorbed = torch.tensor([0.6, 0.3]).reshape(1, 2, 1, 1).expand(1, 2, 1, 5)
    total, soft = torch.full((1, 1, 1, 5), 1.1), per_image(0.2)
    lower, upper = OverlapSynthesis(seam_width=5.0).seamless(absorbed, total, soft, given)[0, :, 0].tolist()
    assert lower == pytest.approx([0.2 + 0.6, 0.2, 1.1, 1.1, 0.2], abs=5e-3)
    assert upper == pytest.approx([0.2 + 0.3, 1.1, 0.2, 0.2, 0.2], abs=5e-3)


def test_a_natural_composite_keeps_the_soft_edges_of_the_bones_outside_their_masks() -> None:
    joint = boxes((0.7,))
    # A halo of 3 px around the lower bone, as blur and a bone's lips leave it.
    halo = (joint["distance"][:, LOWER, None] < 0) & (joint["distance"][:, LOWER, None] > -3)
    joint["image"] = torch.where(halo, 0.4, joint["image"])
    synthesis = {
        natural: OverlapSynthesis(shift=(0, 0), rim_width=5.0, **{**PLAIN, "natural": natural})
        for natural in (0.0, 1.0)
    }
    below = {natural: make(joint)["image"][0, 0, 56:62, 32].tolist() for natural, make in synthesis.items()}
    assert below[0.0] == pytest.approx([0.25] * 6)
    # Half a pixel, one and a half, two and a half away from the outline: the halo fades out over 5 px.
    faded = [1 - 0.75 * (0.6 / 0.75) ** (1 - away / 5) for away in (0.5, 1.5, 2.5)]
    assert below[1.0] == pytest.approx([*faded, 0.25, 0.25, 0.25], abs=1e-4)


def test_kinds_of_composites_come_in_their_shares() -> None:
    torch.manual_seed(0)
    joint = boxes((0.7,) * 400)
    joint["image"] = torch.where(joint["distance"].amax(dim=1, keepdim=True) < 0, 0.4, joint["image"])
    made = OverlapSynthesis(depth=(12.0, 12.0), taper_width=(8.0, 8.0), **{**PLAIN, "natural": 0.5, "tapered": 0.3})(
        joint
    )
    rows = made["true_masks"][:, LOWER].amax(dim=2).argmax(dim=1)
    outside = made["image"][torch.arange(400), 0, 57 - 34 + rows, 32] > 0.26
    upper_rim = made["layers"][torch.arange(400), UPPER, rows + 11, 32] < 0.5
    assert outside.float().mean().item() == pytest.approx(0.5, abs=0.08)
    assert (upper_rim & ~outside).float().mean().item() == pytest.approx(0.3, abs=0.08)


def test_the_image_is_rounded_to_the_levels_of_a_file(joints: dict[str, Tensor]) -> None:
    torch.manual_seed(1)
    levels = OverlapSynthesis(levels=255)(joints)["image"] * 255
    assert torch.allclose(levels, levels.round(), atol=1e-4)
    fine = OverlapSynthesis(levels=0)(joints)["image"] * 255
    assert not torch.allclose(fine, fine.round(), atol=1e-2)


def test_a_smoothstep_goes_from_nothing_to_all_and_is_flat_at_both_ends() -> None:
    assert smoothstep(torch.tensor([-1.0, 0.0, 0.25, 0.5, 1.0, 2.0])).tolist() == [0.0, 0.0, 0.15625, 0.5, 1.0, 1.0]


def test_a_taper_takes_the_bone_away_at_its_outline_inside_the_overlap() -> None:
    bone, deep = torch.full((1, 1, 1, 4), 0.8), torch.tensor([[[[0.0, 2.0, 4.0, 9.0]]]])
    inside_other = torch.full_like(bone, 5.0)
    thin = taper(bone, deep, inside_other, width=per_image(4.0), power=per_image(1.0), reach=per_image(10.0)).flatten()
    assert thin.tolist() == pytest.approx([0.0, 0.4, 0.8, 0.8])
    squared = taper(bone, deep, inside_other, width=per_image(4.0), power=per_image(2.0), reach=per_image(10.0))
    assert squared.flatten().tolist() == pytest.approx([0.0, 0.2, 0.8, 0.8])


def test_a_taper_leaves_the_bone_away_from_the_other_bone_bit_for_bit() -> None:
    bone = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(0)) - 0.2
    near_outline, far = torch.full_like(bone, 0.5), torch.full_like(bone, -10.0)
    thin = taper(bone, near_outline, far, width=per_image(4.0), power=per_image(1.0), reach=per_image(10.0))
    assert torch.equal(thin, bone)


def test_a_taper_fades_without_a_step_at_the_overlaps_border() -> None:
    other = torch.linspace(-14.0, 6.0, 2001).reshape(1, 1, 1, -1)
    bone, outline = torch.full_like(other, 0.8), torch.full_like(other, 0.5)
    thin = taper(bone, outline, other, width=per_image(4.0), power=per_image(1.0), reach=per_image(10.0)).flatten()
    assert thin[0].item() == pytest.approx(0.8)
    assert thin[-1].item() == pytest.approx(0.1)
    assert (thin.diff() <= 1e-6).all()
    # Over a hundredth of a px: a smoothstep of 10 px falls by 0.15 a px of its height at most.
    assert thin.diff().abs().max() < 0.0015 * 0.7 * 1.05


def test_no_ray_absorbs_less_than_nothing_in_a_tapered_overlap() -> None:
    bone = torch.full((1, 1, 1, 1), -0.3)
    inside = torch.full_like(bone, 9.0)
    assert taper(bone, inside, inside, width=per_image(4.0), power=per_image(1.0), reach=per_image(10.0)).item() == 0.0


def test_tapered_overlaps_begin_softly_and_hard_ones_with_a_step() -> None:
    step = {}
    for tapered in (0.0, 1.0):
        made = OverlapSynthesis(depth=(12.0, 12.0), taper_width=(8.0, 8.0), **{**PLAIN, "tapered": tapered})(
            boxes((0.7,))
        )
        both = overlap_of(made["true_masks"])[0, 0, :, 32]
        first = int(both.nonzero()[0])
        step[tapered] = (made["image"][0, 0, first, 32] - made["image"][0, 0, first - 1, 32]).item()
    assert step[0.0] > 0.1
    assert 0.0 < step[1.0] < 0.04


def test_a_crossed_composite_takes_the_upper_bone_of_another_joint() -> None:
    made = {crossed: OverlapSynthesis(shift=(3, 3), **{**PLAIN, "crossed": crossed})(boxes()) for crossed in (0.0, 1.0)}
    upper = {crossed: one["layers"][:, UPPER, 20, 32].tolist() for crossed, one in made.items()}
    assert upper[0.0] == pytest.approx([0.7, 0.5])
    assert upper[1.0] == pytest.approx([0.5, 0.7])
    assert made[1.0]["layers"][:, LOWER, 45, 32].tolist() == pytest.approx([0.6, 0.6])


def test_a_crossed_bone_leaves_its_own_soft_tissue_behind() -> None:
    joint = boxes()
    # The second joint lies in denser soft tissue: the same bones, each with more of it.
    denser = attenuation(torch.tensor(0.25)) - attenuation(torch.tensor(0.4))
    for key in ("image", "background"):
        joint[key][1] = 1 - (1 - joint[key][1]) * torch.exp(denser)
    made = OverlapSynthesis(shift=(3, 3), **{**PLAIN, "crossed": 1.0})(joint)
    assert made["soft_tissue"].flatten().tolist() == pytest.approx([0.25, 0.4])
    assert made["layers"][0, UPPER, 20, 32].item() == pytest.approx(0.5)
    assert made["image"][0, 0, 20, 32].item() == pytest.approx(0.5)


def test_a_mirrored_composite_is_the_same_one_mirrored(joints: dict[str, Tensor]) -> None:
    made = []
    for mirrored in (0.0, 1.0):
        torch.manual_seed(3)
        made.append(OverlapSynthesis(mirrored=mirrored)(joints))
    for key in ("image", "masks", "true_masks", "layers"):
        assert torch.equal(made[0][key].flip(-1), made[1][key])
    assert torch.equal(made[0]["soft_tissue"], made[1]["soft_tissue"])


@pytest.mark.parametrize(("low", "high"), [(-0.8, 1.8), (-3.0, 0.0), (0.0, 3.0)])
def test_masks_are_too_small_or_too_large_by_as_many_pixels_as_said_and_no_more(
    joints: dict[str, Tensor], low: float, high: float
) -> None:
    torch.manual_seed(0)
    synthesis = OverlapSynthesis(mask_jitter=1.0, mask_jitter_px=(low, high), zoom=(1.0, 1.0), dilation=(0.0, 0.0))
    lost, won = [], []
    for _ in range(10):
        made = synthesis(joints)
        for true, given in zip(made["true_masks"], made["masks"], strict=True):
            distance = signed_distance(true)
            lost.append(distance[(true > given)])
            won.append(-distance[(true < given)])
    # Half a pixel for the outline between two pixels, half a one for the interpolation of distances.
    for off, most in ((torch.cat(lost), -low), (torch.cat(won), high)):
        assert (len(off) > 0) == (most > 0)
        assert most == 0 or most - 1.0 <= off.max() <= most + 1.0


def test_masks_are_the_true_ones_without_jitter(joints: dict[str, Tensor]) -> None:
    made = OverlapSynthesis(mask_jitter=0.0)(joints)
    assert torch.equal(made["masks"], made["true_masks"])


def test_masks_grow_by_the_dilation_before_the_bones_are_cut_out() -> None:
    area = [
        OverlapSynthesis(shift=(0, 0), **{**PLAIN, "dilation": (px, px)})(boxes((0.7,)))["true_masks"][0, UPPER].sum()
        for px in (0.0, 1.0)
    ]
    # 22 x 32 px, one more on each side; the corners, 0.9 px away from the outline, too.
    assert area == [22 * 32, 24 * 34]


def test_a_blurred_rim_changes_the_image_at_the_overlaps_rim_only(joints: dict[str, Tensor]) -> None:
    made = []
    for blurred in (0.0, 1.0):
        torch.manual_seed(5)
        made.append(OverlapSynthesis(blurred_rim=blurred, noise=0.0, levels=0, zoom=(1.0, 1.0), mirrored=0.0)(joints))
    changed = made[0]["image"] != made[1]["image"]
    assert changed.any()
    # Distance to the overlap's border, or to the cleft between two bones that all but touch.
    within = torch.stack([signed_distance(masks) for masks in made[0]["true_masks"]])
    assert within.amin(dim=1, keepdim=True)[changed].abs().max() < 4.0
    assert torch.equal(made[0]["layers"], made[1]["layers"])


def test_softening_keeps_a_constant_picture_and_spreads_a_point_over_3x3() -> None:
    assert torch.allclose(soften(torch.full((1, 1, 5, 6), 0.3)), torch.tensor(0.3))
    point = torch.zeros(1, 1, 5, 5)
    point[..., 2, 2] = 1.0
    assert soften(point)[0, 0, 1:4, 1:4].flatten().tolist() == [x / 16 for x in (1, 2, 1, 2, 4, 2, 1, 2, 1)]
    assert soften(point).sum().item() == 1.0


def test_the_same_seed_makes_the_same_overlaps_and_another_seed_others(joints: dict[str, Tensor]) -> None:
    made = []
    for seed in (4, 4, 5):
        torch.manual_seed(seed)
        made.append(OverlapSynthesis()(joints))
    for key, value in made[0].items():
        assert torch.equal(value, made[1][key])
        assert not torch.equal(value, made[2][key])


def test_overlaps_of_many_seeds_are_gray_levels_and_masks(joints: dict[str, Tensor]) -> None:
    synthesis = OverlapSynthesis()
    for seed in range(60):
        torch.manual_seed(seed)
        made = synthesis(joints)
        for key in ("image", "layers", "soft_tissue"):
            assert made[key].isfinite().all()
            assert made[key].min() >= 0
            assert made[key].max() <= 1
        for key in ("masks", "true_masks"):
            assert set(made[key].unique().tolist()) == {0.0, 1.0}


def test_a_joint_without_bones_or_with_one_makes_no_nan() -> None:
    joint = boxes()
    joint["distance"][0, UPPER] = signed_distance(torch.zeros(1, 64, 64))
    joint["distance"][1] = signed_distance(torch.zeros(2, 64, 64))
    for seed in range(5):
        torch.manual_seed(seed)
        assert all(value.isfinite().all() for value in OverlapSynthesis()(joint).values())


def test_fixed_overlaps_are_the_same_at_every_call_and_under_every_seed_of_the_training(
    joints: dict[str, Tensor],
) -> None:
    items = [{key: value[at] for key, value in joints.items()} for at in range(3)]
    syntheses = [OverlapSynthesis(tapered=0.0), OverlapSynthesis(tapered=1.0)]
    torch.manual_seed(1)
    first = FixedOverlaps(items, syntheses)
    torch.manual_seed(2)
    second, other = FixedOverlaps(items, syntheses), FixedOverlaps(items, syntheses, seed=1)
    assert len(first) == 6
    for at in range(6):
        for key in ("image", "masks", "label"):
            assert torch.equal(first[at][key], first[at][key])
            assert torch.equal(first[at][key], second[at][key])
        assert not torch.equal(first[at]["image"], other[at]["image"])
    assert first[0]["image"].shape == (1, 128, 128)
    assert first[0]["masks"].shape == (2, 128, 128)
    assert first[0]["label"].shape == (4, 128, 128)


def test_fixed_overlaps_leave_the_trainings_random_numbers_alone(joints: dict[str, Tensor]) -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    FixedOverlaps([{key: value[0] for key, value in joints.items()}], [OverlapSynthesis()])
    assert torch.equal(torch.rand(3), expected)


def test_undisturbed_overlaps_leave_nothing_but_the_shifts_to_chance(joints: dict[str, Tensor]) -> None:
    made = undisturbed(shift=(6, 6), mirrored=0.0, levels=0)(joints)
    again = undisturbed(shift=(6, 6), mirrored=0.0, levels=0)(joints)
    assert torch.equal(made["image"], again["image"])
    assert torch.equal(made["masks"], made["true_masks"])
    inside = made["true_masks"] > 0
    # A hard-cut layer is its bone, moved: nothing is thinned, turned or made brighter.
    moved_up = joints["image"].roll(-6, dims=2)
    alone = inside[:, LOWER, None] & ~inside[:, UPPER, None]
    # The lowest rows come from beyond the picture.
    assert (made["image"] - moved_up)[:, :, :-8][alone[:, :, :-8]].abs().max() < 1e-3


def test_real_overlaps_come_last_and_nobody_knows_their_layers(joints: dict[str, Tensor]) -> None:
    items = [{key: value[at] for key, value in joints.items()} for at in range(2)]
    real = {"image": torch.rand(1, 128, 128), "masks": torch.ones(2, 128, 128)}
    fixed = FixedOverlaps(items, [undisturbed()], real=[real])
    assert len(fixed) == 3
    assert torch.equal(fixed[2]["image"], real["image"])
    assert fixed[2]["label"][:2].isnan().all()
    assert torch.equal(fixed[2]["label"][2:], real["masks"])
    assert not fixed[1]["label"].isnan().any()
