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

"""Loss of the segmenter: masks, and logits that are distances near the outline."""

from torch import Tensor, nn

from scripts.training.losses import MaskLoss


class OutlineLoss(nn.Module):
    """:class:`~scripts.training.losses.MaskLoss`, and the error of the logits as signed distances to the outline.

    A logit near an outline is learned to be the distance to it, px, so that outlines are smooth where the image does
    not show them: a probability may jump from pixel to pixel, a distance may not.

    Args:
        masks: loss of logits and masks.
        reach: px from the outline beyond which distances are all the same.
        everywhere: weight of the mean error over all pixels.
        near: weight of the mean error within ``reach`` of an outline.
    """

    def __init__(
        self, *, masks: nn.Module | None = None, reach: float = 8.0, everywhere: float = 0.15, near: float = 0.3
    ) -> None:
        super().__init__()
        self.masks = masks or MaskLoss(overlap=0.5)
        self.reach, self.everywhere, self.near = reach, everywhere, near

    def forward(self, logits: Tensor, distance: Tensor) -> Tensor:
        """Compute the loss, a scalar.

        Args:
            logits: (B, 2, H, W).
            distance: signed distance to the outlines, (B, 2, H, W), px, positive inside.
        """
        target = distance.clamp(-self.reach, self.reach)
        # A logit may go a little further than the targets do: then it is sure, not wrong.
        error = (logits.clamp(-self.reach - 1.0, self.reach + 1.0) - target).abs()
        near = (distance.abs() < self.reach - 1.0).to(error.dtype)
        outline = (error * near).sum() / near.sum().clamp(min=1.0)
        loss: Tensor = self.masks(logits, (distance > 0).to(logits.dtype))
        return loss + self.everywhere * error.mean() + self.near * outline
