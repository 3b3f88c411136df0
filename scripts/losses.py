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

"""What the networks are trained to make small."""

import torch
from monai.losses import DiceLoss
from torch import Tensor, nn


class OverlapLoss(nn.Module):
    """Distance of two layers from the true ones inside the overlap, in gray levels and in their gradients.

    The mean over the overlap of each image of ``sqrt(d^2 + eps^2)`` (Charbonnier), d the error of a layer, plus
    ``gradient`` times the same of the error's differences between neighbouring pixels. Pairs of pixels that lie across
    the overlap's border count ``seam`` times: outside it a layer is the image, even where the masks are off and the
    image there holds some of the other bone, and a layer must go over into that without a step.

    Args:
        gradient: weight of the gradients.
        seam: weight of a pair of pixels across the overlap's border, in pairs inside it.
        eps: rounding of the absolute value at zero, gray levels 0..1.
        small: an overlap of so many px weighs half.
    """

    def __init__(self, *, gradient: float = 0.5, seam: float = 3.0, eps: float = 1e-3, small: float = 50.0) -> None:
        super().__init__()
        self.gradient, self.seam, self.eps, self.small = gradient, seam, eps, small

    def charbonnier(self, difference: Tensor) -> Tensor:
        """``sqrt(d^2 + eps^2) - eps``, element by element."""
        return torch.sqrt(difference.square() + self.eps**2) - self.eps

    def slopes(self, error: Tensor, masks: Tensor, overlap: Tensor, dim: int) -> Tensor:
        """Sum over the pairs of pixels neighbouring along ``dim``, (B,)."""
        pairs = error.shape[dim] - 1
        (bone, bone_next), (both, both_next) = (
            (x.narrow(dim, 0, pairs), x.narrow(dim, 1, pairs)) for x in (masks, overlap)
        )
        in_bone, in_overlap, across = bone * bone_next, torch.maximum(both, both_next), (both - both_next).abs()
        weight = in_bone * in_overlap * (1.0 + (self.seam - 1.0) * across)
        return (self.charbonnier(error.diff(dim=dim)) * weight).sum(dim=(1, 2, 3))

    def forward(self, layers: Tensor, truth: Tensor, masks: Tensor) -> Tensor:
        """The loss, a scalar.

        Args:
            layers: (B, 2, H, W), gray levels 0..1, the image outside the overlap (:func:`scripts.radiograph.split`).
            truth: (B, 2, H, W), gray levels 0..1.
            masks: (B, 2, H, W), the masks along which the layers were split, 0 or 1.
        """
        overlap = masks.prod(dim=1, keepdim=True)
        error = layers - truth
        amount = (self.charbonnier(error) * overlap).sum(dim=(1, 2, 3))
        slope = self.slopes(error, masks, overlap, 2) + self.slopes(error, masks, overlap, 3)
        return ((amount + self.gradient * slope) / (overlap.sum(dim=(1, 2, 3)) + self.small)).mean()


class MaskLoss(nn.Module):
    """Dice and cross entropy of both bones' masks, and Dice of what they share.

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
        """The loss, a scalar.

        Args:
            logits: (B, 2, H, W).
            masks: (B, 2, H, W), 0..1.
        """
        shared, truth = torch.sigmoid(logits).prod(dim=1), masks.prod(dim=1)
        # Over the batch, not an image: most joints have no overlap.
        dice = (2.0 * (shared * truth).sum() + 1.0) / (shared.sum() + truth.sum() + 1.0)
        loss: Tensor = self.dice(logits, masks) + self.cross_entropy(logits, masks) + self.overlap * (1.0 - dice)
        return loss
