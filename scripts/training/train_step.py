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

"""Training step of the GAN: overlaps are composed and separated, the supervisor judges, both networks learn."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from monai.engines import AdversarialTrainer
from monai.utils.enums import AdversarialKeys
from monai.utils.enums import CommonKeys as Keys
from torch import Tensor, nn

from scripts.networks.generator import Generator
from scripts.networks.overlap_window import crop, origin, span
from scripts.networks.soft_tissue_field import soft_tissue_field
from scripts.physics import RIM, cut_out, zone_of
from scripts.training.overlap_synthesis import JOINT_KEYS

Tensors = dict[str, Tensor]


class CropSeparation(nn.Module):
    """Separation for training: k from the whole region, the ratio on a crop around the overlap.

    The ratio is learned from the true k, a wrong k, or the estimated k, so that the network copes with each; where the
    true k is not known, from the estimated one.

    Args:
        generator: to be trained.
        crop: rows and columns of the crop, px, multiples of 16.
        k_estimated: share of images whose ratio is learned from the estimated k.
        k_off: share of images with a wrong k.
        k_off_by: largest error of a wrong k, as a share of k.
        aside: px to the side by which a crop leaves the zone's middle, beyond what the zone is wider than the crop.
    """

    def __init__(
        self,
        generator: Generator,
        *,
        crop: tuple[int, int] = (96, 128),
        k_estimated: float = 0.3,
        k_off: float = 0.2,
        k_off_by: float = 0.15,
        aside: int = 8,
    ) -> None:
        super().__init__()
        self.generator, self.crop = generator, crop
        self.k_estimated, self.k_off, self.k_off_by, self.aside = k_estimated, k_off, k_off_by, aside

    def given_soft_tissue(self, true: Tensor, estimated: Tensor, known: Tensor) -> Tensor:
        """Draw the k from which the ratio is predicted, (B, 1, 1, 1)."""
        draw = torch.rand_like(true)
        off = true * (1.0 + self.k_off_by * (2.0 * torch.rand_like(true) - 1.0))
        k = torch.where(draw < self.k_estimated + self.k_off, off, true)
        return torch.where((draw < self.k_estimated) | ~known, estimated.detach(), k)

    @torch.no_grad()
    def with_drawn_masks(self, overlaps: Mapping[str, Tensor], top: Tensor, left: Tensor) -> Tensor:
        """Predict the layers (B, 2, h, w) from the drawn masks instead of the given ones, cropped."""
        whole, masks = overlaps["image"], overlaps["true_masks"]
        tissue = soft_tissue_field(whole, masks, self.generator.reconstructor(whole, masks))
        return self.generator.layers(*(crop(x, top, left, *self.crop) for x in (whole, masks, tissue)))

    def place(self, masks: Tensor) -> tuple[Tensor, Tensor]:
        """Draw top rows and left columns, (B,) each, of crops that hold the zone's height, and a part of its width."""
        zone = zone_of(masks)
        top, left = origin(zone, *self.crop)
        first, last = span(zone, 3)
        spare = ((last + 1 - first - self.crop[1]).clamp(min=0) + 2 * self.aside) / 2.0
        left = left + (spare * (2.0 * torch.rand_like(spare) - 1.0)).round().long()
        return top, left.clamp(0, masks.shape[3] - self.crop[1])

    def forward(self, overlaps: Mapping[str, Tensor]) -> Tensors:
        """Separate a batch of overlaps.

        Args:
            overlaps: as :class:`~scripts.training.overlap_mixing.MixedOverlaps` returns them; without ``known`` all
                layers are known.

        Returns:
            Cropped to (h, w): ``image`` and ``tissue`` (B, 1, h, w), ``masks``, ``truth`` and ``layers`` (B, 2, h, w),
            gray levels 0..1; where the layers are not known, ``truth`` is what the network itself answers with the
            drawn masks. ``soft_tissue``, the true k, and ``estimated`` (B, 1, 1, 1), gray levels 0..1; ``known``
            (B, 1, 1, 1).
        """
        true = overlaps["soft_tissue"]
        known = overlaps.get("known", torch.ones_like(true) > 0)
        estimated = self.generator.reconstructor(overlaps["image"], overlaps["masks"])
        k = self.given_soft_tissue(true, estimated, known)
        tissue = soft_tissue_field(overlaps["image"], overlaps["masks"], k)
        top, left = self.place(overlaps["masks"])
        image, masks, truth, soft = (
            crop(x, top, left, *self.crop) for x in (*(overlaps[key] for key in ("image", "masks", "layers")), tissue)
        )
        layers = self.generator.layers(image, masks, soft)
        if not known.all():
            truth = torch.where(known, truth, self.with_drawn_masks(overlaps, top, left))
        return {
            "image": image,
            "masks": masks,
            "truth": truth,
            "layers": layers,
            "tissue": soft,
            "soft_tissue": true,
            "estimated": estimated,
            "known": known,
        }


