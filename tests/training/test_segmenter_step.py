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

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from ignite.engine import Events
from monai.engines import SupervisedTrainer
from monai.inferers import SimpleInferer
from monai.utils.enums import CommonKeys as Keys
from torch import Tensor

from scripts.datasets.finger_joints import signed_distance
from scripts.networks.segmenter import Segmenter
from scripts.phantoms.joint import draw_joint
from scripts.training.acquisition import Acquisition
from scripts.training.edge_profiles import NaturalEdge
from scripts.training.outline_loss import OutlineLoss
from scripts.training.overlap_synthesis import OverlapSynthesis
from scripts.training.placement import Placement, Surroundings
from scripts.training.segmenter_step import SegmenterExamples, SegmenterStep

Joints = dict[str, Tensor]
STILL = Placement(angle=0.0, zoom=(1.0, 1.0), shift=0.0, far=0.0, mirrored=0.0)
PLAIN = Acquisition(untouched=1.0)
"""Leaves images as they are."""


def drawn(*overlaps: float) -> Joints:
    """Drawn joints with soft tissue beneath them."""
    joints = [draw_joint(seed, size=96, overlap=overlap) for seed, overlap in enumerate(overlaps)]
    bones = [joint.masks.any(dim=0, keepdim=True) for joint in joints]
    tissue = [joint.image.masked_fill(inside, joint.soft_tissue) for joint, inside in zip(joints, bones, strict=True)]
    return {
        "image": torch.stack([joint.image for joint in joints]),
        "background": torch.stack(tissue),
        "tissue": torch.stack(tissue),
        "distance": torch.stack([signed_distance(joint.masks.float()) for joint in joints]),
    }


@pytest.fixture(scope="module")
def joints() -> Joints:
    """Four drawn joints; only the second one overlaps."""
    return drawn(-8.0, 12.0, -6.0, -5.0)


def overlapping(distance: Tensor) -> list[bool]:
    both = (distance > 0).all(dim=1).flatten(1).any(dim=1)
    return [bool(overlaps) for overlaps in both]


def test_joints_without_a_synthesis_are_what_they_were(joints: Joints) -> None:
    image, distance = SegmenterExamples(placement=STILL, acquisition=PLAIN)(joints)
    assert torch.allclose(image, joints["image"], atol=1e-4)
    assert torch.allclose(distance, joints["distance"], atol=1e-3)


def test_overlaps_are_composed_of_the_joints_that_do_not_overlap(joints: Joints) -> None:
    torch.manual_seed(0)
    synthesis = OverlapSynthesis(natural=NaturalEdge(share=1.0))
    examples = SegmenterExamples(synthesis=synthesis, composed=1.0, placement=STILL, acquisition=PLAIN)
    before = joints["image"].clone()
    image, distance = examples(joints)
    assert overlapping(joints["distance"]) == [False, True, False, False]
    assert overlapping(distance) == [True] * 4
    assert torch.allclose(image[1], joints["image"][1], atol=1e-4)
    assert torch.equal(joints["image"], before)


def test_a_batch_in_which_nothing_is_composed_needs_no_soft_tissue(joints: Joints) -> None:
    alone = {key: joints[key] for key in ("image", "distance")}
    torch.manual_seed(0)
    image, distance = SegmenterExamples()(alone)
    assert image.shape == joints["image"].shape
    assert distance.shape == joints["distance"].shape


@pytest.mark.parametrize("seed", range(4))
def test_examples_are_gray_levels_and_each_is_new(joints: Joints, seed: int) -> None:
    torch.manual_seed(seed)
    examples = SegmenterExamples(synthesis=OverlapSynthesis(), surroundings=Surroundings())
    (one, distance), (two, _) = examples(joints), examples(joints)
    assert 0.0 <= one.min() <= one.max() <= 1.0
    assert distance.isfinite().all()
    assert not torch.equal(one, two)


def trainer(network: torch.nn.Module) -> Any:
    """What a training step reads of a trainer."""
    return SimpleNamespace(
        state=SimpleNamespace(device="cpu"),
        non_blocking=False,
        network=network,
        optimizer=torch.optim.AdamW(network.parameters(), lr=1e-2),
        inferer=SimpleInferer(),
        loss_function=OutlineLoss(),
    )


@pytest.mark.parametrize("amp", [False, True])
def test_the_segmenter_learns_from_its_steps_in_full_and_in_half_precision(joints: Joints, amp: bool) -> None:
    torch.manual_seed(0)
    seen: list[torch.dtype] = []

    def examples(batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        return batch["image"], batch["distance"]

    engine = trainer(Segmenter(features=(8, 8, 8, 16, 16, 8)))
    engine.network.register_forward_hook(lambda *answer: seen.append(answer[2].dtype))
    step = SegmenterStep(examples, amp=amp)
    losses = [step(engine, joints)[Keys.LOSS] for _ in range(12)]
    assert losses[-1] < 0.8 * losses[0]
    assert set(seen) == {torch.bfloat16 if amp else torch.float32}
    assert all(weights.dtype == torch.float32 for weights in engine.network.parameters())


def test_a_step_fits_the_trainer_and_ignores_what_it_does_not_need(joints: Joints) -> None:
    network = Segmenter(features=(8, 8, 8, 8, 8, 8))
    losses: list[float] = []
    engine = SupervisedTrainer(
        device=torch.device("cpu"),
        max_epochs=1,
        train_data_loader=[{**joints, "name": ["one"] * 4}],
        network=network,
        optimizer=torch.optim.AdamW(network.parameters()),
        loss_function=OutlineLoss(),
        iteration_update=SegmenterStep(SegmenterExamples()),
        decollate=False,
    )
    engine.add_event_handler(Events.ITERATION_COMPLETED, lambda engine: losses.append(engine.state.output[Keys.LOSS]))
    engine.run()
    assert len(losses) == 1
    assert losses[0] > 0
