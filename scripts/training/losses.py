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

from scripts.physics import overlap_of


def neighbours(x: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Return both pixels of each pair of neighbours along ``dim``."""
    pairs = x.shape[dim] - 1
    return x.narrow(dim, 0, pairs), x.narrow(dim, 1, pairs)


class OverlapLoss(nn.Module):
    """Distance of two layers from the true ones inside the overlap, in gray levels and in their gradients.

    The mean over the overlap of each image of ``sqrt(d^2 + eps^2)`` (Charbonnier), d the error of a layer, plus
    ``gradient`` times the same of the error's differences between neighbouring pixels. Pairs of pixels that lie across
    the overlap's border count ``seam`` times: outside it a layer is the image, even where the masks are off and the
    image there holds a part of the other bone, and a layer must join it without a step.

    Args:
        gradient: weight of the gradients.
        seam: weight of a pair of pixels across the overlap's border, in pairs inside it.
        eps: rounding of the absolute value at zero, gray levels 0..1.
        small: size of an overlap that weighs half, px.
    """

    def __init__(self, *, gradient: float = 0.5, seam: float = 3.0, eps: float = 1e-3, small: float = 50.0) -> None:
        super().__init__()
        self.gradient, self.seam, self.eps, self.small = gradient, seam, eps, small

    def charbonnier(self, difference: Tensor) -> Tensor:
        """Return ``sqrt(d^2 + eps^2) - eps``, element by element."""
        return torch.sqrt(difference.square() + self.eps**2) - self.eps

    def slopes(self, error: Tensor, masks: Tensor, overlap: Tensor, dim: int) -> Tensor:
        """Sum the error's slopes over the pairs of pixels neighbouring along ``dim``, (B,)."""
        (bone, bone_next), (both, both_next) = neighbours(masks, dim), neighbours(overlap, dim)
        in_bone, in_overlap, across = bone * bone_next, torch.maximum(both, both_next), (both - both_next).abs()
        weight = in_bone * in_overlap * (1.0 + (self.seam - 1.0) * across)
        return (self.charbonnier(error.diff(dim=dim)) * weight).sum(dim=(1, 2, 3))

    def forward(self, layers: Tensor, truth: Tensor, masks: Tensor) -> Tensor:
        """Compute the loss, a scalar.

        Args:
            layers: (B, 2, H, W), gray levels 0..1, the image outside the overlap (:func:`scripts.physics.split`).
            truth: (B, 2, H, W), gray levels 0..1.
            masks: (B, 2, H, W), the masks along which the layers were split, 0 or 1.
        """
        overlap = masks.prod(dim=1, keepdim=True)
        error = layers - truth
        amount = (self.charbonnier(error) * overlap).sum(dim=(1, 2, 3))
        slope = self.slopes(error, masks, overlap, 2) + self.slopes(error, masks, overlap, 3)
        return ((amount + self.gradient * slope) / (overlap.sum(dim=(1, 2, 3)) + self.small)).mean()


class SeamLoss(nn.Module):
    """Steps of the layers across the overlap's border, as far as they are stronger than the image's.

    It needs no true layers: a bone that goes on under another one has no edge where the image has none. The sum of
    ``max(|step of a layer| - |step of the image|, 0)``, gray levels 0..1, over pairs of neighbouring pixels inside the
    bone on both sides of the border, by the area of the overlap of each image.

    Args:
        seam: weight of a pair, as in :class:`OverlapLoss`.
        small: size of an overlap that weighs half, px.
    """

    def __init__(self, *, seam: float = 3.0, small: float = 50.0) -> None:
        super().__init__()
        self.seam, self.small = seam, small

    def forward(self, layers: Tensor, image: Tensor, masks: Tensor) -> Tensor:
        """Compute the loss, a scalar.

        Args:
            layers: (B, 2, H, W), gray levels 0..1.
            image: (B, 1, H, W), gray levels 0..1.
            masks: (B, 2, H, W), the masks along which the layers were split, 0 or 1.
        """
        overlap = masks.prod(dim=1, keepdim=True)
        total = torch.zeros_like(overlap[:, 0, 0, 0])
        for dim in (2, 3):
            (bone, bone_next), (both, both_next) = neighbours(masks, dim), neighbours(overlap, dim)
            stronger = (layers.diff(dim=dim).abs() - image.diff(dim=dim).abs()).clamp(min=0.0)
            total = total + (stronger * bone * bone_next * (both - both_next).abs()).sum(dim=(1, 2, 3))
        return (self.seam * total / (overlap.sum(dim=(1, 2, 3)) + self.small)).mean()


class SeparationLoss(nn.Module):
    """Loss of a separation without a supervisor: error of layers and k where the true ones are known, seams elsewhere.

    Args:
        layers: loss of predicted layers, true layers and masks, where the true layers are known.
        seams: loss of predicted layers, image and masks, where they are not.
        soft_tissue_weight: weight of the error of k, gray levels 0..1.
        seam_weight: weight of the seams.
    """

    def __init__(
        self,
        *,
        layers: nn.Module | None = None,
        seams: nn.Module | None = None,
        soft_tissue_weight: float = 1.0,
        seam_weight: float = 0.5,
    ) -> None:
        super().__init__()
        self.layers, self.seams = layers or OverlapLoss(), seams or SeamLoss()
        self.soft_tissue_weight, self.seam_weight = soft_tissue_weight, seam_weight

    def forward(self, separated: Mapping[str, Tensor]) -> Tensor:
        """Compute the loss, a scalar, of the answer of :class:`scripts.training.train_step.CropSeparation`."""
        known = separated["known"].flatten()
        error = (separated["estimated"] - separated["soft_tissue"]).abs().flatten()[known]
        # The sum over no image is zero, the mean would not be.
        loss: Tensor = self.soft_tissue_weight * error.sum() / known.sum().clamp(min=1)
        for chosen, term, weight, against in (
            (known, self.layers, 1.0, "truth"),
            (~known, self.seams, self.seam_weight, "image"),
        ):
            if weight and chosen.any():
                layers, target, masks = (separated[key][chosen] for key in ("layers", against, "masks"))
                loss = loss + weight * chosen.float().mean() * term(layers, target, masks)
        return loss


class SupervisorLoss(nn.Module):
    """Loss of the supervisor, which learns where each bone is and where it is real.

    Args:
        seen: weight of the cross entropy of the masks beside that of real and predicted pixels.

    Source:
        Wang et al., BLS-GAN, AAAI 2025, section "Segmentation-based supervisor". Telling real from predicted pixels
        only where bones overlap is ours: elsewhere a layer is the image.
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
        where = overlap_of(masks).to(answer.dtype).expand_as(masks)
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
