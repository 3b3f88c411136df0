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

"""Inferer of the inference config: predicted masks are tidied before the bones are split along them."""

from typing import Any

import numpy as np
import torch
from monai.inferers import Inferer
from monai.transforms import KeepLargestConnectedComponent
from scipy.ndimage import binary_fill_holes
from torch import Tensor


def tidy(inside: Tensor) -> Tensor:
    """Tidy predicted masks: each bone keeps its largest piece, and its holes are filled.

    Args:
        inside: (B, 2, H, W), probability of being inside the lower and the upper bone; inside above 0.5.

    Returns:
        (B, 2, H, W) bool.
    """
    largest = KeepLargestConnectedComponent(is_onehot=False)
    masks = np.zeros(tuple(inside.shape), dtype=bool)
    for image, bone in np.ndindex(*masks.shape[:2]):
        piece = torch.as_tensor(largest((inside[image, bone] > 0.5).to(torch.uint8)[None])).cpu().numpy()[0]
        masks[image, bone] = binary_fill_holes(piece > 0)
    return torch.from_numpy(masks).to(inside.device)


class SeparationInferer(Inferer):
    """Inferer that splits along the given masks, or else along masks that the network proposes, tidied."""

    def __call__(
        self,
        inputs: Tensor,
        network: Any,
        *args: Any,
        masks: Tensor | None = None,
        territory: Tensor | None = None,
        **kwargs: Any,
    ) -> Tensor:
        """Return the network's answer, (B, 6, H, W), see :meth:`scripts.networks.separator.Separator.forward`.

        Args:
            inputs: image, (B, 1, H, W), gray levels 0..1.
            network: a :class:`scripts.networks.separator.Separator`.
            args: handed on to the network.
            masks: (B, 2, H, W) or nothing.
            territory: (B, 1, H, W) bool, outside which no bone of this joint is looked for; everywhere if not given.
            kwargs: handed on to the network.
        """
        if masks is None:
            inside = network.propose(inputs)
            masks = tidy(inside if territory is None else inside * territory)
        answer: Tensor = network(inputs, masks, *args, **kwargs)
        return answer
