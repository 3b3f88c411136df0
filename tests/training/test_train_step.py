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
from monai.engines import AdversarialTrainer
from monai.utils.enums import AdversarialKeys
from monai.utils.enums import CommonKeys as Keys
from torch import Tensor

from scripts.datasets.finger_joints import signed_distance
from scripts.networks.generator import Generator
from scripts.networks.supervisor import Supervisor
from scripts.phantoms.joint import draw_joint
from scripts.physics import LOWER, RIM, UPPER, cut_out, grow, overlap_of, recompose, zone_of
from scripts.training.losses import AdversarialLoss, SeparationLoss, SupervisorLoss
from scripts.training.overlap_mixing import MixedOverlaps, RealOverlaps
from scripts.training.overlap_synthesis import JOINT_KEYS, OverlapSynthesis
from scripts.training.pairing import Pairing
from scripts.training.train_step import AdversarialStep, BoneExamples, CropSeparation

Made = dict[str, Tensor]


@pytest.fixture(scope="module")
def batch() -> Made:
    """Two drawn joints that do not overlap, as the training gets them."""
    drawn = [draw_joint(seed, size=128, overlap=-8.0) for seed in (1, 2)]
    inside = [joint.masks.any(dim=0, keepdim=True) for joint in drawn]
    tissue = torch.stack(
        [joint.image.masked_fill(bones, joint.soft_tissue) for joint, bones in zip(drawn, inside, strict=True)]
    )
    return {
        "image": torch.stack([joint.image for joint in drawn]),
        "background": tissue,
        "tissue": tissue,
        "distance": torch.stack([signed_distance(joint.masks.float()) for joint in drawn]),
    }


@pytest.fixture(scope="module")
def made(batch: Made) -> Made:
    torch.manual_seed(0)
    return OverlapSynthesis(pairing=Pairing(depth=(10.0, 16.0)))(batch)


@pytest.fixture(scope="module")
def overlapping() -> Made:
    """Two drawn joints that overlap."""
    drawn = [draw_joint(seed, size=128, overlap=14.0) for seed in (3, 4)]
    return {
        "image": torch.stack([joint.image for joint in drawn]),
        "background": torch.stack([joint.image for joint in drawn]),
        "tissue": torch.stack([joint.image for joint in drawn]),
        "distance": torch.stack([signed_distance(joint.masks.float()) for joint in drawn]),
    }


def separation(**options: Any) -> CropSeparation:
    torch.manual_seed(0)
    return CropSeparation(Generator(features=(8, 8, 16, 16, 16, 8)), **{"crop": (64, 96), **options})


def trainer(
    overlaps: Callable[[Mapping[str, Tensor]], Made],
    batch: Made,
    *,
    steps: int,
    rate: float = 3e-3,
    weight: float = 0.01,
    adversarial: bool = True,
    **options: Any,
) -> AdversarialTrainer:
    generator = separation(**options)
    supervisor = Supervisor(features=(8, 8, 8, 16, 16, 8))
    return AdversarialTrainer(
        device="cpu",
        max_epochs=1,
        train_data_loader=[batch] * steps,
        g_network=generator,
        g_optimizer=torch.optim.Adam(generator.parameters(), lr=rate),
        g_loss_function=AdversarialLoss(weight=weight),
        recon_loss_function=SeparationLoss(),
        d_network=supervisor,
        d_optimizer=torch.optim.Adam(supervisor.parameters(), lr=rate),
        d_loss_function=SupervisorLoss(),
        iteration_update=AdversarialStep(overlaps, BoneExamples(), adversarial=adversarial),
        decollate=False,
    )


def weights(network: torch.nn.Module) -> Made:
    return {name: value.clone() for name, value in network.named_parameters()}


def test_the_soft_tissue_given_is_the_true_one_one_that_is_off_or_the_estimated_one_by_their_shares() -> None:
    torch.manual_seed(0)
    true, estimated = torch.full((4000, 1, 1, 1), 0.4), torch.full((4000, 1, 1, 1), 0.9)
    k = separation(k_estimated=0.35, k_off=0.15, k_off_by=0.25).given_soft_tissue(true, estimated, true > 0)
    is_true, is_estimated = k == 0.4, k == 0.9
    off = k[~is_true & ~is_estimated]
    assert is_estimated.float().mean().item() == pytest.approx(0.35, abs=0.03)
    assert len(off) / 4000 == pytest.approx(0.15, abs=0.03)
    assert off.min().item() == pytest.approx(0.3, abs=0.01)
    assert off.max().item() == pytest.approx(0.5, abs=0.01)


