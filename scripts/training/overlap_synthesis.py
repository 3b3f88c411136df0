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

"""Synthetic overlaps: bones of joints that do not overlap are moved into each other, so that both layers are known."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from scripts.physics import attenuation, gray_level, overlap_of, zone_of
from scripts.training.degradation import Degradation
from scripts.training.edge_profiles import NaturalEdge, TaperedEdge
from scripts.training.mask_jitter import MaskJitter
from scripts.training.pairing import Pair, Pairing
from scripts.training.random_draws import happens

JOINT_KEYS = ("image", "background", "tissue", "distance")
"""Keys of a joint that the synthesis reads."""


@dataclass(frozen=True, kw_only=True)
class OverlapSynthesis:
    """A batch of overlaps with known layers, composed from a batch of joints whose bones do not overlap.

    The lower bone of each joint meets the upper bone of the same joint, or of another of the batch; the composed image
    follows the physics of :mod:`scripts.physics`. All of it happens on the batch's device, with torch's random numbers.

    Args:
        pairing: brings two bones together.
        natural: profile of whole bones, whose soft edges reach beyond the masks.
        tapered: profile of bones that thin towards their outline. What is neither is cut hard along the masks.
        mask_jitter: errors of the masks that the network is given.
        degradation: from the composed attenuation to the image.
        mirrored: share of mirrored composites.

    Source:
        Wang et al., BLS-GAN, AAAI 2025, section "Synthetic pre-training" (hard-cut); whole bones, pairing, taper, gain
        and jitter are ours.
    """

    pairing: Pairing = field(default_factory=Pairing)
    natural: NaturalEdge = field(default_factory=NaturalEdge)
    tapered: TaperedEdge = field(default_factory=TaperedEdge)
    mask_jitter: MaskJitter = field(default_factory=MaskJitter)
    degradation: Degradation = field(default_factory=Degradation)
    mirrored: float = 0.5

    @torch.no_grad()
    def __call__(self, joints: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Compose one overlap for each joint.

        Args:
            joints: ``image`` (B, 1, H, W); ``background`` (B, 1, H, W), the release's soft tissue without the bones,
                and ``tissue``, the same levelled under them, gray levels 0..1; ``distance`` (B, 2, H, W), signed
                distance to the outlines of the bones, px.

        Returns:
            ``image`` (B, 1, H, W), soft tissue around the bones; ``masks`` (B, 2, H, W) as a network is given them;
            ``true_masks``; ``distance`` (B, 2, H, W), the signed distance to their outlines, px; ``layers``
            (B, 2, H, W), the true layers, soft tissue where there is no bone; ``soft_tissue`` k (B, 1, 1, 1), the mean
            of the soft tissue in the overlap.
        """
        image = joints["image"]
        kind = torch.rand(image.shape[0], 1, 1, 1, device=image.device)
        natural = kind < self.natural.share
        tapered = ~natural & (kind < self.natural.share + self.tapered.share)
        background = torch.where(natural, joints["tissue"], joints["background"])
        pair = self.pairing({"image": image, "background": background, "distance": joints["distance"]}, natural)
        true_masks = (pair.within > 0).float()
        soft, layers = self.cut_bones(pair, tapered)
        tissue, whole = self.whole_bones(pair)
        soft, layers = torch.where(natural, tissue, soft), torch.where(natural, whole, layers)
        total = (soft + (layers - soft).sum(dim=1, keepdim=True)).clamp(min=0.0)
        around = torch.where(true_masks.amax(dim=1, keepdim=True) > 0, total, tissue)
        total = torch.where(natural, total, around)
        degraded = self.degradation(total, layers, soft, pair.within)
        composed = {
            "image": degraded.image,
            "masks": (self.mask_jitter(pair.within) > 0).float(),
            "true_masks": true_masks,
            "distance": pair.within,
            "layers": gray_level(degraded.layers),
        }
        mirrors = happens(image, self.mirrored)
        composed = {key: torch.where(mirrors, x.flip(-1), x) for key, x in composed.items()}
        return {**composed, "soft_tissue": _mean_within(gray_level(degraded.soft_tissue), pair.within)}

    def cut_bones(self, pair: Pair, tapered: Tensor) -> tuple[Tensor, Tensor]:
        """Return attenuations of soft tissue, one value an image, and of both layers (B, 2, H, W), cut along the masks.

        Args:
            pair: two bones of each image.
            tapered: (B, 1, 1, 1) bool, images whose bones thin towards their outline.
        """
        soft = attenuation(_mean_within(pair.tissue, pair.within))
        # A bone from another joint leaves the soft tissue of its own joint behind.
        left_behind = torch.where(pair.foreign, attenuation(_mean_within(pair.under, pair.within)), soft)
        absorbed = (attenuation(pair.gray) - left_behind) * pair.gain * (pair.within > 0)
        absorbed = torch.where(tapered, self.tapered.thin(absorbed, pair.within), absorbed)
        # No ray absorbs less than nothing.
        return soft.expand_as(pair.tissue), (soft + absorbed).clamp(min=0.0)

    def whole_bones(self, pair: Pair) -> tuple[Tensor, Tensor]:
        """Return attenuations of the soft tissue (B, 1, H, W), a field, and of both layers, bones with their rims."""
        tissue = attenuation(pair.tissue)
        absorbed = (attenuation(pair.gray) - attenuation(pair.under)) * pair.gain
        return tissue, tissue + self.natural.fade(absorbed, pair.within)


def _mean_within(gray: Tensor, within: Tensor) -> Tensor:
    """Return the mean (B, C, 1, 1) of gray levels in the overlap, or, where there is none, where the rims meet."""
    masks = (within > 0).float()
    overlap = overlap_of(masks)
    where = torch.where(overlap.flatten(1).any(dim=1)[:, None, None, None], overlap, zone_of(masks)).to(gray.dtype)
    return (gray * where).sum(dim=(2, 3), keepdim=True) / where.sum(dim=(2, 3), keepdim=True).clamp(min=1.0)
