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

"""The segmenter: both bones' masks from the image alone, overlapping as the bones do."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from scripts.networks.unet import unet


class Segmenter(nn.Module):
    """U-Net on 2x2 blocks of pixels, and a small network on single pixels; one logit a bone and pixel.

    The image is folded into blocks (:class:`torch.nn.PixelUnshuffle`), so that the widest layers run at half its
    resolution, and the answer is unfolded again: four times less work than the same network on single pixels. The two
    last layers see every pixel, so that an outline does not step from block to block; they correct the unfolded answer.

    Args:
        features: channels of :func:`scripts.networks.unet.unet`, five depths and the last layer.
        hints: channels, beside the two logits, that the U-Net hands to the last layers.
        width: channels between the two last layers.

    Example:
        >>> logits = Segmenter()(torch.rand(1, 1, 256, 256))  # (1, 2, 256, 256): lower and upper bone
    """

    def __init__(self, *, features: Sequence[int] = (32, 32, 64, 128, 256, 32), hints: int = 3, width: int = 8) -> None:
        super().__init__()
        self.fold = nn.PixelUnshuffle(2)
        self.unet = unet(4, 4 * (2 + hints), features)
        self.unfold = nn.PixelShuffle(2)
        self.refine = nn.Sequential(
            nn.Conv2d(2 + hints + 1, width, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(width, 2, 3, padding=1)
        )
        # A training starts from the U-Net's answer as it is.
        for weights in self.refine[-1].parameters():
            nn.init.zeros_(weights)

    def forward(self, image: Tensor) -> Tensor:
        """Predict logits of the lower and the upper bone.

        Args:
            image: (B, 1, H, W), gray levels 0..1, sides a multiple of 32.

        Returns:
            (B, 2, H, W); a pixel is inside a bone above 0.
        """
        seen = self.normalise(image)
        unfolded: Tensor = self.unfold(self.unet(self.fold(seen)))
        pixels = torch.cat([unfolded, seen], dim=1).contiguous(memory_format=torch.channels_last)
        logits: Tensor = unfolded[:, :2] + self.refine(pixels)
        return logits

    @staticmethod
    def normalise(image: Tensor) -> Tensor:
        """Normalise by each image's own mean and spread: exposure and window differ more between sites than bones."""
        centred = image - image.mean(dim=(2, 3), keepdim=True)
        spread = torch.sqrt(centred.square().mean(dim=(2, 3), keepdim=True)).clamp(min=1e-3)
        return centred / spread

    def features(self, image: Tensor) -> list[Tensor]:
        """Return the mean of every channel of the encoder, shallow to deep, (B, C) each, to compare regions.

        Args:
            image: as for :meth:`forward`.
        """
        x = self.unet.conv_0(self.fold(self.normalise(image)))
        found = [x.mean(dim=(2, 3))]
        for down in (self.unet.down_1, self.unet.down_2, self.unet.down_3, self.unet.down_4):
            x = down(x)
            found.append(x.mean(dim=(2, 3)))
        return found
