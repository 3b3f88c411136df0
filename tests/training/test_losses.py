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


import pytest
import torch
from torch import Tensor

from scripts.physics import LOWER, UPPER
from scripts.training.losses import AdversarialLoss, MaskLoss, SeparationLoss, SupervisorLoss, ZoneLoss


def row_of_masks() -> Tensor:
    """Masks of one row and six columns: the lower bone on columns 0..3, the upper on 2..5, both on 2 and 3."""
    masks = torch.zeros(1, 2, 1, 6)
    masks[0, LOWER, 0, :4] = 1.0
    masks[0, UPPER, 0, 2:] = 1.0
    return masks


def blocks(rows: int = 24) -> Tensor:
    """Masks (1, 2, 24, 20) whose overlap is 4 rows of 20 px."""
    masks = torch.zeros(1, 2, rows, 20)
    masks[0, UPPER, :14] = 1.0
    masks[0, LOWER, 10:] = 1.0
    return masks


def blocks_of(count: int) -> Tensor:
    """Masks (count, 2, 24, 24) whose overlap is 8 rows of 24 px."""
    masks = torch.zeros(count, 2, 24, 24)
    masks[:, UPPER, :16] = 1.0
    masks[:, LOWER, 8:] = 1.0
    return masks


def random_layers(seed: int, masks: Tensor) -> Tensor:
    return torch.rand(masks.shape, generator=torch.Generator().manual_seed(seed))


def zone_loss(layers: Tensor, truth: Tensor, masks: Tensor, bone: float = 0.5, **options: float) -> Tensor:
    """Cost of layers where the image is bone everywhere."""
    image, soft = torch.full_like(layers[:, :1], bone), torch.full_like(layers[:, :1], 0.2)
    return ZoneLoss(**options)(layers, truth, image, masks, soft)


def test_the_true_layers_cost_nothing() -> None:
    truth = random_layers(0, blocks())
    assert zone_loss(truth, truth, blocks()).item() == 0.0


def test_an_error_costs_its_charbonnier_distance_averaged_over_the_zone() -> None:
    masks, truth = row_of_masks(), torch.full((1, 2, 1, 6), 0.5)
    layers = truth.clone()
    layers[0, LOWER, 0, 2] += 0.3
    layers[0, UPPER, 0, 3] -= 0.1
    # Two pixels of overlap, and four around them that weigh half.
    loss = zone_loss(layers, truth, masks, gradient=0.0, eps=0.0, small=0.0)
    assert loss.item() == pytest.approx((0.3 + 0.1) / 4)
    rounded = zone_loss(layers, truth, masks, gradient=0.0, eps=0.4, small=0.0, around=0.0)
    assert rounded.item() == pytest.approx(((0.3**2 + 0.4**2) ** 0.5 + (0.1**2 + 0.4**2) ** 0.5 - 0.8) / 2)


def test_around_the_overlap_an_error_counts_where_there_is_bone_to_share_and_by_its_weight() -> None:
    masks, truth = row_of_masks(), torch.full((1, 2, 1, 6), 0.5)
    layers = truth.clone()
    layers[0, LOWER, 0, 5] += 0.2
    costs = {
        (bone, around): zone_loss(layers, truth, masks, bone, gradient=0.0, eps=0.0, small=0.0, around=around).item()
        for bone in (0.5, 0.2)
        for around in (0.0, 0.5, 1.0)
    }
    assert costs[0.5, 0.0] == 0.0
    assert costs[0.5, 0.5] == pytest.approx(0.5 * 0.2 / 4)
    assert costs[0.5, 1.0] == pytest.approx(0.2 / 6)
    assert {costs[0.2, around] for around in (0.0, 0.5, 1.0)} == {0.0}


def test_a_step_of_the_error_costs_by_the_weight_of_the_gradients() -> None:
    masks, truth = row_of_masks(), torch.full((1, 2, 1, 6), 0.5)
    layers = truth.clone()
    layers[0, LOWER, 0, 3] += 0.2
    loss = zone_loss(layers, truth, masks, gradient=1.0, eps=0.0, small=0.0, around=0.0)
    # Up by 0.2 inside the overlap and down again across its border.
    assert loss.item() == pytest.approx((0.2 + 0.2 + 0.2) / 2)


