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

"""One step of the GAN: overlaps are made, the generator separates them, the supervisor judges, both learn."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from monai.engines import AdversarialTrainer
from monai.utils.enums import AdversarialKeys
from monai.utils.enums import CommonKeys as Keys
from torch import Tensor, nn

from scripts.networks.generator import Generator
from scripts.networks.window import crop, origin
from scripts.physics import overlap_of
from scripts.training.overlap_synthesis import JOINT_KEYS

Tensors = dict[str, Tensor]


class CropSeparation(nn.Module):
    """The generator as it is trained: k from the whole region, the ratio on a crop around the overlap.

    The ratio is learned from the true k, a k that is off, or the estimated k, so that the network copes with each;
    where the true k is not known, from the estimated one.

    Args:
        generator: to be trained.
        crop: rows and columns of the crop, px, multiples of 16.
        k_estimated: share of images whose ratio is learned from the estimated k.
        k_off: share of images whose k is off, by up to ``k_off_by`` of itself.
        k_off_by: see ``k_off``.
    """

    def __init__(
        self,
        generator: Generator,
        *,
        crop: tuple[int, int] = (80, 128),
        k_estimated: float = 0.3,
        k_off: float = 0.2,
        k_off_by: float = 0.15,
    ) -> None:
        super().__init__()
        self.generator, self.crop = generator, crop
        self.k_estimated, self.k_off, self.k_off_by = k_estimated, k_off, k_off_by

    def given_soft_tissue(self, true: Tensor, estimated: Tensor, known: Tensor) -> Tensor:
        """The k that the ratio is to be predicted from, (B, 1, 1, 1)."""
        draw = torch.rand_like(true)
        off = true * (1.0 + self.k_off_by * (2.0 * torch.rand_like(true) - 1.0))
        k = torch.where(draw < self.k_estimated + self.k_off, off, true)
        return torch.where((draw < self.k_estimated) | ~known, estimated.detach(), k)

    def forward(self, made: Mapping[str, Tensor]) -> Tensors:
        """Separate a batch of overlaps.

        Args:
            made: what :class:`~scripts.training.overlap_mixing.MixedOverlaps` returns; without ``known`` all layers are
                known.

        Returns:
            Cropped to (h, w): ``image`` (B, 1, h, w), ``masks``, ``truth`` and ``layers`` (B, 2, h, w), gray levels
            0..1. ``soft_tissue``, the true k, and ``estimated`` (B, 1, 1, 1), gray levels 0..1; ``known`` (B, 1, 1, 1).
        """
        true = made["soft_tissue"]
        known = made.get("known", torch.ones_like(true) > 0)
        estimated = self.generator.reconstructor(made["image"], made["masks"])
        k = self.given_soft_tissue(true, estimated, known)
        top, left = origin(overlap_of(made["masks"]), *self.crop)
        image, masks, truth = (crop(made[key], top, left, *self.crop) for key in ("image", "masks", "layers"))
        layers = self.generator.layers(image, masks, k)
        return {
            "image": image,
            "masks": masks,
            "truth": truth,
            "layers": layers,
            "soft_tissue": true,
            "estimated": estimated,
            "known": known,
        }


class BoneExamples:
    """What the supervisor learns from: bones of joints that do not overlap, true layers, and made ones.

    Args:
        facing: px from the other bone within which a bone by itself is judged, as it is in an overlap.
    """

    def __init__(self, *, facing: float = 12.0) -> None:
        self.facing = facing

    def __call__(self, joints: Mapping[str, Tensor], made: Mapping[str, Tensor]) -> Tensors:
        """Examples beside each other.

        Args:
            joints: ``image`` (B, 1, H, W), gray levels 0..1, and ``distance`` (B, 2, H, W), px, of the whole region.
            made: what the separation answers.

        Returns:
            ``layers``, ``masks`` and ``where`` (N, 2, h, w), see :class:`scripts.training.losses.SupervisorLoss`;
            ``real`` (N, 1, 1, 1).
        """
        distance = joints["distance"]
        apart = ~(distance > 0).all(dim=1).any(dim=2).any(dim=1)
        image, distance = joints["image"][apart], distance[apart]
        near = (distance > -self.facing).all(dim=1, keepdim=True)
        top, left = origin(near, *made["image"].shape[2:])
        image, distance = (crop(x, top, left, *made["image"].shape[2:]) for x in (image, distance))
        alone = (distance > 0).float()
        known, both = made["known"].flatten(), overlap_of(made["masks"]).float().expand_as(made["masks"])
        kinds = [
            (image * alone, alone, alone * (distance.flip(1) > -self.facing), 1.0),
            (made["truth"][known] * made["masks"][known], made["masks"][known], both[known], 1.0),
            (made["layers"].detach(), made["masks"], both, 0.0),
        ]
        return {
            "layers": torch.cat([layers for layers, _, _, _ in kinds]),
            "masks": torch.cat([masks for _, masks, _, _ in kinds]),
            "where": torch.cat([where for _, _, where, _ in kinds]),
            "real": torch.cat([torch.full_like(layers[:, :1, :1, :1], real) for layers, _, _, real in kinds]),
        }


class AdversarialStep:
    """One step of :class:`monai.engines.AdversarialTrainer`, its ``iteration_update``.

    The trainer's ``g_network`` separates what ``overlaps`` makes of a batch; ``recon_loss_function`` judges the answer;
    ``d_network``, the supervisor, gives its own answer on the layers, which ``g_loss_function`` judges. The supervisor
    learns from ``examples`` first, by ``d_loss_function``.

    Args:
        overlaps: makes overlaps of a batch of joints, e.g. :class:`~scripts.training.overlap_mixing.MixedOverlaps`.
        examples: of the joints and the generator's answer, the supervisor's examples, arguments of ``d_loss_function``.
        adversarial: without, the supervisor neither learns nor judges.
    """

    def __init__(
        self,
        overlaps: Callable[[Mapping[str, Tensor]], Tensors],
        examples: Callable[[Mapping[str, Tensor], Mapping[str, Tensor]], Tensors],
        *,
        adversarial: bool = True,
    ) -> None:
        self.overlaps, self.examples, self.adversarial = overlaps, examples, adversarial

    def __call__(self, engine: AdversarialTrainer, batchdata: Mapping[str, Tensor]) -> dict[str, Any]:
        """One optimiser step of the supervisor and one of the generator, on one batch of joints."""
        state = engine.state
        device = torch.device(state.device)
        joints = {key: batchdata[key].to(device, non_blocking=engine.non_blocking) for key in JOINT_KEYS}
        state.g_network.train()
        state.d_network.train()
        # bfloat16 has the range of float32: no gradient scaler is needed.
        half = torch.autocast(device.type, enabled=engine.amp, dtype=torch.bfloat16)
        with half:
            made = state.g_network(self.overlaps(joints))
        output: dict[str, Any] = {
            Keys.IMAGE: made["image"],
            Keys.LABEL: made["truth"],
            Keys.PRED: made["layers"].detach(),
        }
        supervisor_loss = judged = made["layers"].new_zeros(())
        if self.adversarial:
            state.d_optimizer.zero_grad(set_to_none=True)
            with half:
                examples = self.examples(joints, made)
                supervisor_loss = state.d_loss_function(state.d_network(examples.pop("layers")), **examples)
            supervisor_loss.backward()
            state.d_optimizer.step()
            # Not through what distributes it: the generator's step is none of the supervisor's.
            supervisor = getattr(state.d_network, "module", state.d_network).requires_grad_(False)
            with half:
                judged = state.g_loss_function(supervisor(made["layers"]), made["masks"])
            supervisor.requires_grad_(True)
        state.g_optimizer.zero_grad(set_to_none=True)
        reconstruction = state.recon_loss_function(made)
        (reconstruction + judged).backward()
        state.g_optimizer.step()
        return {
            **output,
            Keys.LOSS: (reconstruction + judged).item(),
            AdversarialKeys.RECONSTRUCTION_LOSS: reconstruction.item(),
            AdversarialKeys.GENERATOR_LOSS: judged.item(),
            AdversarialKeys.DISCRIMINATOR_LOSS: supervisor_loss.item(),
        }
