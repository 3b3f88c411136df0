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

"""Training step of the segmenter: joints become examples, the network learns from them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from monai.engines import SupervisedTrainer
from monai.utils.enums import CommonKeys as Keys
from torch import Tensor

from scripts.training.acquisition import Acquisition
from scripts.training.overlap_synthesis import JOINT_KEYS
from scripts.training.placement import Placement, Surroundings
from scripts.training.random_draws import happens

Synthesis = Callable[[Mapping[str, Tensor]], dict[str, Tensor]]


@dataclass(frozen=True, kw_only=True)
class SegmenterExamples:
    """Examples for the segmenter: real joints and overlaps composed anew, placed and acquired as others may arrive.

    Args:
        synthesis: composes overlaps of joints that do not overlap, with ``image`` and ``distance``; none: all are real.
        composed: share of the joints that do not overlap of which overlaps are composed.
        placement: where the joint lies.
        surroundings: what lies beside it; they need ``background``.
        acquisition: what the detector makes of it.
    """

    synthesis: Synthesis | None = None
    composed: float = 0.67
    placement: Placement = field(default_factory=Placement)
    surroundings: Surroundings | None = None
    acquisition: Callable[[Tensor], Tensor] = field(default_factory=Acquisition)

    @torch.no_grad()
    def __call__(self, joints: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Make one example of each joint.

        Args:
            joints: ``image`` (B, 1, H, W), gray levels 0..1, ``distance`` (B, 2, H, W), px, and, for a synthesis or
                surroundings, ``background`` (B, 1, H, W).

        Returns:
            Images (B, 1, H, W), gray levels 0..1, and signed distances to the outlines, (B, 2, H, W), px.
        """
        image, distance = self.compose(joints)
        pose = self.placement.draw(image)
        placed = pose.apply(torch.cat([image, distance], dim=1))
        image, distance = placed[:, :1], placed[:, 1:] * pose.zoom
        if self.surroundings is not None:
            nearer = joints["distance"].amax(dim=1, keepdim=True)
            beside = torch.cat([joints["image"], joints["background"], nearer], dim=1)
            image = self.surroundings(image, distance, pose, beside)
        image, distance = self.placement.mirror(image, distance)
        return self.acquisition(image), distance

    def compose(self, joints: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return images and distances of all joints, of some of them as overlaps composed from them."""
        image, distance = joints["image"], joints["distance"]
        apart = ~(distance > 0).all(dim=1).flatten(1).any(dim=1)
        chosen = apart & happens(image, self.composed).flatten()
        if self.synthesis is None or not chosen.any():
            return image, distance
        made = self.synthesis({key: joints[key][chosen] for key in JOINT_KEYS})
        image, distance = image.clone(), distance.clone()
        image[chosen], distance[chosen] = made["image"], made["distance"]
        return image, distance


class SegmenterStep:
    """Training step of :class:`monai.engines.SupervisedTrainer`, its ``iteration_update``.

    Args:
        examples: makes images and signed distances from a batch of joints, e.g. :class:`SegmenterExamples`.
        amp: compute the network in bfloat16, on a graphics card or on a processor; the loss stays in float32. The
            trainer's own ``amp`` knows graphics cards only.
    """

    def __init__(self, examples: Callable[[Mapping[str, Tensor]], tuple[Tensor, Tensor]], *, amp: bool = False) -> None:
        self.examples, self.amp = examples, amp

    def __call__(self, engine: SupervisedTrainer, batchdata: Mapping[str, Tensor]) -> dict[str, Any]:
        """Take one optimiser step on one batch of joints."""
        device = torch.device(engine.state.device)
        names = [key for key in JOINT_KEYS if key in batchdata]
        joints = {key: batchdata[key].to(device, non_blocking=engine.non_blocking) for key in names}
        image, distance = self.examples(joints)
        engine.network.train()
        engine.optimizer.zero_grad(set_to_none=True)
        # bfloat16 has the range of float32: no gradient scaler is needed.
        with torch.autocast(device.type, enabled=self.amp, dtype=torch.bfloat16):
            logits = engine.inferer(image.contiguous(memory_format=torch.channels_last), engine.network)
        loss = engine.loss_function(logits.float(), distance)
        loss.backward()
        engine.optimizer.step()
        return {Keys.IMAGE: image, Keys.LABEL: distance, Keys.PRED: logits.detach(), Keys.LOSS: loss.item()}
