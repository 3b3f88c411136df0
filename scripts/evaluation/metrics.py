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

"""Metrics of a separation and of its masks, most of them in the overlap, where easy pixels cannot hide an error."""

from collections.abc import Mapping

import numpy as np
import torch
from monai.metrics import CumulativeIterationMetric, compute_dice
from monai.transforms import distance_transform_edt
from skimage.metrics import structural_similarity
from skimage.segmentation import find_boundaries
from torch import Tensor

from scripts.physics import FOUND_OVERLAP, LOWER, UPPER, grow, overlap_of, recompose, rim_px


def layers_of(pred: Tensor) -> Tensor:
    """Return the lower and the upper layer, (B, 2, H, W), of a separator's answer."""
    return pred[:, :2]


def masks_of(pred: Tensor) -> Tensor:
    """Return the lower and the upper mask, (B, 2, H, W), 0..1, of a separator's answer."""
    return pred[:, 2:4]


class PerBone(CumulativeIterationMetric):
    """A metric of each image and bone, (B, 2), NaN where there is nothing to measure; aggregates to the mean of all."""

    def inputs(self, output: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Choose ``y_pred`` and ``y`` from ``image``, ``pred`` and ``label`` of an evaluator's output."""
        return output["pred"], output["label"]

    def per_bone(self) -> Tensor:
        """Return the means over all images, (2,): lower and upper bone."""
        values = self.get_buffer()
        if not isinstance(values, Tensor):
            raise ValueError(f"{type(self).__name__}: expected measured images, got none")
        return torch.nanmean(values, dim=0)

    def aggregate(self) -> Tensor:
        """Return the mean over all images and both bones."""
        return self.per_bone().mean()


class PerMask(PerBone):
    """A metric of predicted masks, ``y_pred`` (B, 2, H, W), and drawn ones, ``y`` (B, 2, H, W), 0..1."""

    def inputs(self, output: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Choose predicted and drawn masks."""
        return masks_of(output["pred"]), output["label"]


class OverlapError(PerBone):
    """Mean absolute error of the layers inside the overlap, gray levels of 255.

    ``y_pred`` (B, C, H, W) begins with the layers; ``y`` (B, 4, H, W) holds the true layers and masks, 0..1.

    Args:
        split_only: only where the masks that ``y_pred`` holds overlap too: masks that are too small leave some of the
            true overlap out, and there a layer is the image or nothing, with any method.
    """

    def __init__(self, *, split_only: bool = False) -> None:
        super().__init__()
        self.split_only = split_only

    def _compute_tensor(self, y_pred: Tensor, y: Tensor) -> Tensor:  # type: ignore[override]
        overlap = overlap_of(y[:, 2:4])
        if self.split_only:
            overlap = overlap & overlap_of(masks_of(y_pred))
        overlap = overlap.float()
        error = (layers_of(y_pred) - y[:, :2]).abs() * overlap
        return 255.0 * error.sum(dim=(2, 3)) / overlap.sum(dim=(2, 3))


class RimError(PerBone):
    """Mean absolute error of the layers in the rim beside the overlap, gray levels of 255.

    The rim of a bone is inside its true mask, outside the overlap, within :data:`scripts.physics.RIM` px of it: there
    lies the soft edge of the other bone. ``y_pred`` and ``y`` as for :class:`OverlapError`.
    """

    def _compute_tensor(self, y_pred: Tensor, y: Tensor) -> Tensor:  # type: ignore[override]
        masks = y[:, 2:4] > 0.5
        overlap = overlap_of(masks)
        rim = (masks & ~overlap & grow(overlap, rim_px(*y.shape[2:]))).float()
        error = (layers_of(y_pred) - y[:, :2]).abs() * rim
        return 255.0 * error.sum(dim=(2, 3)) / rim.sum(dim=(2, 3))


class OverlapSSIM(PerBone):
    """Structural similarity of the layers inside the overlap: its map over the whole bone, averaged over the overlap.

    ``y_pred`` and ``y`` as for :class:`OverlapError`. Gaussian weights of 1.5 px, data range 1 (Wang et al., 2004).
    """

    def _compute_tensor(self, y_pred: Tensor, y: Tensor) -> Tensor:  # type: ignore[override]
        inside = (y[:, 2:4] > 0.5).float()
        pred, true = (layers_of(y_pred) * inside).cpu().numpy(), (y[:, :2] * inside).cpu().numpy()
        overlap = overlap_of(y[:, 2:4]).cpu().numpy()[:, 0]
        values = np.full(pred.shape[:2], np.nan, dtype=np.float32)
        for image, bone in np.ndindex(*values.shape):
            if overlap[image].any():
                maps = structural_similarity(
                    pred[image, bone], true[image, bone], data_range=1.0, gaussian_weights=True, full=True
                )[1]
                values[image, bone] = maps[overlap[image]].mean()
        return torch.from_numpy(values)


class RecompositionError(PerBone):
    """Largest error of the recomposed image inside both bones, gray levels of 255, the same for both bones.

    ``y_pred`` (B, 6, H, W) is a separator's answer, ``y`` (B, 1, H, W) the image.
    """

    def inputs(self, output: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Choose the answer and the image."""
        return output["pred"], output["image"]

    def _compute_tensor(self, y_pred: Tensor, y: Tensor) -> Tensor:  # type: ignore[override]
        inside = (masks_of(y_pred) > 0.5).any(dim=1, keepdim=True)
        error = (recompose(layers_of(y_pred), y_pred[:, 5:6]) - y).abs() * inside
        return 255.0 * error.amax(dim=(2, 3)).expand(-1, 2)


def neighbour_steps(picture: Tensor, where: Tensor) -> tuple[Tensor, Tensor]:
    """Return absolute differences of neighbouring pixels (down, right), and whether both lie inside ``where``."""
    down = (picture.diff(dim=-2).abs(), where[..., 1:, :] & where[..., :-1, :])
    right = (picture.diff(dim=-1).abs(), where[..., 1:] & where[..., :-1])
    steps = torch.cat([down[0].flatten(2), right[0].flatten(2)], dim=2)
    return steps, torch.cat([down[1].flatten(2), right[1].flatten(2)], dim=2)


class BorderStep(PerBone):
    """Mean step between neighbouring pixels across the overlap's border inside each bone, gray levels of 255.

    ``y_pred`` (B, C, H, W) begins with two layers (or the image twice), ``y`` (B, 2, H, W) holds the masks, 0..1. A
    seam that a method leaves at the border shows as a step that the image itself, or natural texture, does not have.

    Args:
        texture: measure the image's own steps inside the bones away from the overlap instead, for comparison.
    """

    def __init__(self, *, texture: bool = False) -> None:
        super().__init__()
        self.texture = texture

    def inputs(self, output: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Choose the layers, or the image twice for its texture, and the masks of the label."""
        return output["image"].expand(-1, 2, -1, -1) if self.texture else output["pred"], output["label"][:, -2:]

    def _compute_tensor(self, y_pred: Tensor, y: Tensor) -> Tensor:  # type: ignore[override]
        inside, both = y > 0.5, overlap_of(y).expand(-1, 2, -1, -1)
        steps, counted = neighbour_steps(layers_of(y_pred), inside & ~both if self.texture else inside)
        if not self.texture:
            changes, _ = neighbour_steps(both.to(y.dtype), inside)
            counted = counted & (changes > 0.5)
        return 255.0 * (steps * counted).sum(dim=2) / counted.sum(dim=2)


class BorderStepRatio(PerBone):
    """:class:`BorderStep` of the layers over that of the image itself: 1 means no more of a seam than was there.

    ``y_pred`` (B, 3, H, W) holds the layers and the image, ``y`` (B, 2, H, W) the masks, 0..1.
    """

    def inputs(self, output: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Choose the layers with the image, and the masks of the label."""
        return torch.cat([layers_of(output["pred"]), output["image"]], dim=1), output["label"][:, -2:]

    def _compute_tensor(self, y_pred: Tensor, y: Tensor) -> Tensor:  # type: ignore[override]
        step = BorderStep()
        own = step._compute_tensor(y_pred[:, 2:].expand(-1, 2, -1, -1), y)
        return step._compute_tensor(y_pred, y) / torch.where(own > 0, own, torch.nan)


class MaskDice(PerMask):
    """Dice of both masks."""

    def _compute_tensor(self, y_pred: Tensor, y: Tensor) -> Tensor:  # type: ignore[override]
        return compute_dice((y_pred > 0.5).float(), (y > 0.5).float())


class OverlapDice(PerMask):
    """Dice of the overlap region, the same for both bones, NaN where the drawn masks share under 20 px."""

    def _compute_tensor(self, y_pred: Tensor, y: Tensor) -> Tensor:  # type: ignore[override]
        pred, true = overlap_of(y_pred).float(), overlap_of(y).float()
        dice = compute_dice(pred, true)
        dice[true.sum(dim=(2, 3)) < FOUND_OVERLAP] = torch.nan
        return dice.expand(-1, 2)


class OverlapFound(PerMask):
    """Recall and precision of overlaps of 20 px and more, as means instead of those of two bones.

    The values of an image are 1 for an overlap that is drawn and found, else 0; the first is NaN where none is drawn,
    the second NaN where none is found.
    """

    def _compute_tensor(self, y_pred: Tensor, y: Tensor) -> Tensor:  # type: ignore[override]
        found, drawn = (overlap_of(x).sum(dim=(2, 3)) >= FOUND_OVERLAP for x in (y_pred, y))
        hit = (found & drawn).float()
        return torch.cat([torch.where(drawn, hit, torch.nan), torch.where(found, hit, torch.nan)], dim=1)


class ContourDistance(PerMask):
    """Mean distance from the drawn outline of a bone to the predicted one, px; the picture's edge is no outline.

    Args:
        hidden: only the part of the outline that lies inside the other bone.
    """

    def __init__(self, *, hidden: bool = False) -> None:
        super().__init__()
        self.hidden = hidden

    def _compute_tensor(self, y_pred: Tensor, y: Tensor) -> Tensor:  # type: ignore[override]
        pred, true = (y_pred > 0.5).cpu().numpy(), (y > 0.5).cpu().numpy()
        values = np.full(true.shape[:2], np.nan, dtype=np.float32)
        for image, bone in np.ndindex(*values.shape):
            other = UPPER if bone == LOWER else LOWER
            outline = find_boundaries(true[image, bone], mode="inner")
            outline &= true[image, other] if self.hidden else True
            answer = find_boundaries(pred[image, bone], mode="inner")
            if outline.any() and answer.any():
                away = np.asarray(distance_transform_edt(~answer[None]))[0]
                values[image, bone] = away[outline].mean()
        return torch.from_numpy(values)