def test_rows_and_columns_are_treated_alike() -> None:
    masks = blocks()
    layers, truth = random_layers(1, masks), random_layers(2, masks)
    turned = [x.transpose(2, 3) for x in (layers, truth, masks)]
    assert zone_loss(layers, truth, masks).item() == pytest.approx(zone_loss(*turned).item(), rel=1e-5)


def test_errors_away_from_the_zone_cost_nothing() -> None:
    masks = blocks(48)
    truth = random_layers(1, masks)
    layers = truth.clone()
    layers[0, :, :3] += 0.5
    layers[0, :, 21:] += 0.5
    assert zone_loss(layers, truth, masks).item() == 0.0


def test_a_zone_of_the_small_size_weighs_half() -> None:
    masks = blocks()
    layers, truth = random_layers(1, masks), random_layers(2, masks)
    area = float(masks.prod(dim=1).sum())
    whole, half = (zone_loss(layers, truth, masks, small=small, around=0.0).item() for small in (0.0, area))
    assert half == pytest.approx(whole / 2)


def test_bones_that_are_not_there_cost_nothing_and_give_finite_gradients() -> None:
    layers = random_layers(1, blocks()).requires_grad_()
    loss = zone_loss(layers, random_layers(2, blocks()), torch.zeros_like(layers))
    loss.backward()
    assert loss.item() == 0.0
    assert layers.grad is not None
    assert layers.grad.isfinite().all()


def test_each_image_of_a_batch_weighs_the_same() -> None:
    masks = torch.cat([blocks(), blocks().roll(2, dims=2) * blocks()])
    layers, truth = random_layers(1, masks), random_layers(2, masks)
    alone = [zone_loss(*(x[at : at + 1] for x in (layers, truth, masks))).item() for at in range(2)]
    assert zone_loss(layers, truth, masks).item() == pytest.approx(sum(alone) / 2)


@pytest.mark.parametrize("wrong", range(4))
def test_right_masks_cost_nothing_and_wrong_ones_much_in_no_bone_in_one_and_in_both(wrong: int) -> None:
    # Four columns of 8 px: no bone, the lower one, the upper one, both.
    masks = torch.tensor([[0.0, 1.0, 0.0, 1.0], [0.0, 0.0, 1.0, 1.0]])[None, :, None].expand(1, 2, 8, 4)
    logits = 40.0 * masks - 20.0
    assert MaskLoss()(logits, masks).item() < 1e-3
    logits[..., wrong] *= -1.0
    assert MaskLoss()(logits, masks).item() > 5.0


def test_a_missed_overlap_costs_more_than_as_many_pixels_elsewhere() -> None:
    masks = blocks()
    logits = 20.0 * masks - 10.0
    missed, elsewhere = logits.clone(), logits.clone()
    missed[0, LOWER, 10:14] = -10.0
    elsewhere[0, LOWER, 20:24] = -10.0
    assert MaskLoss()(missed, masks).item() > MaskLoss()(elsewhere, masks).item() + 0.2
    assert MaskLoss(overlap=0.0)(missed, masks).item() == pytest.approx(
        MaskLoss(overlap=0.0)(elsewhere, masks).item(), rel=1e-4
    )


def test_an_invented_overlap_costs_where_there_is_none_in_the_batch() -> None:
    masks = blocks()
    masks[0, LOWER, :14] = 0.0
    logits = 20.0 * masks - 10.0
    invented = logits.clone()
    invented[0, LOWER, 12:14] = 10.0
    weight = 0.3
    shared = [MaskLoss(overlap=weight)(x, masks) - MaskLoss(overlap=0.0)(x, masks) for x in (logits, invented)]
    assert shared[0].item() == pytest.approx(0.0, abs=1e-2)
    assert shared[1].item() > 0.9 * weight


def test_both_bones_weigh_the_same_and_do_not_look_at_each_other() -> None:
    masks = blocks()
    logits = 4.0 * random_layers(3, masks) - 2.0
    loss = MaskLoss(overlap=0.0)(logits, masks).item()
    assert MaskLoss(overlap=0.0)(logits.flip(1), masks.flip(1)).item() == pytest.approx(loss)
    one_by_one = [
        MaskLoss(overlap=0.0)(x, m).item() for x, m in zip(logits.split(1, 1), masks.split(1, 1), strict=True)
    ]
    assert sum(one_by_one) / 2 == pytest.approx(loss)


