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

"""The supervisor: for each pixel, the bone that is there, and whether it is real or predicted."""

from collections.abc import Sequence

from torch import Tensor, nn

from scripts.networks.unet import unet


class Supervisor(nn.Module):
    """U-Net that looks at two layers as at two radiographs of one bone each.

    It works on 2x2 blocks of pixels, and with instance normalisation, so that real and predicted layers of one batch do
    not give each other away.

    Args:
        features: channels of :func:`scripts.networks.unet.unet`, five depths and the last layer.

    Example:
        >>> answer = Supervisor()(torch.rand(1, 2, 96, 128))
        >>> seen, real = answer[:, :2].sigmoid(), answer[:, 2:].sigmoid()

    Source:
        Wang et al., BLS-GAN, AAAI 2025, section "Segmentation-based supervisor".
    """

    def __init__(self, *, features: Sequence[int] = (32, 48, 64, 96, 128, 32)) -> None:
        super().__init__()
        self.fold = nn.PixelUnshuffle(2)
        self.unet = unet(8, 16, features, norm="instance")
        self.unfold = nn.PixelShuffle(2)

    def forward(self, layers: Tensor) -> Tensor:
        """Predict logits (B, 4, H, W): the lower and the upper bone is here; the lower and the upper bone is real.

        Args:
            layers: (B, 2, H, W), gray levels 0..1, zero outside the bone, sides a multiple of 32, of 64 px and more.
        """
        answer: Tensor = self.unfold(self.unet(self.fold(layers)))
        return answer.float()