def test_where_the_true_soft_tissue_is_unknown_the_estimated_one_is_given() -> None:
    true, estimated = torch.zeros(8, 1, 1, 1), torch.full((8, 1, 1, 1), 0.3)
    k = separation(k_estimated=0.0, k_off=1.0).given_soft_tissue(true, estimated, true > 0)
    assert torch.equal(k, estimated)


def test_the_ratios_error_does_not_reach_the_reconstructor_through_an_estimated_k() -> None:
    estimated = torch.full((8, 1, 1, 1), 0.3, requires_grad=True)
    k = separation(k_estimated=1.0).given_soft_tissue(torch.full_like(estimated, 0.4), estimated, estimated > 0)
    assert torch.equal(k, estimated)
    assert not k.requires_grad


def test_a_separation_answers_the_crop_around_the_zone(made: Made) -> None:
    answer = separation(k_estimated=0.0, k_off=0.0)(made)
    assert answer["image"].shape == answer["tissue"].shape == (2, 1, 64, 96)
    assert answer["layers"].shape == answer["truth"].shape == answer["masks"].shape == (2, 2, 64, 96)
    assert answer["known"].all()
    # The whole overlap is in it, and what is cut out of the image and of the layers belongs together.
    assert torch.equal(overlap_of(answer["masks"]).sum((1, 2, 3)), overlap_of(made["masks"]).sum((1, 2, 3)))
    recomposed = recompose(answer["layers"], answer["tissue"])
    assert torch.allclose(recomposed, answer["image"], atol=1e-5)


def test_crops_of_a_zone_wider_than_they_are_move_over_its_whole_width_and_keep_its_height(made: Made) -> None:
    torch.manual_seed(0)
    masks = torch.zeros(1, 2, 128, 128)
    masks[0, UPPER, :70, 20:110] = 1.0
    masks[0, LOWER, 60:, 20:110] = 1.0
    network = separation(crop=(64, 64), aside=0)
    placed = [network.place(masks) for _ in range(60)]
    assert {int(top) for top, _ in placed} == {33}
    lefts = [int(left) for _, left in placed]
    assert min(lefts) < 20
    assert max(lefts) > 45
    assert min(lefts) >= 13
    assert max(lefts) <= 53


def test_the_supervisor_learns_from_bones_alone_true_layers_and_made_ones(batch: Made, made: Made) -> None:
    answer = separation()(made)
    answer["known"] = torch.tensor([True, False]).reshape(2, 1, 1, 1)
    examples = BoneExamples(facing=12.0)(batch, answer)
    assert examples["real"].flatten().tolist() == [1.0, 1.0, 1.0, 0.0, 0.0]
    alone, true, generated = (examples["layers"][at] for at in (slice(0, 2), slice(2, 3), slice(3, 5)))
    assert torch.equal(true, cut_out(answer["truth"][:1], answer["masks"][:1]))
    assert torch.equal(generated, cut_out(answer["layers"], answer["masks"]))
    assert not generated.requires_grad
    # A bone by itself is judged where it faces the other one, and is dark outside its mask.
    judged = examples["where"][:2]
    assert (judged.sum(dim=(2, 3)) > 0).all()
    assert (alone[~grow(examples["masks"][:2], RIM)] == 0).all()
    assert (judged <= grow(examples["masks"][:2], RIM)).all()
    assert torch.equal(examples["where"][3:] > 0, zone_of(answer["masks"]).expand(-1, 2, -1, -1))


def test_joints_that_overlap_are_no_bones_alone(overlapping: Made, made: Made) -> None:
    answer = separation()(made)
    examples = BoneExamples()(overlapping, answer)
    assert examples["real"].flatten().tolist() == [1.0, 1.0, 0.0, 0.0]


