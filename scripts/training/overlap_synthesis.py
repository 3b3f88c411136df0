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

import torch
from torch import Tensor
from torch.nn.functional import interpolate, pad

from scripts.physics import LOWER, UPPER, attenuation, gray_level, overlap_of
from scripts.training.warp import place, placement, rows_apart

Range = tuple[float, float]

JOINT_KEYS = ("image", "background", "distance")
"""What the synthesis reads of a joint."""


def uniform(like: Tensor, bounds: Range) -> Tensor:
    """One number an image, (B, 1, 1, 1), uniform in ``bounds``."""
    return torch.empty(like.shape[0], 1, 1, 1, device=like.device).uniform_(*bounds)


def happens(like: Tensor, probability: float) -> Tensor:
    """One coin an image, (B, 1, 1, 1) bool."""
    return torch.rand(like.shape[0], 1, 1, 1, device=like.device) < probability


def wobble(like: Tensor, cells: int = 8) -> Tensor:
    """A smooth random field, (B, 1, H, W), standard normal at ``cells`` x ``cells`` points."""
    points = torch.randn(like.shape[0], 1, cells, cells, device=like.device)
    return interpolate(points, like.shape[-2:], mode="bilinear", align_corners=True)


def smoothstep(x: Tensor) -> Tensor:
    """0 below 0, 1 above 1, smooth between: ``x^2 (3 - 2 x)``."""
    x = x.clamp(0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)


def soften(x: Tensor) -> Tensor:
    """Gaussian blur of 3x3 px, (B, 1, H, W)."""
    x = pad(x, [1, 1, 1, 1], mode="replicate")
    x = 0.25 * (x[:, :, :-2] + x[:, :, 2:]) + 0.5 * x[:, :, 1:-1]
    return 0.25 * (x[..., :-2] + x[..., 2:]) + 0.5 * x[..., 1:-1]


def taper(bone: Tensor, within: Tensor, other: Tensor, *, width: Tensor, power: Tensor, reach: Tensor) -> Tensor:
    """Thin a bone towards its outline, in and near the overlap, as real bones thin at their lips.

    In the overlap ``b`` becomes ``max(b, 0) * ramp`` with ``ramp = clip(within / width, 0, 1) ** power``; away from it
    the effect fades by a smoothstep, for a ramp that stops at the overlap's border would make a step of its own.

    Args:
        bone: (B, 1, H, W), the bone's attenuation above the soft tissue.
        within: (B, 1, H, W), distance to the bone's own outline, px, positive inside.
        other: (B, 1, H, W), distance to the other bone's outline, px, positive inside it.
        width: of the ramp, px, (B, 1, 1, 1), as are the others.
        power: exponent of the ramp.
        reach: px from the overlap within which the effect fades out.
    """
    ramp = (within / width).clamp(0.0, 1.0) ** power
    near = smoothstep(1.0 + other / reach)
    return bone + near * (bone.clamp(min=0.0) * ramp - bone)


