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

"""Baselines: rules that separate two bones without learning; their answers have the separator's form."""

from abc import ABC, abstractmethod

import numpy as np
import torch
from scipy import sparse
from scipy.sparse.linalg import spsolve
from skimage.restoration import inpaint_biharmonic
from torch import Tensor, nn

from scripts.physics import LOWER, UPPER, attenuation, overlap_of, split


class Baseline(nn.Module):
    """Rule that shares the overlap of the masks between the bones, which end there; masks and k must be given."""

    def ratio(self, image: Tensor, masks: Tensor, soft_tissue: Tensor) -> Tensor:
        """Return the upper bone's share of the overlap's attenuation, (B, 1, H, W).

        Args:
            image: (B, 1, H, W), gray levels 0..1.
            masks: (B, 2, H, W), 0..1.
            soft_tissue: k, (B, 1, 1, 1), gray level 0..1.
        """
        return torch.full_like(image, 0.5)

    def layers(self, image: Tensor, ratio: Tensor, soft_tissue: Tensor, masks: Tensor) -> Tensor:
        """Return the layers (B, 2, H, W) of a ratio."""
        return split(image, ratio, soft_tissue, masks, 0)

    def forward(self, image: Tensor, masks: Tensor, soft_tissue: Tensor) -> Tensor:
        """Return layers, masks, ratio and k, (B, 6, H, W), as :class:`scripts.networks.separator.Separator` does.

        Args:
            image: (B, 1, H, W), gray levels 0..1.
            masks: (B, 2, H, W), bool or 0..1.
            soft_tissue: k, (B,), gray level 0..1.
        """
        masks, k = masks.to(image.dtype), soft_tissue.to(image.dtype).reshape(-1, 1, 1, 1)
        ratio = self.ratio(image, masks, k)
        return torch.cat([self.layers(image, ratio, k, masks), masks, ratio, k.expand_as(image)], dim=1)


class EqualSplit(Baseline):
    """Equal attenuation of both bones in the overlap."""


class CopyImage(Baseline):
    """Copy of the image inside each mask, as layers."""

    def layers(self, image: Tensor, ratio: Tensor, soft_tissue: Tensor, masks: Tensor) -> Tensor:
        """Return the image inside each mask, soft tissue elsewhere."""
        return torch.where(masks > 0.5, image, soft_tissue)


class SurfaceFill(Baseline, ABC):
    """Smooth surfaces that continue each bone into the overlap; their ratio shares it.

    Args:
        margin: px around the overlap from which a bone is continued.
    """

    def __init__(self, *, margin: int = 10) -> None:
        super().__init__()
        self.margin = margin

    @abstractmethod
    def fill(self, known: np.ndarray, unknown: np.ndarray) -> np.ndarray:
        """Continue ``known`` (H, W) smoothly where ``unknown`` (H, W, bool)."""

    def surfaces(self, image: Tensor, masks: Tensor, soft_tissue: Tensor) -> Tensor:
        """Continue each bone's attenuation into the overlap.

        Args:
            image: (B, 1, H, W), gray levels 0..1.
            masks: (B, 2, H, W), 0..1.
            soft_tissue: k, (B, 1, 1, 1), gray level 0..1.

        Returns:
            (B, 2, H, W), attenuation above the soft tissue, 0.001 and more in the overlap, 1 elsewhere.
        """
        bone = (attenuation(image) - attenuation(soft_tissue)).cpu().numpy()[:, 0]
        inside, both = (masks > 0.5).cpu().numpy(), overlap_of(masks).cpu().numpy()[:, 0]
        surfaces = np.ones(inside.shape, dtype=bone.dtype)
        for at in range(len(bone)):
            if not both[at].any():
                continue
            rows, columns = np.nonzero(both[at])
            window = tuple(
                slice(max(where.min() - self.margin, 0), where.max() + self.margin + 1) for where in (rows, columns)
            )
            for channel in (LOWER, UPPER):
                alone = (inside[at, channel] & ~both[at])[window]
                if alone.any():
                    filled = self.fill(np.where(alone, bone[at][window], 0.0), ~alone)
                    # No bone absorbs nothing: a thin rest keeps the ratio defined where a surface dips below zero.
                    surfaces[at, channel][both[at]] = filled[both[at][window]].clip(1e-3)
        return torch.from_numpy(surfaces).to(image)

    def ratio(self, image: Tensor, masks: Tensor, soft_tissue: Tensor) -> Tensor:
        """Continue each bone, and share the overlap by the ratio of both."""
        surfaces = self.surfaces(image, masks, soft_tissue)
        return surfaces[:, UPPER, None] / surfaces.sum(dim=1, keepdim=True)


class BiharmonicFill(SurfaceFill):
    """Biharmonic surfaces: at the overlap's border they have the slope of the bone."""

    def fill(self, known: np.ndarray, unknown: np.ndarray) -> np.ndarray:
        """Continue ``known`` by the biharmonic equation."""
        return np.asarray(inpaint_biharmonic(known, unknown))


class HarmonicFill(SurfaceFill):
    """Harmonic surfaces (Laplace's equation): they meet the bone at the overlap's border, with any slope."""

    def fill(self, known: np.ndarray, unknown: np.ndarray) -> np.ndarray:
        """Continue ``known`` by Laplace's equation."""
        # A pixel is the mean of its neighbours; beyond the window's edge there are none.
        sides = [np.pad(np.ones(size - 1), 1) for size in unknown.shape]
        degree = np.add.outer(sides[0][:-1] + sides[0][1:], sides[1][:-1] + sides[1][1:])
        paths = [sparse.diags_array([np.ones(size - 1)] * 2, offsets=[-1, 1]) for size in unknown.shape]
        laplacian = (sparse.diags_array(degree.ravel()) - sparse.kronsum(paths[1], paths[0])).tocsr()
        asked, given = unknown.ravel().nonzero()[0], (~unknown).ravel().nonzero()[0]
        filled = known.astype(np.float64).ravel()
        rows = laplacian[asked]
        filled[asked] = spsolve(rows[:, asked].tocsc(), -rows[:, given] @ filled[given])
        return filled.reshape(known.shape)