def test_a_step_moves_the_generator_and_the_supervisor_and_says_its_losses(batch: Made, made: Made) -> None:
    one_step = trainer(lambda joints: made, batch, steps=1)
    before = weights(one_step.state.g_network), weights(one_step.state.d_network)
    one_step.run()
    output = one_step.state.output
    parts = output[AdversarialKeys.RECONSTRUCTION_LOSS] + output[AdversarialKeys.GENERATOR_LOSS]
    assert output[Keys.LOSS] == pytest.approx(parts, rel=1e-5)
    assert output[AdversarialKeys.DISCRIMINATOR_LOSS] > 0
    assert output[Keys.PRED].shape == output[Keys.LABEL].shape == (2, 2, 64, 96)
    assert not output[Keys.PRED].requires_grad
    for old, network in zip(before, (one_step.state.g_network, one_step.state.d_network), strict=True):
        assert all(not torch.equal(old[name], value) for name, value in network.named_parameters())
    assert all(value.requires_grad for value in one_step.state.d_network.parameters())


def test_the_generators_step_leaves_the_supervisor_alone(batch: Made, made: Made) -> None:
    one_step = trainer(lambda joints: made, batch, steps=1)
    moved: list[Made] = []
    step = one_step.state.d_optimizer.step
    one_step.state.d_optimizer.step = lambda: (step(), moved.append(weights(one_step.state.d_network)))
    gradients = [value.grad for value in one_step.state.d_network.parameters()]
    one_step.run()
    assert len(moved) == 1
    assert all(torch.equal(moved[0][name], value) for name, value in one_step.state.d_network.named_parameters())
    assert all(gradient is None for gradient in gradients)


def test_without_a_supervisor_it_neither_learns_nor_judges(batch: Made, made: Made) -> None:
    one_step = trainer(lambda joints: made, batch, steps=1, adversarial=False)
    before = weights(one_step.state.d_network)
    one_step.run()
    assert one_step.state.output[AdversarialKeys.GENERATOR_LOSS] == 0
    assert one_step.state.output[AdversarialKeys.DISCRIMINATOR_LOSS] == 0
    assert all(torch.equal(before[name], value) for name, value in one_step.state.d_network.named_parameters())


def test_the_supervisors_judgement_moves_the_generator_where_no_layer_is_known(overlapping: Made) -> None:
    grads = []
    for weight in (0.0, 1.0):
        mixed = MixedOverlaps(OverlapSynthesis(), RealOverlaps(angle=0.0))
        one_step = trainer(mixed, overlapping, steps=1, rate=0.0, weight=weight)
        one_step.state.recon_loss_function = SeparationLoss(agreement=0.0)
        one_step.run()
        last = one_step.state.g_network.generator.unet.final_conv.weight.grad
        grads.append(0.0 if last is None else float(last.abs().sum()))
    assert grads[0] == 0.0
    assert grads[1] > 0.0


def test_overlaps_are_made_of_what_the_synthesis_reads_anew_at_every_step(batch: Made) -> None:
    seen: list[Made] = []
    synthesis = OverlapSynthesis()

    def watched(joints: Mapping[str, Tensor]) -> Made:
        assert set(joints) == set(JOINT_KEYS)
        seen.append(synthesis(joints))
        return seen[-1]

    trainer(watched, {**batch, "name": torch.zeros(2)}, steps=2).run()
    assert len(seen) == 2
    assert not torch.equal(seen[0]["image"], seen[1]["image"])


def test_some_steps_on_one_batch_make_the_layers_better(batch: Made, made: Made) -> None:
    errors: list[float] = []
    many_steps = trainer(lambda joints: made, batch, steps=30, k_estimated=0.0, k_off=0.0)
    many_steps.add_event_handler(
        "ITERATION_COMPLETED",
        lambda engine: errors.append(engine.state.output[AdversarialKeys.RECONSTRUCTION_LOSS]),
    )
    many_steps.run()
    assert errors[-1] < 0.6 * errors[0]


def test_the_same_seed_takes_the_same_steps(batch: Made) -> None:
    states = []
    for _ in range(2):
        steps = trainer(OverlapSynthesis(), batch, steps=2)
        steps.run()
        states.append({**steps.state.g_network.state_dict(), **steps.state.d_network.state_dict()})
    for name, value in states[0].items():
        assert torch.equal(value, states[1][name])
