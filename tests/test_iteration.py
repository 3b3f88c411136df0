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


from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from monai.engines import SupervisedTrainer
from monai.utils.enums import CommonKeys as Keys
from torch import Tensor

from scripts.datalist import signed_distance
from scripts.iteration import SupervisedSeparation, crop_around
from scripts.losses import OverlapLoss
from scripts.networks.generator import Generator
from scripts.overlap import JOINT_KEYS, OverlapSynthesis
from scripts.phantom import draw_joint

Made = dict[str, Tensor]


@pytest.fixture(scope="module")
def batch() -> Made:
    """Two drawn joints that do not overlap, as the training gets them."""
    drawn = [draw_joint(seed, size=128, overlap=-8.0) for seed in (1, 2)]
    inside = [joint.masks.any(dim=0, keepdim=True) for joint in drawn]
    return {
        "image": torch.stack([joint.image for joint in drawn]),
        "background": torch.stack(
            [joint.image.masked_fill(bones, joint.soft_tissue) for joint, bones in zip(drawn, inside, strict=True)]
        ),
        "distance": torch.stack([signed_distance(joint.masks.float()) for joint in drawn]),
    }


@pytest.fixture(scope="module")
def made(batch: Made) -> Made:
    torch.manual_seed(0)
    return OverlapSynthesis(depth=(10.0, 16.0))(batch)


def trainer(
    synthesis: Callable[[Mapping[str, Tensor]], Made], batch: Made, *, steps: int, rate: float = 3e-3, **options: Any
) -> SupervisedTrainer:
    torch.manual_seed(0)
    generator = Generator(features=(8, 8, 16, 16, 16, 8))
    return SupervisedTrainer(
        device="cpu",
        max_epochs=1,
        train_data_loader=[batch] * steps,
        network=generator,
        optimizer=torch.optim.Adam(generator.parameters(), lr=rate),
        loss_function=OverlapLoss(),
        iteration_update=SupervisedSeparation(synthesis, **options),  # type: ignore[arg-type]
        decollate=False,
    )


@pytest.mark.parametrize(
    ("at", "first"),
    [((20, 30), (15, 22)), ((0, 0), (0, 0)), ((39, 59), (30, 44)), ((3, 55), (0, 44))],
    ids=["in the middle", "at the upper left corner", "at the lower right corner", "at the upper right corner"],
)
def test_the_crop_is_centred_on_what_it_is_about_and_stays_inside_the_picture(
    at: tuple[int, int], first: tuple[int, int]
) -> None:
    # Each pixel says where it is.
    picture = torch.stack(torch.meshgrid(torch.arange(40.0), torch.arange(60.0), indexing="ij"))[None]
    where = torch.zeros(1, 1, 40, 60)
    where[0, 0, at[0], at[1]] = 1.0
    crop = crop_around(picture, where, 10, 16)
    assert crop.shape == (1, 2, 10, 16)
    assert crop[0, :, 0, 0].tolist() == list(first)
    assert crop[0, :, -1, -1].tolist() == [first[0] + 9, first[1] + 15]


def test_each_picture_of_a_batch_is_cropped_around_its_own_overlap() -> None:
    where = torch.zeros(2, 1, 40, 60)
    where[0, 0, 8:13, 10:15] = 1.0
    where[1, 0, 28:33, 40:45] = 1.0
    crop = crop_around(where, where, 10, 16)
    assert crop.sum(dim=(1, 2, 3)).tolist() == [25.0, 25.0]
    assert crop[0, 0, 3:8, 6:11].all()
    assert crop[1, 0, 3:8, 6:11].all()


def test_without_an_overlap_the_crop_is_still_inside_the_picture() -> None:
    picture = torch.rand(1, 1, 40, 60)
    assert torch.equal(crop_around(picture, torch.zeros_like(picture), 10, 16), picture[..., :10, :16])