class OverlapSynthesis:
    """Make a batch of overlaps with known layers out of a batch of joints whose bones do not overlap.

    The lower bone of each joint meets the upper bone of the same joint, or of another of the batch; both are turned,
    enlarged and brought together, and the composed image follows the physics of :mod:`scripts.physics`. All of it
    happens on the batch's device, with torch's random numbers.

    Args:
        depth: how deep the bones reach into each other, px; small depths are drawn more often.
        shift: if given, move the upper bone down and the lower bone up by so many whole px each (the paper: 2..8),
            whatever depth results.
        crossed: share of joints whose upper bone comes from another joint of the batch.
        mirrored: share of mirrored composites.
        angle: degrees by which both bones turn together, at most; crossed bones turn half as much by themselves.
        zoom: enlargement of both bones.
        slide: px to the side by which the upper bone leaves the lower one, at most.
        natural: share of composites of whole bones, whose soft edges reach beyond the masks, as in real overlaps; their
            layers are :meth:`seamless`.
        rim_width: px outside the mask within which a whole bone's edge fades out.
        seam_width: px inside its outline within which a bone takes up its share of a natural overlap.
        tapered: share of composites whose bones thin towards their outline; the rest is cut hard along the masks.
        taper_width: px of the ramp.
        taper_power: exponent of the ramp.
        taper_reach: px from the overlap within which the thinning fades out.
        gain: factor on each bone's attenuation.
        exposure: factor on the whole image's attenuation.
        dilation: px by which the drawn masks grow before the bones are cut out along them.
        mask_jitter: share of composites whose masks, as the network is given them, are off.
        mask_jitter_px: masks drawn too small (below 0) or too large by so many px. Mostly too large: a real bone's lips
            are soft, and a network that often meets masks too small takes soft lips for one and leaves a step there.
        blurred_rim: share of composites with a blurred rim of the overlap (the paper).
        noise: standard deviation of the image's noise, gray levels 0..1, at most.
        levels: the composed image is rounded to 1 / levels, as 8-bit files are; 0 leaves it as it is.

    Source:
        Wang et al., BLS-GAN, AAAI 2025, section "Synthetic pre-training"; pairing, taper, gain and jitter are ours.
    """

    def __init__(
        self,
        *,
        depth: Range = (2.0, 26.0),
        shift: Range | None = None,
        crossed: float = 0.5,
        mirrored: float = 0.5,
        angle: float = 9.0,
        zoom: Range = (0.85, 1.2),
        slide: float = 6.0,
        natural: float = 0.33,
        rim_width: float = 5.0,
        seam_width: float = 5.0,
        tapered: float = 0.3,
        taper_width: Range = (2.0, 14.0),
        taper_power: Range = (0.5, 1.5),
        taper_reach: Range = (6.0, 20.0),
        gain: Range = (0.85, 1.2),
        exposure: Range = (0.8, 1.25),
        dilation: Range = (0.0, 1.5),
        mask_jitter: float = 0.35,
        mask_jitter_px: Range = (-0.8, 1.8),
        blurred_rim: float = 0.35,
        noise: float = 0.006,
        levels: int = 255,
    ) -> None:
        self.depth, self.shift, self.slide = depth, shift, slide
        self.crossed, self.mirrored, self.angle, self.zoom = crossed, mirrored, angle, zoom
        self.natural, self.rim_width, self.seam_width, self.tapered = natural, rim_width, seam_width, tapered
        self.taper_width, self.taper_power, self.taper_reach = taper_width, taper_power, taper_reach
        self.gain, self.exposure = gain, exposure
        self.dilation, self.mask_jitter, self.mask_jitter_px = dilation, mask_jitter, mask_jitter_px
        self.blurred_rim, self.noise, self.levels = blurred_rim, noise, levels

    @torch.no_grad()
    def __call__(self, joints: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Compose one overlap for each joint.

        Args:
            joints: ``image`` (B, 1, H, W) and ``background`` (B, 1, H, W), its soft tissue without the bones, gray
                levels 0..1; ``distance`` (B, 2, H, W), signed distance to the outlines of the bones, px.

        Returns:
            ``image`` (B, 1, H, W), soft tissue around the bones; ``masks`` (B, 2, H, W) as a network is given them;
            ``true_masks``; ``layers`` (B, 2, H, W), the true layers, soft tissue where there is no bone;
            ``soft_tissue`` k (B, 1, 1, 1).
        """
        image, background = joints["image"], joints["background"]
        kind = torch.rand(image.shape[0], 1, 1, 1, device=image.device)
        natural, tapered = kind < self.natural, (kind >= self.natural) & (kind < self.natural + self.tapered)
        within, tissue, pairs = self.meet(image, background, joints["distance"], natural)
        true_masks = (within > 0).float()
        overlap = overlap_of(true_masks).float()
        area = overlap.sum(dim=(2, 3), keepdim=True).clamp(min=1.0)

        def soft_tissue(under: Tensor) -> Tensor:
            return attenuation((under * overlap).sum(dim=(2, 3), keepdim=True) / area)

        soft = soft_tissue(tissue)
        bones, rims = [], []
        for gray, under, foreign in pairs:
            # A bone from another joint leaves the soft tissue of its own joint behind.
            left_behind = torch.where(foreign, soft_tissue(under), soft)
            gain = uniform(image, self.gain)
            bones.append((attenuation(gray) - left_behind) * gain)
            rims.append((attenuation(gray) - attenuation(under)).clamp(min=0.0) * gain)
        absorbed = torch.cat(bones, dim=1) * true_masks
        absorbed = torch.where(tapered, self.thin(absorbed, within), absorbed)
        # No ray absorbs less than nothing.
        absorbed = (soft + absorbed).clamp(min=0.0) - soft
        rim = torch.cat(rims, dim=1) * (1.0 - true_masks) * (1.0 + within / self.rim_width).clamp(0.0, 1.0) * natural
        absorbed = absorbed + rim
        under_bone = torch.where(true_masks.amax(dim=1, keepdim=True) > 0, soft, attenuation(tissue))
        total = (under_bone + absorbed.sum(dim=1, keepdim=True)).clamp(min=0.0)
        given = self.jitter(within)
        exposure = uniform(image, self.exposure)
        made = {
            "image": self.degrade(gray_level(total * exposure), within),
            "masks": (given > 0).float(),
            "true_masks": true_masks,
            "layers": gray_level(
                torch.where(natural, self.seamless(absorbed, total, soft, given), soft + absorbed) * exposure
            ),
        }
        mirrors = happens(image, self.mirrored)
        made = {key: torch.where(mirrors, x.flip(-1), x) for key, x in made.items()}
        return {**made, "soft_tissue": gray_level(soft * exposure)}

    def meet(
        self, image: Tensor, background: Tensor, distance: Tensor, natural: Tensor
    ) -> tuple[Tensor, Tensor, list[tuple[Tensor, Tensor, Tensor]]]:
        """Bring a lower and an upper bone together.

        Returns:
            Signed distances to both outlines (B, 2, H, W); the soft tissue around (B, 1, H, W); for the lower and the
            upper bone its image, its own soft tissue, and whether it comes from another joint (B, 1, 1, 1).
        """
        batch, _, height, width = image.shape
        itself = torch.arange(batch, device=image.device)
        crosses = happens(image, self.crossed)
        other = torch.where(crosses.flatten(), itself.roll(1), itself)
        angle, zoom = uniform(image, (-self.angle, self.angle)), uniform(image, self.zoom)
        turned = angle + crosses * uniform(image, (-0.5 * self.angle, 0.5 * self.angle))
        slide = uniform(image, (-self.slide, self.slide))
        still = torch.zeros_like(slide)
        dilation = torch.where(happens(image, 0.5), 1.0, uniform(image, self.dilation)).clamp(*self.dilation)
        # Masks of real overlaps are as drawn: halfway up a bone's soft edge.
        dilation = torch.where(natural, 0.0, dilation)
        lower_distance, upper_distance = distance[:, LOWER, None], distance[other][:, UPPER, None]

        if self.shift is None:
            # Every second column tells well enough how far apart the bones are.
            apart = [
                place(x, placement(a, zoom, right, still, height, width), height, width // 2) * zoom + dilation
                for x, a, right in ((lower_distance, angle, still), (upper_distance, turned, slide))
            ]
            deep = self.depth[0] + (self.depth[1] - self.depth[0]) * uniform(image, (0.0, 1.0)) ** 1.5
            approach = rows_apart(torch.cat(apart, dim=1)) - 1.0 + deep
            down = approach * uniform(image, (0.3, 0.7))
            up = approach - down
        else:
            low, high = self.shift
            down, up = uniform(image, (low, high + 1)).floor(), uniform(image, (low, high + 1)).floor()

        lower = placement(angle, zoom, still, -up, height, width)
        upper = placement(turned, zoom, slide, down, height, width)
        lower_all = place(torch.cat([image, background, lower_distance], dim=1), lower, height, width)
        upper_all = place(torch.cat([image[other], background[other], upper_distance], dim=1), upper, height, width)
        tissue = place(background, placement(angle, zoom, still, still, height, width), height, width)
        within = torch.cat([lower_all[:, 2:], upper_all[:, 2:]], dim=1) * zoom + dilation
        nobody = torch.zeros_like(crosses)
        pairs = [(lower_all[:, :1], lower_all[:, 1:2], nobody), (upper_all[:, :1], upper_all[:, 1:2], crosses)]
        return within, tissue, pairs

    def thin(self, absorbed: Tensor, within: Tensor) -> Tensor:
        """Taper both bones, each with a ramp of its own; (B, 2, H, W)."""
        return torch.cat(
            [
                taper(
                    absorbed[:, bone, None],
                    within[:, bone, None],
                    within[:, other, None],
                    width=uniform(absorbed, self.taper_width),
                    power=uniform(absorbed, self.taper_power),
                    reach=uniform(absorbed, self.taper_reach),
                )
                for bone, other in ((LOWER, UPPER), (UPPER, LOWER))
            ],
            dim=1,
        )

    def seamless(self, absorbed: Tensor, total: Tensor, soft: Tensor, given: Tensor) -> Tensor:
        """Attenuation of the layers that a soft-edged overlap can be given without a step at its border; (B, 2, H, W).

        Outside the overlap of the given masks a layer is the image, with the other bone's rim in it. So that the layer
        goes over into that, each bone begins with nothing at its given outline and has its true share ``seam_width`` px
        further in; both shares always add up to the image.
        """
        start = smoothstep(given / self.seam_width).clamp(min=1e-3)
        lower, upper = (absorbed.clamp(min=1e-3) * start).chunk(2, dim=1)
        bone = total - soft
        shared = torch.cat([lower, upper], dim=1) / (lower + upper) * bone
        inside = (given > 0).float()
        return soft + torch.where(overlap_of(inside), shared, bone * inside)

    def jitter(self, within: Tensor) -> Tensor:
        """Distances to outlines as a hand or a network draws them: grown or shrunk, here and there; (B, 2, H, W)."""
        low, high = self.mask_jitter_px
        off = [
            (uniform(within, self.mask_jitter_px) + 0.25 * (high - low) * wobble(within)).clamp(low, high)
            for _ in (LOWER, UPPER)
        ]
        return within + happens(within, self.mask_jitter) * torch.cat(off, dim=1)

    def degrade(self, image: Tensor, within: Tensor) -> Tensor:
        """Blur the overlap's rim of some composites, add noise, round to the file's gray levels."""
        rim = within.amin(dim=1, keepdim=True).abs() < 2.5
        image = torch.where(happens(image, self.blurred_rim) & rim, soften(image), image)
        image = image + uniform(image, (0.0, self.noise)) * happens(image, 0.5) * torch.randn_like(image)
        image = image.clamp(0.0, 1.0)
        return (image * self.levels).round() / self.levels if self.levels else image