def separated(known: list[bool]) -> dict[str, Tensor]:
    image, masks = torch.full((len(known), 1, 24, 24), 0.5), blocks_of(len(known))
    k = torch.full((len(known), 1, 1, 1), 0.25)
    layers = (image * masks - 0.1 * masks.prod(dim=1, keepdim=True)).requires_grad_()
    return {
        "image": image,
        "masks": masks,
        "truth": image * masks,
        "layers": layers,
        "tissue": k.expand_as(image),
        "soft_tissue": k,
        "estimated": (k + 0.05).requires_grad_(),
        "known": torch.tensor(known).reshape(-1, 1, 1, 1),
    }


def test_known_layers_are_compared_with_the_truth() -> None:
    known = separated([True])
    in_layers = ZoneLoss()(*(known[key] for key in ("layers", "truth", "image", "masks", "tissue"))).item()
    assert SeparationLoss()(known).item() == pytest.approx(in_layers + 0.05, rel=1e-4)
    # Unknown layers are compared with the truth that the separation gives them, those of the drawn masks.
    both = SeparationLoss(soft_tissue_weight=0.0, agreement=0.4)(separated([True, False])).item()
    assert both == pytest.approx(0.5 * in_layers + 0.4 * 0.5 * in_layers, rel=1e-4)
    assert SeparationLoss(agreement=0.0)(separated([False])).item() == 0.0


def test_a_soft_tissue_that_nobody_knows_teaches_nothing_but_keeps_its_place_in_the_graph() -> None:
    made = separated([False])
    SeparationLoss()(made).backward()
    assert made["estimated"].grad is not None
    assert made["estimated"].grad.abs().sum() == 0


def answers(seen: float, real: float, count: int = 2) -> Tensor:
    """Logits that say the same everywhere."""
    return torch.cat([torch.full((count, 2, 24, 24), seen), torch.full((count, 2, 24, 24), real)], dim=1)


def test_a_supervisor_that_is_right_loses_less_than_one_that_is_wrong_and_cannot_gain_by_numbers() -> None:
    masks = torch.ones(4, 2, 24, 24)
    real = torch.tensor([1.0, 0.0, 0.0, 0.0]).reshape(4, 1, 1, 1)
    right = torch.cat([answers(5.0, 5.0, 1), answers(5.0, -5.0, 3)])
    loss = SupervisorLoss()
    assert loss(right, masks, masks, real) < 0.02
    # One real among three made ones weighs as much as they do together.
    always_made, always_real = answers(5.0, -5.0, 4), answers(5.0, 5.0, 4)
    assert loss(always_made, masks, masks, real).item() == pytest.approx(loss(always_real, masks, masks, real).item())


def test_outside_of_where_it_is_asked_the_supervisor_may_say_anything_of_real_and_made() -> None:
    masks, where, real = torch.ones(2, 2, 24, 24), torch.zeros(2, 2, 24, 24), torch.ones(2, 1, 1, 1)
    where[..., :4] = 1.0
    answer = answers(3.0, 3.0)
    other = answer.clone()
    other[:, 2:, :, 4:] = -9.0
    assert torch.equal(SupervisorLoss()(answer, masks, where, real), SupervisorLoss()(other, masks, where, real))


def test_the_generator_is_asked_to_convince_where_bones_meet_and_to_show_the_bones() -> None:
    masks = blocks_of(2)
    loss = AdversarialLoss(weight=0.5, seen=1.0)
    convinced = torch.cat([20.0 * (2.0 * masks - 1.0), torch.full_like(masks, 20.0)], dim=1)
    assert loss(convinced, masks).item() == pytest.approx(0.0, abs=1e-5)
    doubted = convinced.clone()
    doubted[:, 2:] = 0.0
    assert loss(doubted, masks).item() == pytest.approx(0.5 * 0.6931, abs=1e-3)
    assert AdversarialLoss(weight=0.0)(doubted, masks).item() == 0.0
