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

import torch

from scripts.evaluation.as_inferred import AsInferred
from scripts.evaluation.metrics import masks_of
from scripts.networks.separator import Separator


class TwoPieces(torch.nn.Module):
    """Proposes a large and a small piece of each bone."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        logits = torch.full((len(image), 2, *image.shape[2:]), -5.0)
        logits[:, :, 8:40, 8:40] = 5.0
        logits[:, :, 50:54, 50:54] = 5.0
        return logits


def test_masks_are_tidied_before_the_bones_are_split_along_them() -> None:
    separator = Separator(grid=64).eval()
    separator.segmenter = TwoPieces()  # type: ignore[assignment]
    image = torch.rand(2, 1, 64, 64)
    with torch.inference_mode():
        before, after = separator(image), AsInferred(separator)(image)
        given = separator(image, masks_of(after))
    assert (masks_of(before) > 0.5)[..., 50:54, 50:54].all()
    assert not (masks_of(after) > 0.5)[..., 50:54, 50:54].any()
    assert (masks_of(after) > 0.5)[..., 8:40, 8:40].all()
    assert torch.equal(given, after)
