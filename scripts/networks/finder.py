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

"""Finder of the metacarpophalangeal joints in a whole radiograph: an overview of the film, then a closer look."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from scripts.networks.segmenter import Segmenter
from scripts.networks.unet import unet

OVERVIEW_MM = 0.8
"""mm a px of the film as the overview sees it; it answers at twice that."""
CLOSEUP_MM = 0.4
"""mm a px of the closer look."""
CLOSEUP_PX = 96
"""Side of the closer look, px: 38.4 mm."""
JOINT_CHANNELS = 5
"""Channels of the overview that tell where MCP1 to MCP5 are; two more tell the direction of the axis."""


class Finder(nn.Module):
    """Two small U-Nets: one names and places the joints of a film, one looks at each of them from near.

    Args:
        overview: channels of the first :func:`~scripts.networks.unet.unet`.
        closeup: channels of the second one.

    Attributes:
        pair_mean: (5, 5, 2), mm from one joint to another one in hands, see
            :class:`scripts.inference.constellation.HandShape`.
        pair_covariance: (5, 5, 2, 2), mm2.
        calibration: (6,), weights and bias of the confidence of a find.
    """

    pair_mean: Tensor
    pair_covariance: Tensor
    calibration: Tensor

    def __init__(
        self,
        *,
        overview: Sequence[int] = (16, 24, 32, 64, 96, 24),
        closeup: Sequence[int] = (12, 16, 24, 48, 64, 12),
    ) -> None:
        super().__init__()
        self.fold = nn.PixelUnshuffle(2)
        self.overview = unet(4, JOINT_CHANNELS + 2, overview)
        self.closeup = unet(1, 3, closeup)
        self.register_buffer("pair_mean", torch.zeros(JOINT_CHANNELS, JOINT_CHANNELS, 2))
        self.register_buffer("pair_covariance", torch.eye(2).repeat(JOINT_CHANNELS, JOINT_CHANNELS, 1, 1))
        self.register_buffer("calibration", torch.zeros(6))

    def forward(self, film: Tensor) -> Tensor:
        """Look at whole films.

        Args:
            film: (B, 1, H, W), gray levels 0..1, bright = more attenuation, of 0.8 mm a px, sides a multiple of 32.

        Returns:
            (B, 7, H / 2, W / 2): logits of MCP1 to MCP5 lying there, and sine and cosine of the axis' lean to the
            right where one lies.
        """
        answer: Tensor = self.overview(self.fold(Segmenter.normalise(film)))
        return answer

    def look_closer(self, crops: Tensor) -> Tensor:
        """Look at places turned upright, with the place that is asked about in the middle.

        Args:
            crops: (N, 1, 96, 96), gray levels 0..1, of 0.4 mm a px.

        Returns:
            (N, 3, 96, 96): logit of a metacarpophalangeal joint's middle lying there, sine and cosine of its lean.
        """
        answer: Tensor = self.closeup(Segmenter.normalise(crops))
        return answer
