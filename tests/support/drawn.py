"""Joints drawn with a few lines, for tests that need a picture and its masks and no likeness."""

import numpy as np
import torch
from torch import Tensor, nn

from scripts.physics import LOWER, UPPER, split


def joint(rows: int = 96, columns: int = 80, bits: int = 8, depth: float = 0.06, seed: int = 0) -> tuple:
    """Levels (rows, columns) int64 and masks (2, rows, columns) bool; the bones overlap by ``2 * depth`` of the height.

    No symmetry: the bones stand left of the middle, and the upper one is wider.
    """
    draw = np.random.default_rng(seed)
    y, x = np.mgrid[0:rows, 0:columns] / np.array([rows, columns]).reshape(2, 1, 1)
    masks = np.zeros((2, rows, columns), dtype=bool)
    masks[UPPER] = (y < 0.55 + depth) & (abs(x - 0.45) < 0.3)
    masks[LOWER] = (y > 0.55 - depth) & (abs(x - 0.45) < 0.25)
    bone = np.array([0.7, 0.5]).reshape(2, 1, 1) + 0.2 * draw.random((2, rows, columns))
    through = 0.75 * np.exp(-(masks * bone).sum(axis=0)) * (0.95 + 0.05 * draw.random((rows, columns)))
    return np.rint((1 - through) * (2**bits - 1)).astype(np.int64), masks


class EqualShares(nn.Module):
    """Answers as the separator does: masks as given or from ``masks``, every ratio 0.5, soft tissue 0.25."""

    def __init__(self, masks: np.ndarray | None = None) -> None:
        super().__init__()
        self.masks = masks

    def forward(self, image: Tensor, masks: Tensor | None = None, soft_tissue: Tensor | None = None) -> Tensor:
        if masks is None:
            masks = torch.from_numpy(self.masks)[None]
        ratio, k = torch.full_like(image, 0.5), torch.full_like(image, 0.25)
        return torch.cat([split(image, ratio, k, masks), masks.to(image.dtype), ratio, k], dim=1)


def per_image(value: float) -> torch.Tensor:
    """One number for one image, (1, 1, 1, 1)."""
    return torch.full((1, 1, 1, 1), value)
