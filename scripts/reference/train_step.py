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

"""Training step of the paper, for MONAI's AdversarialTrainer (its ``iteration_update``)."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from monai.engines import AdversarialTrainer
from monai.utils.enums import AdversarialKeys
from monai.utils.enums import CommonKeys as Keys
from torch import Tensor, nn

from scripts.physics import overlap_of
from scripts.training.overlap_synthesis import JOINT_KEYS


class ReferenceSeparation(nn.Module):
    """Separation for training with the paper's generator and reconstructor: whole regions, masks as given.

    Args:
        generator: :class:`~scripts.reference.networks.TransUNetGenerator`.
        reconstructor: :class:`~scripts.reference.networks.VGGReconstructor`.
    """

    def __init__(self, generator: nn.Module, reconstructor: nn.Module) -> None:
        super().__init__()
        self.generator, self.reconstructor = generator, reconstructor

    def forward(self, overlaps: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Separate a batch of overlaps and put them back together.

        Args:
            overlaps: ``image`` (B, 1, H, W), ``masks`` and ``layers`` (B, 2, H, W), gray levels 0..1.

        Returns:
            ``image``, ``masks``; ``truth``, the true layers; ``layers``, predicted; ``recomposed`` (B, 1, H, W).
        """
        image, masks = overlaps["image"], overlaps["masks"]
        layers = self.generator(image, masks)
        recomposed, _ = self.reconstructor(image, layers, masks)
        return {"image": image, "masks": masks, "truth": overlaps["layers"], "layers": layers, "recomposed": recomposed}


class ReferenceStep:
    """Training step of the generator, then of the supervisor, both on the same overlaps.

    The trainer's ``g_network`` is a :class:`ReferenceSeparation`; ``g_loss_function`` and ``recon_loss_function`` are
    two :class:`~scripts.reference.losses.ReferenceGeneratorLoss` whose sum is minimised; ``d_loss_function`` is a
    :class:`~scripts.reference.losses.ReferenceSupervisorLoss`, of which the mean over three inputs is taken: the image
    cut along its masks, true layers, predicted layers.

    Args:
        overlaps: composes overlaps from a batch of joints, e.g.
            :class:`~scripts.reference.overlap_synthesis.ReferenceOverlapSynthesis`.
        supervisor_learns: if not, the supervisor judges and stays as it is (the paper's main training).
        leaking_gradient: the supervisor's step includes the gradients that the generator's loss left in the
            supervisor, as in the paper's code; if not, they are cleared first. From this we infer that the generator's
            step comes first.

    Source:
        Wang et al., BLS-GAN, AAAI 2025, as the public code trains it.
    """

    def __init__(
        self,
        overlaps: Callable[[Mapping[str, Tensor]], dict[str, Tensor]],
        *,
        supervisor_learns: bool = True,
        leaking_gradient: bool = True,
    ) -> None:
        self.overlaps = overlaps
        self.supervisor_learns, self.leaking_gradient = supervisor_learns, leaking_gradient

    @staticmethod
    def examples(separated: Mapping[str, Tensor]) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Return the supervisor's examples: layers, masks of bones to be seen, masks of real bones; (B, 2, H, W) each.

        Args:
            separated: answer of :class:`ReferenceSeparation`.
        """
        masks = separated["masks"]
        alone = masks * (~overlap_of(masks)).to(masks.dtype)
        return [
            (separated["image"] * masks, alone, alone),
            (separated["truth"], masks, masks),
            (separated["layers"].detach(), masks, torch.zeros_like(masks)),
        ]

    def __call__(self, engine: AdversarialTrainer, batchdata: Mapping[str, Tensor]) -> dict[str, Any]:
        """Take one step of both on one batch of joints."""
        state = engine.state
        device = torch.device(state.device)
        joints = {key: batchdata[key].to(device, non_blocking=engine.non_blocking) for key in JOINT_KEYS}
        half = torch.autocast(device.type, enabled=engine.amp, dtype=torch.bfloat16)
        state.g_network.train()
        state.d_network.train(self.supervisor_learns)
        overlaps = self.overlaps(joints)
        with half:
            separated = state.g_network(overlaps)
            answer = state.d_network(separated["layers"])
        # A loss of probabilities has too few digits in half precision.
        separated = {name: value.float() for name, value in separated.items()}
        judged = state.g_loss_function(answer.float(), **separated)
        reconstruction = state.recon_loss_function(answer.float(), **separated)
        state.g_optimizer.zero_grad(set_to_none=True)
        (judged + reconstruction).backward()
        state.g_optimizer.step()
        supervisor_loss = self.teach(state, separated, half) if self.supervisor_learns else judged.new_zeros(())
        return {
            Keys.IMAGE: separated["image"],
            Keys.LABEL: separated["truth"],
            Keys.PRED: separated["layers"].detach(),
            Keys.LOSS: (judged + reconstruction).item(),
            AdversarialKeys.RECONSTRUCTION_LOSS: reconstruction.item(),
            AdversarialKeys.GENERATOR_LOSS: judged.item(),
            AdversarialKeys.DISCRIMINATOR_LOSS: supervisor_loss.item(),
        }

    def teach(self, state: Any, separated: Mapping[str, Tensor], half: torch.autocast) -> Tensor:
        """Take the supervisor's step; return its loss, a scalar."""
        if not self.leaking_gradient:
            state.d_optimizer.zero_grad(set_to_none=True)
        losses = []
        for layers, seen, real in self.examples(separated):
            with half:
                answer = state.d_network(layers)
            losses.append(state.d_loss_function(answer.float(), separated["masks"], seen, real))
        loss = torch.stack(losses).mean()
        loss.backward()
        state.d_optimizer.step()
        state.d_optimizer.zero_grad(set_to_none=True)
        return loss.detach()
