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

from scripts.physics import attenuation, gray_level, overlap_of
from scripts.training.degradation import Degradation
from scripts.training.edge_profiles import NaturalEdge, TaperedEdge
from scripts.training.mask_jitter import MaskJitter
from scripts.training.pairing import Pairing
from scripts.training.random_draws import happens

JOINT_KEYS = ("image", "background", "distance")
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
        Wang et al., BLS-GAN, AAAI 2025, section "Synthetic pre-training"; pairing, taper, gain and jitter are ours.
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
            joints: ``image`` (B, 1, H, W) and ``background`` (B, 1, H, W), its soft tissue without the bones, gray
                levels 0..1; ``distance`` (B, 2, H, W), signed distance to the outlines of the bones, px.

        Returns:
            ``image`` (B, 1, H, W), soft tissue around the bones; ``masks`` (B, 2, H, W) as a network is given them;
            ``true_masks``; ``distance`` (B, 2, H, W), the signed distance to their outlines, px; ``layers``
            (B, 2, H, W), the true layers, soft tissue where there is no bone; ``soft_tissue`` k (B, 1, 1, 1).
        """
        image = joints["image"]
        kind = torch.rand(image.shape[0], 1, 1, 1, device=image.device)
        natural = kind < self.natural.share
        tapered = ~natural & (kind < self.natural.share + self.tapered.share)
        pair = self.pairing(joints, natural)
        within, true_masks = pair.within, (pair.within > 0).float()
        overlap = overlap_of(true_masks).float()
        area = overlap.sum(dim=(2, 3), keepdim=True).clamp(min=1.0)

        def soft_tissue(under: Tensor) -> Tensor:
            return attenuation((under * overlap).sum(dim=(2, 3), keepdim=True) / area)

        soft = soft_tissue(pair.tissue)
        # A bone from another joint leaves the soft tissue of its own joint behind.
        left_behind = torch.where(pair.foreign, soft_tissue(pair.under), soft)
        absorbed = (attenuation(pair.gray) - left_behind) * pair.gain * true_masks
        absorbed = torch.where(tapered, self.tapered.thin(absorbed, within), absorbed)
        # No ray absorbs less than nothing.
        absorbed = (soft + absorbed).clamp(min=0.0) - soft
        around = (attenuation(pair.gray) - attenuation(pair.under)).clamp(min=0.0) * pair.gain
        absorbed = absorbed + self.natural.rim(around, within) * natural
        under_bone = torch.where(true_masks.amax(dim=1, keepdim=True) > 0, soft, attenuation(pair.tissue))
        total = (under_bone + absorbed.sum(dim=1, keepdim=True)).clamp(min=0.0)
        given = self.mask_jitter(within)
        degraded, exposure = self.degradation(total, within)
        layers = torch.where(natural, self.natural.layers(absorbed, total, soft, given), soft + absorbed)
        composed = {
            "image": degraded,
            "masks": (given > 0).float(),
            "true_masks": true_masks,
            "distance": within,
            "layers": gray_level(layers * exposure),
        }
        mirrors = happens(image, self.mirrored)
        composed = {key: torch.where(mirrors, x.flip(-1), x) for key, x in composed.items()}
        return {**composed, "soft_tissue": gray_level(soft * exposure)}
