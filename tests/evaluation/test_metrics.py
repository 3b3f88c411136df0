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


import math

import pytest
import torch
from torch import Tensor

from scripts.evaluation.metrics import (
    BorderStep,
    BorderStepRatio,
    ContourDistance,
    MaskDice,
    OverlapDice,
    OverlapError,
    OverlapFound,
    OverlapSSIM,
    PerBone,
    RecompositionError,
    RimError,
)
from scripts.physics import LOWER, UPPER, split


def bones(first_lower: int = 16, last_upper: int = 23, rows: int = 40, columns: int = 30) -> Tensor:
    """Masks (1, 2, 40, 30) of bones as wide as the picture that share rows ``first_lower`` to ``last_upper``."""
    masks = torch.zeros(1, 2, rows, columns)
    masks[0, UPPER, : last_upper + 1] = 1.0
    masks[0, LOWER, first_lower:] = 1.0
    return masks


def noise(seed: int, *shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def measured(metric: PerBone, pred: Tensor, true: Tensor) -> list[float]:
    metric.reset()
    metric(y_pred=pred, y=true)
    return metric.per_bone().tolist()


def answer(layers: Tensor, masks: Tensor, ratio: float = 0.5, soft_tissue: float = 0.25) -> Tensor:
    """What a separator answers, (B, 6, H, W)."""
    rest = torch.tensor([ratio, soft_tissue]).reshape(1, 2, 1, 1).expand(len(layers), 2, *layers.shape[2:])
    return torch.cat([layers, masks, rest], dim=1)


def test_the_overlap_error_is_the_mean_absolute_error_of_each_layer_inside_the_overlap_in_gray_levels() -> None:
    masks = bones()
    true = noise(0, 1, 2, 40, 30) * 0.5
    made = true.clone()
    made[:, LOWER, 16:20] += 0.1
    made[:, LOWER, 20:24] -= 0.02
    made[:, UPPER, 16:24] += 0.2
    # What happens outside the overlap is not looked at.
    made[:, :, :16] += 0.3
    made[:, :, 24:] += 0.3
    values = measured(OverlapError(), made, torch.cat([true, masks], dim=1))
    assert values == pytest.approx([255 * 0.06, 255 * 0.2], rel=1e-4)


def test_where_masks_too_small_leave_the_overlap_out_the_error_of_the_split_does_not_count() -> None:
    masks, given = bones(), bones(first_lower=18, last_upper=21)
    true = noise(0, 1, 2, 40, 30) * 0.5
    made = true.clone()
    made[:, :, 16:18] += 0.4
    made[:, :, 18:22] += 0.1
    made[:, :, 22:24] += 0.4
    label = torch.cat([true, masks], dim=1)
    assert measured(OverlapError(), answer(made, given), label) == pytest.approx(2 * [255 * 0.25], rel=1e-4)
    split_only = measured(OverlapError(split_only=True), answer(made, given), label)
    assert split_only == pytest.approx(2 * [255 * 0.1], rel=1e-4)


def test_an_image_without_an_overlap_does_not_count() -> None:
    apart = bones(first_lower=25, last_upper=20)
    masks = torch.cat([bones(), apart])
    true = noise(0, 2, 2, 40, 30)
    label = torch.cat([true, masks], dim=1)
    for metric in (OverlapError(), OverlapSSIM()):
        both = measured(metric, true * 0.9, label)
        alone = measured(metric, true[:1] * 0.9, label[:1])
        assert both == pytest.approx(alone)
        assert all(math.isnan(value) for value in measured(metric, true[1:] * 0.9, label[1:]))


def test_means_are_over_images_whatever_the_batches_are() -> None:
    label = torch.cat([torch.zeros(3, 2, 40, 30), bones().expand(3, -1, -1, -1)], dim=1)
    made = torch.tensor([0.1, 0.2, 0.6]).reshape(3, 1, 1, 1).expand(3, 2, 40, 30)
    metric = OverlapError()
    metric(y_pred=made[:2], y=label[:2])
    metric(y_pred=made[2:], y=label[2:])
    assert metric.per_bone().tolist() == pytest.approx([255 * 0.3] * 2)
    assert metric.aggregate().item() == pytest.approx(255 * 0.3)


def test_a_metric_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="OverlapError: expected measured images, got none"):
        OverlapError().aggregate()


def test_equal_layers_have_a_structural_similarity_of_one_and_noisy_ones_less() -> None:
    masks, true = bones(), noise(0, 1, 2, 40, 30)
    label = torch.cat([true, masks], dim=1)
    assert measured(OverlapSSIM(), true, label) == pytest.approx([1.0, 1.0])
    noisy = true.clone()
    noisy[:, UPPER] = (true[:, UPPER] + 0.5 * noise(1, 1, 40, 30)).clamp(0, 1)
    lower, upper = measured(OverlapSSIM(), noisy, label)
    assert lower == pytest.approx(1.0)
    assert upper < 0.9


