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

"""Real overlaps, whose layers are unknown, and batches that mix them with synthetic ones."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from monai.networks.utils import eval_mode
from torch import Tensor, nn

from scripts.physics import FOUND_OVERLAP, attenuation, gray_level, zone_of
from scripts.training.mask_jitter import MaskJitter
from scripts.training.overlap_synthesis import JOINT_KEYS
from scripts.training.random_draws import Range, happens, uniform
from scripts.training.warp import warp, warp_matrix

Synthesis = Callable[[Mapping[str, Tensor]], dict[str, Tensor]]


@dataclass(frozen=True, kw_only=True)
class RealOverlaps:
    """Real overlaps, varied as :class:`~scripts.training.overlap_synthesis.OverlapSynthesis` varies its composites.

    Args:
        mirrored: share of mirrored images.
        angle: degrees by which they turn, at most.
        zoom: enlargement.
        exposure: factor on the image's attenuation.
        mask_jitter: errors of the masks that the network is given.
    """

    mirrored: float = 0.5
    angle: float = 9.0
    zoom: Range = (0.85, 1.2)
    exposure: Range = (0.8, 1.25)
    mask_jitter: MaskJitter = field(default_factory=MaskJitter)

    @torch.no_grad()
    def __call__(self, joints: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Vary each joint once.

        Args:
            joints: ``image`` (B, 1, H, W), gray levels 0..1; ``distance`` (B, 2, H, W), signed distance to the outlines
                of the bones, px.

        Returns:
            ``image`` (B, 1, H, W); ``masks`` (B, 2, H, W) as a network is given them; ``true_masks``, as drawn;
            ``distance`` (B, 2, H, W), the signed distance to their outlines, px.
        """
        image = joints["image"]
        height, width = image.shape[-2:]
        zoom, still = uniform(image, self.zoom), torch.zeros_like(image[:, :1, :1, :1])
        turned = warp_matrix(uniform(image, (-self.angle, self.angle)), zoom, still, still, height, width)
        gray, distance = warp(torch.cat([image, joints["distance"]], dim=1), turned, height, width).split((1, 2), dim=1)
        within = distance * zoom
        varied = {
            "image": gray_level(attenuation(gray) * uniform(image, self.exposure)),
            "masks": (self.mask_jitter(within) > 0).float(),
            "true_masks": (within > 0).float(),
            "distance": within,
        }
        mirrors = happens(image, self.mirrored)
        return {key: torch.where(mirrors, x.flip(-1), x) for key, x in varied.items()}


@dataclass(frozen=True)
class MixedOverlaps:
    """Batches of overlaps: joints that overlap stay as they are, overlaps are composed from the others.

    Args:
        synthesis: for joints that do not overlap, e.g. :class:`~scripts.training.overlap_synthesis.OverlapSynthesis`.
        real: for joints that do.
    """

    synthesis: Synthesis
    real: Synthesis

    @torch.no_grad()
    def __call__(self, joints: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return one overlap for each joint, synthetic ones first.

        Args:
            joints: ``image``, ``background`` (B, 1, H, W) and ``distance`` (B, 2, H, W), see
                :class:`~scripts.training.overlap_synthesis.OverlapSynthesis`.

        Returns:
            The keys of the synthesis; ``layers`` and ``soft_tissue`` of real overlaps are zero; ``known`` (B, 1, 1, 1)
            bool is true where the layers are known.
        """
        overlaps = (joints["distance"] > 0).all(dim=1).sum(dim=(1, 2)) >= FOUND_OVERLAP
        parts = []
        for chosen, compose in ((~overlaps, self.synthesis), (overlaps, self.real)):
            if chosen.any():
                part = compose({key: joints[key][chosen] for key in JOINT_KEYS})
                known = torch.full_like(part["image"][:, :1, :1, :1], float("layers" in part)) > 0
                part.setdefault("layers", torch.zeros_like(part["masks"]))
                part.setdefault("soft_tissue", torch.zeros_like(part["image"][:, :1, :1, :1]))
                parts.append({**part, "known": known})
        return {key: torch.cat([part[key] for part in parts]) for key in parts[0]}


@dataclass(frozen=True)
class ProposedMasks:
    """Overlaps of which some have the masks that a segmenter proposes, as they have where nobody draws any.

    Args:
        overlaps: composes a batch, e.g. :class:`MixedOverlaps`.
        segmenter: not trained, see :class:`scripts.networks.segmenter.Segmenter`.
        share: share of images with its masks; where its bones do not meet, the given ones stay.
    """

    overlaps: Synthesis
    segmenter: nn.Module
    share: float = 0.3

    @torch.no_grad()
    def __call__(self, joints: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return one overlap for each joint, with the keys of ``overlaps``."""
        composed = self.overlaps(joints)
        chosen = torch.nonzero(happens(composed["image"], self.share).flatten()).flatten()
        if len(chosen):
            with eval_mode(self.segmenter):
                proposed = (self.segmenter(composed["image"][chosen]) > 0).float()
            meets = zone_of(proposed).flatten(1).any(dim=1)
            composed["masks"] = composed["masks"].index_copy(0, chosen[meets], proposed[meets])
        return composed
