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

"""Losses of the paper's generator and supervisor (Wang et al., BLS-GAN, AAAI 2025)."""

import torch
from monai.losses import DiceLoss
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy


class ReferenceSupervisorLoss(nn.Module):
    """Cross entropy of the supervisor's answer inside the bones with the right answer.

    The paper calls it on three inputs and takes the mean: the image cut along its masks (``seen`` and ``real`` are the
    masks without the overlap), true layers (both are the masks), and predicted layers (``real`` is zeros).
    """

    def forward(self, answer: Tensor, masks: Tensor, seen: Tensor, real: Tensor) -> Tensor:
        """Compute the loss, a scalar.

        Args:
            answer: (B, 4, H, W), 0..1, of :class:`scripts.reference.networks.UNetSupervisor`.
            masks: (B, 2, H, W), 0 or 1: answers outside count as zero.
            seen: (B, 2, H, W), 0 or 1: where the first half of the answer should see a bone.
            real: (B, 2, H, W), 0 or 1: where the second half should see a real one.
        """
        return binary_cross_entropy(answer * masks.repeat(1, 2, 1, 1), torch.cat([seen, real], dim=1))


class ReferenceGeneratorLoss(nn.Module):
    """Loss of the generator: the supervisor's answer, the error of the recomposition, and that of the layers.

    The supervisor's part is half cross entropy, half soft Dice of its answer against "a real bone wherever there is
    one", in the masks and once more in the overlap; the two others are roots of mean squares over all pixels. Parts
    with weight 0 are not computed.

    Args:
        supervisor: weight of the supervisor's part; 0.7 in the paper's main training, 0.3 in its pre-training.
        recomposition: weight of the recomposition's error, 0.3 in both.
        layers: weight of the layers' error, 0.4 in pre-training, 0 where there are no true layers.
        double_sigmoid: the soft Dice takes the sigmoid of values that are probabilities, as the paper's code does: a
            perfect answer then scores 0.5 or less.
    """

    def __init__(
        self,
        *,
        supervisor: float = 0.7,
        recomposition: float = 0.3,
        layers: float = 0.0,
        double_sigmoid: bool = False,
    ) -> None:
        super().__init__()
        self.supervisor, self.recomposition, self.layers = supervisor, recomposition, layers
        # The paper's code: 2 (intersection + 1) / (sum + 1).
        self.dice = DiceLoss(sigmoid=double_sigmoid, smooth_nr=2.0, smooth_dr=1.0)

    def convinced(self, answer: Tensor, where: Tensor) -> Tensor:
        """Return how far the answer is from "a real bone" in ``where`` (B, C, H, W), the target of both halves."""
        target = where.repeat(1, answer.shape[1] // where.shape[1], 1, 1)
        answer = answer * target
        # One Dice an image, not one a channel.
        dice: Tensor = self.dice(answer.flatten(1)[:, None], target.flatten(1)[:, None])
        return 0.5 * binary_cross_entropy(answer, target) + 0.5 * dice

    def forward(
        self,
        answer: Tensor,
        recomposed: Tensor,
        image: Tensor,
        masks: Tensor,
        layers: Tensor | None = None,
        truth: Tensor | None = None,
    ) -> Tensor:
        """Compute the loss, a scalar.

        Args:
            answer: (B, 4, H, W), 0..1, of the supervisor for the predicted layers.
            recomposed: (B, 1, H, W), gray levels.
            image: (B, 1, H, W), gray levels 0..1.
            masks: (B, 2, H, W), 0 or 1.
            layers: (B, 2, H, W), the predicted layers, gray levels 0..1.
            truth: (B, 2, H, W), the true ones.

        Raises:
            ValueError: the layers weigh something and are not both given.
        """
        bones, overlap = masks.amax(dim=1, keepdim=True), masks.prod(dim=1, keepdim=True)
        loss = answer.new_zeros(())
        if self.supervisor:
            loss = loss + self.supervisor * (self.convinced(answer, masks) + self.convinced(answer, overlap))
        if self.recomposition:
            loss = loss + self.recomposition * ((recomposed - image) * bones).square().mean().sqrt()
        if self.layers:
            if layers is None or truth is None:
                raise ValueError(f"expected layers and truth, which weigh {self.layers} in the loss, got None")
            loss = loss + self.layers * (layers - truth).square().mean().sqrt()
        return loss
