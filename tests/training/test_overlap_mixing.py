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

from scripts.datasets.finger_joints import signed_distance
from scripts.phantoms.joint import draw_joint
from scripts.physics import overlap_of
from scripts.training.mask_jitter import MaskJitter
from scripts.training.overlap_mixing import MixedOverlaps, ProposedMasks, RealOverlaps
from scripts.training.overlap_synthesis import OverlapSynthesis
from scripts.training.pairing import Pairing

Joints = dict[str, Tensor]


def drawn(*overlaps: float) -> Joints:
    joints = [draw_joint(seed, size=128, overlap=overlap) for seed, overlap in enumerate(overlaps)]
    return {
        "image": torch.stack([joint.image for joint in joints]),
        "background": torch.stack([joint.image for joint in joints]),
        "tissue": torch.stack([joint.image for joint in joints]),
        "distance": torch.stack([signed_distance(joint.masks.float()) for joint in joints]),
    }


@pytest.fixture(scope="module")
def joints() -> Joints:
    """Drawn joints, the second and the third of which overlap."""
    return drawn(-8.0, 14.0, 10.0, -6.0)


def still(*, mirrored: float = 0.0, jittered: float = 0.0) -> RealOverlaps:
    jitter = MaskJitter(share=jittered, pixels=(-0.3, 1.0))
    return RealOverlaps(mirrored=mirrored, angle=0.0, mask_jitter=jitter, zoom=(1, 1), exposure=(1, 1))


def test_a_real_overlap_that_nothing_varies_is_what_it_was(joints: Joints) -> None:
    made = still()(joints)
    assert torch.allclose(made["image"], joints["image"], atol=1e-4)
    assert torch.equal(made["masks"], (joints["distance"] > 0).float())
    assert torch.equal(made["true_masks"], made["masks"])
    assert torch.allclose(made["distance"], joints["distance"], atol=1e-3)


def test_image_and_masks_are_mirrored_together(joints: Joints) -> None:
    made = still(mirrored=1.0)(joints)
    assert torch.allclose(made["image"], joints["image"].flip(-1), atol=1e-4)
    assert torch.equal(made["masks"], (joints["distance"] > 0).float().flip(-1))


def test_masks_that_are_off_stay_near_what_was_drawn(joints: Joints) -> None:
    torch.manual_seed(0)
    made = still(jittered=1.0)(joints)
    assert not torch.equal(made["masks"], made["true_masks"])
    assert (made["masks"] != made["true_masks"]).float().mean() < 0.03


def test_variations_stay_gray_levels(joints: Joints) -> None:
    torch.manual_seed(0)
    made = RealOverlaps()(joints)
    assert made["image"].min() >= 0
    assert made["image"].max() <= 1
    assert not torch.allclose(made["image"], joints["image"], atol=1e-2)


def test_joints_that_overlap_stay_as_they_are_and_the_others_are_made_to_overlap(joints: Joints) -> None:
    torch.manual_seed(0)
    made = MixedOverlaps(OverlapSynthesis(pairing=Pairing(depth=(10.0, 16.0))), still())(joints)
    assert made["known"].flatten().tolist() == [True, True, False, False]
    assert overlap_of(made["true_masks"]).any(dim=3).any(dim=2).all()
    assert torch.allclose(made["image"][2:], joints["image"][1:3], atol=1e-4)
    assert (made["layers"][:2].amax(dim=(1, 2, 3)) > 0).all()
    assert (made["layers"][2:] == 0).all()
    assert (made["soft_tissue"].flatten() > 0).tolist() == [True, True, False, False]


@pytest.mark.parametrize(("which", "known"), [([0, 3], True), ([1, 2], False)], ids=["none overlaps", "all overlap"])
def test_a_batch_of_one_kind_is_made_of_that_kind(joints: Joints, which: list[int], known: bool) -> None:
    made = MixedOverlaps(OverlapSynthesis(), still())({key: x[which] for key, x in joints.items()})
    assert made["known"].flatten().tolist() == [known, known]
    assert made["image"].shape == (2, 1, 128, 128)


class Proposes(torch.nn.Module):
    """A segmenter whose bones meet, or do not, in rows of its own."""

    def __init__(self, *, meet: bool) -> None:
        super().__init__()
        self.meet = meet

    def forward(self, image: Tensor) -> Tensor:
        logits = torch.full((len(image), 2, *image.shape[2:]), -1.0)
        logits[:, 1, : 70 if self.meet else 20] = 1.0
        logits[:, 0, 60:] = 1.0
        return logits


def test_a_share_of_the_images_has_the_masks_that_the_segmenter_proposes(joints: Joints) -> None:
    torch.manual_seed(0)
    mixed = MixedOverlaps(OverlapSynthesis(), still())
    segmenter = Proposes(meet=True)
    made = [ProposedMasks(mixed, segmenter, share=share)(joints) for share in (0.0, 1.0)]
    proposed = (segmenter(joints["image"]) > 0).float()
    assert torch.equal(made[1]["masks"], proposed)
    assert not torch.equal(made[0]["masks"], proposed)
    assert not torch.equal(made[1]["true_masks"], proposed)
    assert segmenter.training


def test_where_the_proposed_bones_do_not_meet_the_given_masks_stay(joints: Joints) -> None:
    torch.manual_seed(0)
    made = ProposedMasks(still(), Proposes(meet=False), share=1.0)(joints)
    assert torch.equal(made["masks"], made["true_masks"])
