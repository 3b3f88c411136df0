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

"""One training step of the generator, for a trainer of :mod:`monai.engines` (its ``iteration_update``)."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from monai.engines import SupervisedTrainer
from monai.utils.enums import CommonKeys as Keys
from torch import Tensor, nn

from scripts.networks.generator import Generator
from scripts.overlap import JOINT_KEYS
from scripts.radiograph import overlap_of, split


def crop_around(x: Tensor, where: Tensor, height: int, width: int) -> Tensor:
    """Cut (B, C, height, width) out of ``x`` around ``where`` (B, 1, H, W, 0..1), as far as the picture goes."""
    rows = torch.arange(x.shape[2], device=x.device, dtype=x.dtype)
    columns = torch.arange(x.shape[3], device=x.device, dtype=x.dtype)
    area = where.sum(dim=(1, 2, 3)).clamp(min=1.0)
    row = (where.sum(dim=3)[:, 0] * rows).sum(dim=1) / area
    column = (where.sum(dim=2)[:, 0] * columns).sum(dim=1) / area
    top = (row.long() - height // 2).clamp(0, x.shape[2] - height)
    left = (column.long() - width // 2).clamp(0, x.shape[3] - width)
    pictures = torch.arange(x.shape[0], device=x.device)[:, None, None]
    at_rows = (top[:, None] + torch.arange(height, device=x.device))[:, :, None]
    at_columns = (left[:, None] + torch.arange(width, device=x.device))[:, None, :]
    return x[pictures, :, at_rows, at_columns].permute(0, 3, 1, 2).contiguous()


class SupervisedSeparation:
    """Synthesise overlaps, let the generator share them, compare its layers with the true ones.

    The soft tissue k is estimated from the whole region. The ratio is learned on a crop around the overlap, where the
    work is, from the true k, a k that is off, or the estimated k, so that the network copes with each.

    Args:
        synthesis: makes ``image``, ``masks``, ``layers`` and ``soft_tissue`` out of a batch of joints, e.g.
            :class:`~scripts.overlap.OverlapSynthesis`.
        crop: rows and columns of the crop, px, multiples of 32.
        k_estimated: share of images whose ratio is learned from the estimated k.
        k_off: share of images whose k is off, by up to ``k_off_by`` of itself.
        k_off_by: see ``k_off``.
        soft_tissue_weight: weight of the error of k, gray levels 0..1, beside the loss of the layers.
    """

    def __init__(
        self,
        synthesis: Callable[[Mapping[str, Tensor]], dict[str, Tensor]],
        *,
        crop: tuple[int, int] = (96, 128),
        k_estimated: float = 0.35,
        k_off: float = 0.15,
        k_off_by: float = 0.25,
        soft_tissue_weight: float = 1.0,
    ) -> None:
        self.synthesis, self.crop = synthesis, crop
        self.k_estimated, self.k_off, self.k_off_by = k_estimated, k_off, k_off_by
        self.soft_tissue_weight = soft_tissue_weight

    def given_soft_tissue(self, true: Tensor, estimated: Tensor) -> Tensor:
        """The k that the ratio is to be predicted from, (B, 1, 1, 1)."""
        draw = torch.rand_like(true)
        off = true * (1.0 + self.k_off_by * (2.0 * torch.rand_like(true) - 1.0))
        k = torch.where(draw < self.k_estimated + self.k_off, off, true)
        return torch.where(draw < self.k_estimated, estimated.detach(), k)

    def losses(self, engine: SupervisedTrainer, network: nn.Module, made: dict[str, Tensor]) -> dict[str, Any]:
        """The loss, its two terms and the layers of the crop."""
        assert isinstance(network, Generator)
        estimated = network.soft_tissue(made["image"], made["masks"])
        k = self.given_soft_tissue(made["soft_tissue"], estimated)
        both = overlap_of(made["masks"]).float()
        image, masks, truth = (crop_around(made[key], both, *self.crop) for key in ("image", "masks", "layers"))
        layers = split(image, network.ratio(image, masks, k), k, masks)
        overlap_loss = engine.loss_function(layers, truth, masks)
        soft_tissue_loss = (estimated - made["soft_tissue"]).abs().mean()
        loss = overlap_loss + self.soft_tissue_weight * soft_tissue_loss
        return {
            Keys.LOSS: loss,
            "overlap_loss": overlap_loss.detach(),
            "soft_tissue_loss": soft_tissue_loss.detach(),
            Keys.PRED: layers.detach(),
            Keys.LABEL: truth,
            Keys.IMAGE: image,
        }

    def __call__(self, engine: SupervisedTrainer, batchdata: Mapping[str, Tensor]) -> dict[str, Any]:
        """One optimiser step on one batch of joints."""
        device = engine.state.device
        joints = {key: batchdata[key].to(device, non_blocking=engine.non_blocking) for key in JOINT_KEYS}
        made = self.synthesis(joints)
        engine.network.train()
        engine.optimizer.zero_grad(set_to_none=True)
        with torch.autocast(torch.device(device).type, enabled=engine.amp, dtype=torch.bfloat16):
            output = self.losses(engine, engine.network, made)
        # bfloat16 has the range of float32: no gradient scaler is needed.
        output[Keys.LOSS].backward()
        engine.optimizer.step()
        output[Keys.LOSS] = output[Keys.LOSS].item()
        return output