def test_similarity_does_not_look_outside_the_bone() -> None:
    masks, true = bones(), noise(0, 1, 2, 40, 30)
    dirty = torch.where(masks > 0.5, true, torch.ones_like(true))
    assert measured(OverlapSSIM(), dirty, torch.cat([true, masks], dim=1)) == pytest.approx([1.0, 1.0])


def test_a_split_has_no_recomposition_error() -> None:
    masks, image = bones(), noise(0, 1, 1, 40, 30) * 0.9
    k = torch.full((1, 1, 1, 1), 0.25)
    layers = split(image, torch.full_like(image, 0.5), k, masks)
    assert measured(RecompositionError(), answer(layers, masks), image) == pytest.approx([0.0, 0.0], abs=1e-3)


def test_the_recomposition_error_is_the_largest_one_inside_the_bones() -> None:
    masks, image = bones(), noise(0, 1, 1, 40, 30) * 0.9
    masks[..., :5] = 0.0
    k = torch.full((1, 1, 1, 1), 0.25)
    layers = split(image, torch.full_like(image, 0.5), k, masks)
    layers[0, UPPER, 3, 10] += 0.1
    layers[0, LOWER, 35, 12] -= 0.04
    layers[0, UPPER, 3, 2] += 0.5
    assert measured(RecompositionError(), answer(layers, masks), image) == pytest.approx([25.5, 25.5], rel=1e-3)


def test_copying_the_image_does_not_recompose() -> None:
    masks, image = bones(), torch.full((1, 1, 40, 30), 0.7)
    # 1 - 0.3 * 0.3 / 0.75 instead of 0.7.
    copied = answer(image * masks, masks)
    assert measured(RecompositionError(), copied, image) == pytest.approx([255 * 0.18] * 2, rel=1e-4)


def test_the_border_step_is_the_step_across_the_overlaps_border_inside_each_bone() -> None:
    masks = bones()
    picture = torch.full((1, 2, 40, 30), 0.2)
    picture[:, LOWER, 16:24] = 0.6
    picture[:, UPPER, 16:24] = 0.3
    # Across the other end of its overlap a bone ends: that is its outline, not a seam.
    picture[:, UPPER, 24:] = 0.9
    picture[:, LOWER, :16] = 0.9
    assert measured(BorderStep(), picture, masks) == pytest.approx([255 * 0.4, 255 * 0.1], rel=1e-4)


def test_steps_along_the_border_and_away_from_it_are_no_seam() -> None:
    picture = torch.linspace(0, 1, 30).expand(1, 2, 40, 30).clone()
    picture[:, LOWER, 30:] += 0.5
    assert measured(BorderStep(), picture, bones()) == pytest.approx([0.0, 0.0])


def test_texture_is_measured_inside_the_bones_away_from_the_overlap() -> None:
    # Columns alternate by 0.1: half of the pairs of neighbours (those side by side) step.
    stripes = 0.1 * (torch.arange(30) % 2).expand(1, 2, 40, 30).clone()
    stripes[:, :, 16:24] = 7.0
    pairs_right, pairs_down = 16 * 29, 15 * 30
    expected = 25.5 * pairs_right / (pairs_right + pairs_down)
    assert measured(BorderStep(texture=True), stripes, bones()) == pytest.approx([expected] * 2, rel=1e-4)


def test_the_images_own_border_step_has_the_ratio_one() -> None:
    image, masks = noise(3, 1, 1, 40, 30), bones()
    assert measured(BorderStepRatio(), image.expand(-1, 3, -1, -1), masks) == pytest.approx([1.0, 1.0])
    # Twice the contrast is twice the step.
    twice = torch.cat([2.0 * image, 2.0 * image, image], dim=1)
    assert measured(BorderStepRatio(), twice, masks) == pytest.approx([2.0, 2.0])


def test_a_flat_image_has_no_border_step_to_compare_with() -> None:
    flat = torch.full((1, 3, 40, 30), 0.5)
    assert all(math.isnan(value) for value in measured(BorderStepRatio(), flat, bones()))


def test_border_steps_of_an_image_without_an_overlap_do_not_count() -> None:
    values = measured(BorderStep(), noise(0, 1, 2, 40, 30), bones(first_lower=25, last_upper=20))
    assert all(math.isnan(value) for value in values)


def test_the_dice_of_each_mask() -> None:
    made = bones()
    made[:, UPPER, 12:] = 0.0
    assert measured(MaskDice(), made, bones()) == pytest.approx([1.0, 2 * 12 / (12 + 24)])
    assert measured(MaskDice(), made * 0.51, bones() * 0.9) == pytest.approx([1.0, 2 * 12 / (12 + 24)])


