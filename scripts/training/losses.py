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

"""Losses of the separation, the supervisor and the segmenter."""

from collections.abc import Mapping

import torch
from monai.losses import DiceLoss
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from scripts.physics import attenuation, overlap_of, zone_of


def neighbours(x: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Return both pixels of each pair of neighbours along ``dim``."""
    pairs = x.shape[dim] - 1
    return x.narrow(dim, 0, pairs), x.narrow(dim, 1, pairs)


class ZoneLoss(nn.Module):
    """Distance of two layers from the true ones where the bones meet, in gray levels and in their gradients.

    The mean over the zone of each image of ``sqrt(d^2 + eps^2)`` (Charbonnier), d the error of a layer, plus
    ``gradient`` times the same of the error's differences between neighbouring pixels. Of the zone, pixels count that
    are inside both masks, and, by ``around``, pixels outside one where there is bone to share.

    Args:
        gradient: weight of the gradients.
        around: weight of the zone outside the masks' overlap.
        eps: rounding of the absolute value at zero, gray levels 0..1.
        small: size of a zone that weighs half, px.
        bone: attenuation above the soft tissue from which on there is bone to share.
    """

    def __init__(
        self,
        *,
        gradient: float = 0.5,
        around: float = 0.5,
        eps: float = 1e-3,
        small: float = 50.0,
        bone: float = 0.03,
    ) -> None:
        super().__init__()
        self.gradient, self.around, self.eps, self.small, self.bone = gradient, around, eps, small, bone

    def charbonnier(self, difference: Tensor) -> Tensor:
        """Return ``sqrt(d^2 + eps^2) - eps``, element by element."""
        return torch.sqrt(difference.square() + self.eps**2) - self.eps

    def weight(self, image: Tensor, masks: Tensor, soft_tissue: Tensor) -> Tensor:
        """Return the weight of every pixel, (B, 1, H, W), 0..1; arguments as for :meth:`forward`."""
        overlap, zone = overlap_of(masks).float(), zone_of(masks).float()
        shared = (attenuation(image) - attenuation(soft_tissue) > self.bone).float()
        return zone * torch.maximum(shared * self.around, overlap)

    def forward(self, layers: Tensor, truth: Tensor, image: Tensor, masks: Tensor, soft_tissue: Tensor) -> Tensor:
        """Compute the loss, a scalar.

        Args:
            layers: (B, 2, H, W), gray levels 0..1, of :func:`scripts.physics.split`.
            truth: (B, 2, H, W), gray levels 0..1.
            image: (B, 1, H, W), gray levels 0..1.
            masks: (B, 2, H, W), the masks that the network was given, 0 or 1.
            soft_tissue: (B, 1, H, W), gray levels 0..1.
        """
        weight, error = self.weight(image, masks, soft_tissue), layers - truth
        amount = (self.charbonnier(error) * weight).sum(dim=(1, 2, 3))
        slope = torch.zeros_like(amount)
        for dim in (2, 3):
            steps = self.charbonnier(error.diff(dim=dim)) * torch.maximum(*neighbours(weight, dim))
            slope = slope + steps.sum(dim=(1, 2, 3))
        return ((amount + self.gradient * slope) / (weight.sum(dim=(1, 2, 3)) + self.small)).mean()


class SeparationLoss(nn.Module):
    """Loss of a separation without a supervisor: error of layers and of k.

    Where the true layers are not known, layers should at least be those that the drawn masks give.

    Args:
        layers: loss of predicted layers, see :class:`ZoneLoss`.
        soft_tissue_weight: weight of the error of k, gray levels 0..1.
        agreement: weight of real overlaps, whose layers are compared with those of the drawn masks.
    """

    def __init__(
        self, *, layers: nn.Module | None = None, soft_tissue_weight: float = 1.0, agreement: float = 0.5
    ) -> None:
        super().__init__()
        self.layers, self.soft_tissue_weight, self.agreement = layers or ZoneLoss(), soft_tissue_weight, agreement

    def forward(self, separated: Mapping[str, Tensor]) -> Tensor:
        """Compute the loss, a scalar, of the answer of :class:`scripts.training.train_step.CropSeparation`."""
        known = separated["known"].flatten()
        error = (separated["estimated"] - separated["soft_tissue"]).abs().flatten()[known]
        # The sum over no image is zero, the mean would not be.
        loss: Tensor = self.soft_tissue_weight * error.sum() / known.sum().clamp(min=1)
        for chosen, weight in ((known, 1.0), (~known, self.agreement)):
            if weight and chosen.any():
                keys = ("layers", "truth", "image", "masks", "tissue")
                term = self.layers(*(separated[key][chosen] for key in keys))
                loss = loss + weight * chosen.float().mean() * term
        return loss


class SupervisorLoss(nn.Module):
    """Loss of the supervisor, which learns where each bone is and where it is real.

    Args:
        seen: weight of the cross entropy of the masks beside that of real and predicted pixels.

    Source:
        Wang et al., BLS-GAN, AAAI 2025, section "Segmentation-based supervisor". Telling real from predicted pixels
        only where bones meet is ours: elsewhere a layer is the image.
    """

    def __init__(self, *, seen: float = 0.5) -> None:
        super().__init__()
        self.seen = seen

    def forward(self, answer: Tensor, masks: Tensor, where: Tensor, real: Tensor) -> Tensor:
        """Compute the loss, a scalar.

        Args:
            answer: (B, 4, H, W), logits of :class:`~scripts.networks.supervisor.Supervisor`.
            masks: (B, 2, H, W), 0 or 1, the bones that are seen.
            where: (B, 2, H, W), 0 or 1, the pixels that are judged real or predicted.
            real: (B, 1, 1, 1), 0 or 1. Real and predicted images weigh the same, however many there are of each.
        """
        judged, target = answer[:, 2:], real.expand_as(where)
        entropy = cross_entropy(judged, target, reduction="none") * where
        loss = self.seen * cross_entropy(answer[:, :2], masks)
        for kind in (real, 1.0 - real):
            loss = loss + 0.5 * (entropy * kind).sum() / (where * kind).sum().clamp(min=1.0)
        return loss


class AdversarialLoss(nn.Module):
    """Loss of the generator: how far the supervisor is from taking predicted layers for real bones.

    Args:
        weight: beside the other losses of the generator; 0 leaves the supervisor out.
        seen: weight of the cross entropy of the masks beside that of real and predicted pixels.
    """

    def __init__(self, *, weight: float = 0.005, seen: float = 0.5) -> None:
        super().__init__()
        self.weight, self.seen = weight, seen

    def forward(self, answer: Tensor, masks: Tensor) -> Tensor:
        """Compute the loss, a scalar.

        Args:
            answer: (B, 4, H, W), logits of :class:`~scripts.networks.supervisor.Supervisor` for predicted layers.
            masks: (B, 2, H, W), 0 or 1.
        """
        where = zone_of(masks).to(answer.dtype).expand_as(masks)
        convinced = cross_entropy(answer[:, 2:], torch.ones_like(masks), reduction="none") * where
        seen = cross_entropy(answer[:, :2], masks)
        return self.weight * (convinced.sum() / where.sum().clamp(min=1.0) + self.seen * seen)


class MaskLoss(nn.Module):
    """Dice and cross entropy of both bones' masks, and Dice of their overlap.

    The overlap is a hundredth of the picture: without a term of its own a network may miss it at no cost.

    Args:
        overlap: weight of the Dice loss of the overlap, the product of both masks.
    """

    def __init__(self, *, overlap: float = 0.3) -> None:
        super().__init__()
        self.overlap = overlap
        self.dice = DiceLoss(sigmoid=True, batch=True)
        # Not MONAI's DiceCELoss: of two channels it takes the softmax, as if a pixel were inside one bone only.
        self.cross_entropy = nn.BCEWithLogitsLoss()

    def forward(self, logits: Tensor, masks: Tensor) -> Tensor:
        """Compute the loss, a scalar.

        Args:
            logits: (B, 2, H, W).
            masks: (B, 2, H, W), 0..1.
        """
        shared, truth = torch.sigmoid(logits).prod(dim=1), masks.prod(dim=1)
        # Over the batch, not an image: most joints have no overlap.
        dice = (2.0 * (shared * truth).sum() + 1.0) / (shared.sum() + truth.sum() + 1.0)
        loss: Tensor = self.dice(logits, masks) + self.cross_entropy(logits, masks) + self.overlap * (1.0 - dice)
        return loss