class BoneExamples:
    """Examples for the supervisor: bones of joints that do not overlap, true layers, and predicted ones.

    Args:
        facing: px from the other bone within which a bone that does not overlap is judged.
    """

    def __init__(self, *, facing: float = 12.0) -> None:
        self.facing = facing

    def __call__(self, joints: Mapping[str, Tensor], separated: Mapping[str, Tensor]) -> Tensors:
        """Concatenate the examples.

        Args:
            joints: ``image`` (B, 1, H, W), gray levels 0..1, and ``distance`` (B, 2, H, W), px, of the whole region.
            separated: answer of the separation.

        Returns:
            ``layers``, ``masks`` and ``where`` (N, 2, h, w), see :class:`scripts.training.losses.SupervisorLoss`;
            ``real`` (N, 1, 1, 1).
        """
        distance = joints["distance"]
        apart = ~(distance > 0).all(dim=1).any(dim=2).any(dim=1)
        image, distance = joints["image"][apart], distance[apart]
        near = (distance > -self.facing).all(dim=1, keepdim=True)
        top, left = origin(near, *separated["image"].shape[2:])
        image, distance = (crop(x, top, left, *separated["image"].shape[2:]) for x in (image, distance))
        alone = (distance > 0).float()
        facing = ((distance > -RIM) & (distance.flip(1) > -self.facing)).float()
        known, given = separated["known"].flatten(), separated["masks"]
        zone = zone_of(given).float().expand_as(given)
        kinds = [
            (cut_out(image.expand_as(alone), alone), alone, facing, 1.0),
            (cut_out(separated["truth"], given)[known], given[known], zone[known], 1.0),
            (cut_out(separated["layers"].detach(), given), given, zone, 0.0),
        ]
        return {
            "layers": torch.cat([layers for layers, _, _, _ in kinds]),
            "masks": torch.cat([masks for _, masks, _, _ in kinds]),
            "where": torch.cat([where for _, _, where, _ in kinds]),
            "real": torch.cat([torch.full_like(layers[:, :1, :1, :1], real) for layers, _, _, real in kinds]),
        }


class AdversarialStep:
    """Training step of :class:`monai.engines.AdversarialTrainer`, its ``iteration_update``.

    The trainer's ``g_network`` separates the overlaps of a batch; ``recon_loss_function`` judges its answer. The
    supervisor, ``d_network``, first learns from ``examples`` by ``d_loss_function``; then it looks at the predicted
    layers, and ``g_loss_function`` judges its answer.

    Args:
        overlaps: composes overlaps from a batch of joints, e.g.
            :class:`~scripts.training.overlap_mixing.MixedOverlaps`.
        examples: takes the joints and the generator's answer; returns arguments of ``d_loss_function``.
        adversarial: if not, the supervisor neither learns nor judges.
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
        """Take one optimiser step of the supervisor and one of the generator, on one batch of joints."""
        state = engine.state
        device = torch.device(state.device)
        joints = {key: batchdata[key].to(device, non_blocking=engine.non_blocking) for key in JOINT_KEYS}
        state.g_network.train()
        state.d_network.train()
        # bfloat16 has the range of float32: no gradient scaler is needed.
        half = torch.autocast(device.type, enabled=engine.amp, dtype=torch.bfloat16)
        with half:
            separated = state.g_network(self.overlaps(joints))
        output: dict[str, Any] = {
            Keys.IMAGE: separated["image"],
            Keys.LABEL: separated["truth"],
            Keys.PRED: separated["layers"].detach(),
        }
        supervisor_loss = judged = separated["layers"].new_zeros(())
        if self.adversarial:
            state.d_optimizer.zero_grad(set_to_none=True)
            with half:
                examples = self.examples(joints, separated)
                supervisor_loss = state.d_loss_function(state.d_network(examples.pop("layers")), **examples)
            supervisor_loss.backward()
            state.d_optimizer.step()
            # The network itself, not its distributed wrapper: this is not a step of the supervisor.
            supervisor = getattr(state.d_network, "module", state.d_network).requires_grad_(False)
            with half:
                masks = separated["masks"]
                judged = state.g_loss_function(supervisor(cut_out(separated["layers"], masks)), masks)
            supervisor.requires_grad_(True)
        state.g_optimizer.zero_grad(set_to_none=True)
        reconstruction = state.recon_loss_function(separated)
        (reconstruction + judged).backward()
        state.g_optimizer.step()
        return {
            **output,
            Keys.LOSS: (reconstruction + judged).item(),
            AdversarialKeys.RECONSTRUCTION_LOSS: reconstruction.item(),
            AdversarialKeys.GENERATOR_LOSS: judged.item(),
            AdversarialKeys.DISCRIMINATOR_LOSS: supervisor_loss.item(),
        }