def test_the_overlaps_dice_is_of_what_both_masks_share() -> None:
    made = bones(first_lower=20)
    assert measured(OverlapDice(), made, bones()) == pytest.approx([2 * 4 / (4 + 8)] * 2)
    assert measured(OverlapDice(), bones(first_lower=30), bones()) == [0.0, 0.0]


@pytest.mark.parametrize(("columns", "counts"), [(19, False), (20, True)])
def test_overlaps_of_less_than_20_px_have_no_dice(columns: int, counts: bool) -> None:
    true = bones(first_lower=20, last_upper=20, columns=columns)
    values = measured(OverlapDice(), true, true)
    assert values == [1.0, 1.0] if counts else all(math.isnan(value) for value in values)


def test_recall_and_precision_of_found_overlaps() -> None:
    there, not_there = bones(), bones(first_lower=30)
    one_row_of_19 = bones(first_lower=20, last_upper=20)
    one_row_of_19[..., 19:] = 0.0
    # Found, found, missed, invented, neither, and one too small to be one.
    made = torch.cat([there, there, not_there, there, not_there, one_row_of_19])
    true = torch.cat([there, there, there, not_there, not_there, there])
    metric = OverlapFound()
    metric(y_pred=made, y=true)
    recall, precision = metric.per_bone().tolist()
    assert recall == pytest.approx(2 / 4)
    assert precision == pytest.approx(2 / 3)


def square(top: int, left: int = 8, side: int = 10) -> Tensor:
    masks = torch.zeros(1, 2, 40, 30)
    masks[0, :, top : top + side, left : left + side] = 1.0
    return masks


def test_the_contour_distance_of_a_shifted_square_by_hand() -> None:
    # Two rows down. Of 36 px the upper side is 2 away, of the lower side 0 1 2 2 2 2 2 2 1 0, of each side one px is 1.
    assert measured(ContourDistance(), square(12), square(10)) == pytest.approx([(20 + 14 + 2) / 36] * 2)
    assert measured(ContourDistance(), square(10), square(10)) == [0.0, 0.0]


def test_the_pictures_edge_is_no_outline() -> None:
    assert measured(ContourDistance(), bones(first_lower=19, last_upper=22), bones()) == pytest.approx([3.0, 1.0])


def test_the_hidden_edge_is_the_part_of_an_outline_inside_the_other_bone() -> None:
    true = square(10)
    true[0, UPPER] = 0.0
    true[0, UPPER, :12] = 1.0
    made = true.clone()
    made[0, LOWER] = square(12)[0, LOWER]
    # Inside the upper bone lie the square's upper side, 2 away, and the second px of its left and right sides, 1 away.
    lower, upper = measured(ContourDistance(hidden=True), made, true)
    assert lower == pytest.approx((10 * 2 + 2 * 1) / 12)
    assert upper == 0.0


def test_a_bone_that_was_not_found_has_no_contour_distance() -> None:
    made = square(10)
    made[0, UPPER] = 0.0
    lower, upper = measured(ContourDistance(), made, square(10))
    assert lower == 0.0
    assert math.isnan(upper)


def test_each_metric_chooses_what_it_compares_from_the_output_of_an_evaluator() -> None:
    image, pred, label = noise(1, 2, 1, 8, 8), noise(2, 2, 6, 8, 8), noise(3, 2, 4, 8, 8)
    output = {"image": image, "pred": pred, "label": label}
    expected = {
        OverlapError(): (pred, label),
        OverlapSSIM(): (pred, label),
        RecompositionError(): (pred, image),
        BorderStep(): (pred, label[:, 2:]),
        BorderStep(texture=True): (torch.cat([image, image], dim=1), label[:, 2:]),
        BorderStepRatio(): (torch.cat([pred[:, :2], image], dim=1), label[:, 2:]),
        **{metric(): (pred[:, 2:4], label) for metric in (MaskDice, OverlapDice, OverlapFound, ContourDistance)},
    }
    for metric, pair in expected.items():
        assert all(torch.equal(one, two) for one, two in zip(metric.inputs(output), pair, strict=True))


def test_the_rim_error_is_measured_inside_each_bone_beside_the_overlap_and_nowhere_else() -> None:
    masks = bones(rows=256, columns=256, first_lower=120, last_upper=131)
    truth = torch.full((1, 2, 256, 256), 0.5)
    layers = truth.clone()
    layers[0, UPPER, 114:120] += 4 / 255  # the upper bone's rim above the overlap
    layers[0, LOWER, 132:135] -= 6 / 255  # half of the lower bone's rim below it
    layers[0, :, 120:132] = 0.0
    layers[0, UPPER, :114] = 0.0
    lower, upper = measured(RimError(), layers, torch.cat([truth, masks], dim=1))
    assert upper == pytest.approx(4.0, abs=1e-3)
    assert lower == pytest.approx(3.0, abs=1e-3)