def test_a_crop_as_large_as_the_picture_is_the_picture() -> None:
    picture = torch.rand(2, 3, 40, 60)
    assert torch.equal(crop_around(picture, torch.ones(2, 1, 40, 60), 40, 60), picture)


def test_the_soft_tissue_given_is_the_true_one_one_that_is_off_or_the_estimated_one_by_their_shares() -> None:
    torch.manual_seed(0)
    true, estimated = torch.full((4000, 1, 1, 1), 0.4), torch.full((4000, 1, 1, 1), 0.9)
    step = SupervisedSeparation(OverlapSynthesis(), k_estimated=0.35, k_off=0.15, k_off_by=0.25)
    k = step.given_soft_tissue(true, estimated)
    is_true, is_estimated = k == 0.4, k == 0.9
    off = k[~is_true & ~is_estimated]
    assert is_estimated.float().mean().item() == pytest.approx(0.35, abs=0.03)
    assert len(off) / 4000 == pytest.approx(0.15, abs=0.03)
    assert off.min().item() == pytest.approx(0.3, abs=0.01)
    assert off.max().item() == pytest.approx(0.5, abs=0.01)


def test_the_ratios_error_does_not_reach_the_soft_tissues_network_through_an_estimated_k() -> None:
    estimated = torch.full((8, 1, 1, 1), 0.3, requires_grad=True)
    step = SupervisedSeparation(OverlapSynthesis(), k_estimated=1.0)
    k = step.given_soft_tissue(torch.full_like(estimated, 0.4), estimated)
    assert torch.equal(k, estimated)
    assert not k.requires_grad


def test_a_step_answers_its_losses_and_the_layers_of_the_crop(batch: Made, made: Made) -> None:
    one_step = trainer(lambda joints: made, batch, steps=1, crop=(64, 96), soft_tissue_weight=2.0)
    one_step.run()
    output = one_step.state.output
    assert isinstance(output[Keys.LOSS], float)
    parts = output["overlap_loss"] + 2.0 * output["soft_tissue_loss"]
    assert output[Keys.LOSS] == pytest.approx(parts.item(), rel=1e-5)
    assert output[Keys.PRED].shape == output[Keys.LABEL].shape == (2, 2, 64, 96)
    assert output[Keys.IMAGE].shape == (2, 1, 64, 96)
    assert not output[Keys.PRED].requires_grad


def test_the_synthesis_is_given_what_it_reads_and_makes_a_new_batch_at_every_step(batch: Made) -> None:
    seen: list[Made] = []
    synthesis = OverlapSynthesis()

    def watched(joints: Mapping[str, Tensor]) -> Made:
        assert set(joints) == set(JOINT_KEYS)
        seen.append(synthesis(joints))
        return seen[-1]

    trainer(watched, {**batch, "name": torch.zeros(2)}, steps=2, crop=(64, 96)).run()
    assert len(seen) == 2
    assert not torch.equal(seen[0]["image"], seen[1]["image"])


def test_some_steps_on_one_batch_make_both_losses_smaller(batch: Made, made: Made) -> None:
    losses: list[list[float]] = []
    many_steps = trainer(lambda joints: made, batch, steps=30, crop=(64, 96), k_estimated=0.0, k_off=0.0)
    many_steps.add_event_handler(
        "ITERATION_COMPLETED",
        lambda engine: losses.append([float(engine.state.output[f"{x}_loss"]) for x in ("overlap", "soft_tissue")]),
    )
    many_steps.run()
    (first_overlap, first_soft_tissue), (overlap, soft_tissue) = losses[0], losses[-1]
    assert overlap < 0.7 * first_overlap
    assert soft_tissue < 0.3 * first_soft_tissue


def test_the_same_seed_takes_the_same_steps(batch: Made) -> None:
    states = []
    for _ in range(2):
        steps = trainer(OverlapSynthesis(), batch, steps=2, crop=(64, 96))
        steps.run()
        states.append(steps.network.state_dict())
    for name, value in states[0].items():
        assert torch.equal(value, states[1][name])
