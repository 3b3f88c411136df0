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

"""The separator: the whole product as one module, from a radiograph of a joint to its two bone layers."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad

from scripts.networks.finder import Finder
from scripts.networks.generator import Generator
from scripts.networks.segmenter import Segmenter
from scripts.networks.view import out_of_view, turned_back, turned_view
from scripts.physics import rim_px, split, tissue_behind

CHANNELS = ("lower layer", "upper layer", "lower mask", "upper mask", "ratio", "soft tissue")
"""Channels of the separator's answer."""


class Separator(nn.Module):
    """Segmenter, generator and the physics: image in, one tensor out.

    The two networks look at the region with its long side brought to ``grid`` px (about 23 mm, as in the data they
    learned from); masks, ratio and soft tissue are brought back to the image's own grid and the split is made there,
    so that no detail of the image is lost and its recomposition is exact. A joint that leans is turned upright for
    the networks, see :mod:`scripts.networks.view`.

    Args:
        grid: long side that the networks see, px, a multiple of 64.
        segmenter: arguments of :class:`~scripts.networks.segmenter.Segmenter`.
        generator: arguments of :class:`~scripts.networks.generator.Generator`.
        finder: arguments of :class:`~scripts.networks.finder.Finder`, which looks at whole radiographs and takes no
            part in the separation of a region; see :class:`scripts.inference.joint_finder.JointFinder`.

    Example:
        >>> separator = Separator().eval()
        >>> image = torch.rand(1, 1, 300, 200)
        >>> pred = separator(image)
        >>> layers, masks = pred[:, :2], pred[:, 2:4] > 0.5  # channel 0 lower bone, 1 upper bone
        >>> corrected = separator(image, masks=masks)  # the segmenter is not used
        >>> bool((pred[:, :2] == corrected[:, :2]).all())
        True

    Note:
        The metacarpal must lie below the phalanx; left and right hands both do.
    """

    def __init__(
        self,
        *,
        grid: int = 256,
        segmenter: Mapping[str, Any] | None = None,
        generator: Mapping[str, Any] | None = None,
        finder: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        if grid < 64 or grid % 64:
            raise ValueError(f"grid: expected a multiple of 64 px, got {grid}")
        self.grid = grid
        self.segmenter = Segmenter(**(segmenter or {}))
        self.generator = Generator(**(generator or {}))
        self.finder = Finder(**(finder or {}))

    def to_grid(self, x: Tensor, height: int, width: int) -> Tensor:
        """Resample to (height, width), then repeat the border until each side is a multiple of 64."""
        if x.shape[2] != height or x.shape[3] != width:
            shrinks = x.shape[2] > height
            x = interpolate(x, (height, width), mode="bilinear", antialias=shrinks)
        below, right = -height % 64, -width % 64
        if below > 0 or right > 0:
            x = pad(x, [0, right, 0, below], mode="replicate")
        return x

    def from_grid(self, x: Tensor, height: int, width: int, rows: int, columns: int) -> Tensor:
        """Undo :meth:`to_grid`: cut the repeated border, resample to the image's own (rows, columns)."""
        x = x[:, :, :height, :width]
        if rows != height or columns != width:
            x = interpolate(x, (rows, columns), mode="bilinear")
        return x

    def seen_size(self, rows: int, columns: int) -> tuple[int, int]:
        """Return height and width, px, at which the networks see an image of ``rows`` x ``columns``."""
        longest = max(rows, columns)
        height = max(1, (2 * rows * self.grid + longest) // (2 * longest))
        width = max(1, (2 * columns * self.grid + longest) // (2 * longest))
        return height, width

    def to_view(self, x: Tensor, angle: Tensor | None) -> Tensor:
        """Resample regions (B, C, H, W) to what the networks see: upright as they are, or turned by ``angle`` (B,)."""
        if angle is not None and bool((angle != 0).any()):
            return turned_view(x, angle, self.grid)
        height, width = self.seen_size(x.shape[2], x.shape[3])
        return self.to_grid(x, height, width)

    def from_view(self, x: Tensor, rows: int, columns: int, angle: Tensor | None) -> Tensor:
        """Undo :meth:`to_view` for an answer of the networks: bring it back to the region's own (rows, columns)."""
        if angle is not None and bool((angle != 0).any()):
            return turned_back(x, angle, rows, columns)
        height, width = self.seen_size(rows, columns)
        return self.from_grid(x, height, width, rows, columns)

    def propose(self, image: Tensor, angle: Tensor | None = None) -> Tensor:
        """Predict the probability of being inside the lower and the upper bone, (B, 2, H, W), on the image's own grid.

        Args:
            image: (B, 1, H, W), gray levels 0..1, bright = more attenuation, sides of 64 px and more.
            angle: (B,), degrees by which the joint's axis leans to the right, see :mod:`scripts.networks.view`; the
                networks see it upright. Upright already if not given.
        """
        rows, columns = image.shape[2], image.shape[3]
        inside = self.from_view(torch.sigmoid(self.segmenter(self.to_view(image, angle))), rows, columns, angle)
        if angle is not None and bool((angle != 0).any()):
            # Corners that do not come into view are looked at from further away.
            far = torch.sigmoid(self.segmenter(turned_view(image, angle, self.grid, whole=True)))
            far = turned_back(far, angle, rows, columns, whole=True)
            inside = torch.where(out_of_view(angle, rows, columns), far, inside)
        return inside

    def forward(
        self,
        image: Tensor,
        masks: Tensor | None = None,
        soft_tissue: Tensor | None = None,
        angle: Tensor | None = None,
    ) -> Tensor:
        """Separate the bones of a batch of joint regions.

        Args:
            image: (B, 1, H, W), gray levels 0..1, bright = more attenuation, sides of 64 px and more.
            masks: (B, 2, H, W) of bool or float, lower and upper bone, where they are known; predicted where not.
            soft_tissue: k, (B,), gray level 0..1, where it is known, kept near the estimated one
                (:meth:`scripts.networks.soft_tissue_estimator.SoftTissueEstimator.believed`); estimated where not.
            angle: (B,), as :meth:`propose` takes it. The image itself is not resampled, whatever the angle.

        Returns:
            (B, 6, H, W): lower layer, upper layer; lower mask, upper mask (probabilities; a pixel is inside above 0.5;
            given masks come back as they were); ratio, the upper bone's share of the bones' attenuation in the zone;
            soft tissue, behind the bones as it is estimated, around them the image. The layers show the bones in it;
            their mean in the overlap is k.
        """
        seen = self.to_view(image, angle)
        inside = self.propose(image, angle) if masks is None else masks.to(image.dtype)
        # Predicted masks are treated as given ones, so that unchanged masks give unchanged layers.
        given = self.to_view((inside > 0.5).to(image.dtype), angle)
        k: Tensor | None = None
        if soft_tissue is not None:
            k = soft_tissue.to(image.dtype).reshape(-1, 1, 1, 1)
        ratio, tissue = self.generator(seen, given, k)
        rows, columns = image.shape[2], image.shape[3]
        ratio = self.from_view(ratio, rows, columns, angle)
        reach = rim_px(rows, columns)
        tissue = tissue_behind(image, self.from_view(tissue, rows, columns, angle), inside, reach)
        layers = split(image, ratio, tissue, inside, reach)
        return torch.cat([layers, inside, ratio, tissue], dim=1)
