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

"""The separator as inference uses it: predicted masks are tidied, joints that lean are turned upright."""

from torch import Tensor, nn

from scripts.inference.inferer import SeparationInferer
from scripts.networks.separator import Separator


class AsInferred(nn.Module):
    """A separator behind the main job's inferer.

    Args:
        network: whose masks and layers are measured.
    """

    def __init__(self, network: Separator) -> None:
        super().__init__()
        self.network, self.inferer = network, SeparationInferer()

    def forward(self, image: Tensor, masks: Tensor | None = None) -> Tensor:
        """Separate (B, 1, H, W), gray levels 0..1; see :meth:`scripts.networks.separator.Separator.forward`."""
        return self.inferer(image, self.network, masks=masks)
