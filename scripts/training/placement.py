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

"""Placement of a joint in its region: turned, enlarged, off-centre, mirrored, with a neighbour and the skin's edge."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from scripts.physics import attenuation, gray_level
from scripts.training.random_draws import Range, happens, uniform
from scripts.training.warp import warp, warp_matrix


class Pose(NamedTuple):
    """Poses of the joints of a batch in their regions, (B, 1, 1, 1) each."""

    angle: Tensor
    """Degrees clockwise."""
    zoom: Tensor
    """Enlargement."""
    right: Tensor
    """px by which the middle of the joint lies to the right of the region's."""
    down: Tensor
    """px by which it lies below it."""

    def apply(self, x: Tensor) -> Tensor:
        """Resample (B, C, H, W) in this pose; beyond the border it is repeated."""
        height, width = x.shape[-2:]
        return warp(x, warp_matrix(*self, height, width), height, width)

    def beside(self, away: Tensor) -> "Pose":
        """Return the pose of what lies ``away`` px of the joint's own grid to the right, across its axis."""
        turned = torch.deg2rad(self.angle)
        across = away * self.zoom
        return self._replace(right=self.right + across * turned.cos(), down=self.down + across * turned.sin())


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Joints turned, enlarged and moved out of the middle, as a reader's click or a detector leaves them.

    Args:
        angle: degrees by which they turn, at most.
        zoom: enlargement, drawn evenly on a logarithmic scale.
        shift: px to each side by which most lie off the middle, at most.
        far_shift: px to each side by which the others do, at most; the release's 256 px are 23 mm.
        far: share of the others.
        mirrored: share of mirrored joints.
    """

    angle: float = 30.0
    zoom: Range = (0.65, 1.4)
    shift: float = 20.0
    far_shift: float = 55.0
    far: float = 0.15
    mirrored: float = 0.5

    def draw(self, like: Tensor) -> Pose:
        """Draw a pose for each joint of a batch (B, C, H, W)."""
        low, high = (torch.tensor(bound).log().item() for bound in self.zoom)
        reach = torch.where(happens(like, self.far), self.far_shift, self.shift)
        return Pose(
            angle=uniform(like, (-self.angle, self.angle)),
            zoom=uniform(like, (low, high)).exp(),
            right=reach * uniform(like, (-1.0, 1.0)),
            down=reach * uniform(like, (-1.0, 1.0)),
        )

    def mirror(self, *batches: Tensor) -> list[Tensor]:
        """Mirror some joints, the same in each of the batches (B, C, H, W)."""
        mirrors = happens(batches[0], self.mirrored)
        return [torch.where(mirrors, x.flip(-1), x) for x in batches]

    @torch.no_grad()
    def __call__(self, image: Tensor, distance: Tensor) -> tuple[Tensor, Tensor]:
        """Place each joint once.

        Args:
            image: (B, 1, H, W).
            distance: signed distance to the outlines of the bones, (B, 2, H, W), px.

        Returns:
            Both, resampled; distances are again px, of the enlarged image.
        """
        pose = self.draw(image)
        placed = pose.apply(torch.cat([image, distance], dim=1))
        image, distance = self.mirror(placed[:, :1], placed[:, 1:] * pose.zoom)
        return image, distance


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """Surroundings of a joint: the bones of the next finger, and the air beyond the skin.

    Args:
        neighbour: share of joints with another joint of the batch at their side.
        apart: px between the middles of the two joints, before they are enlarged.
        clear: px around a joint's own bones that the neighbour's bones keep free.
        rim: px outside its outline within which the neighbour's edge fades out.
        skin: share of joints with the skin's edge at their side.
        flesh: px between the bones and the skin's edge.
        gap: px to the other side of the air, where the next finger may begin.
    """

    neighbour: float = 0.5
    apart: Range = (150.0, 235.0)
    clear: float = 4.0
    rim: float = 5.0
    skin: float = 0.35
    flesh: Range = (10.0, 70.0)
    gap: Range = (15.0, 200.0)

    @torch.no_grad()
    def __call__(self, placed: Tensor, distance: Tensor, pose: Pose, joints: Tensor) -> Tensor:
        """Return the images with what lies beside their bones.

        Args:
            placed: the images of the joints, (B, 1, H, W), gray levels 0..1.
            distance: signed distance to the outlines of their bones, (B, 2, H, W), px.
            pose: of the joints.
            joints: image, soft tissue and distance to the nearer bone, (B, 3, H, W), before they were placed; the
                neighbour of each is the next one of the batch.
        """
        own = distance.amax(dim=1, keepdim=True)
        side = torch.where(happens(placed, 0.5), 1.0, -1.0)
        next_pose = pose.beside(side * uniform(placed, self.apart))
        image, tissue, other = next_pose.apply(joints.roll(1, 0)).split(1, dim=1)
        bone = (attenuation(image) - attenuation(tissue)).clamp(min=0.0) * (1.0 + other / self.rim).clamp(0.0, 1.0)
        beside = happens(placed, self.neighbour)
        bone = bone * beside * (-own / self.clear - 1.0).clamp(0.0, 1.0)
        flesh = torch.where(happens(placed, self.skin), self.inside_skin(own, pose.angle), 1.0)
        # The next finger has flesh of its own.
        flesh = torch.maximum(flesh, beside * ((other + 30.0) / 15.0).clamp(0.0, 1.0))
        return gray_level(attenuation(placed) * flesh + bone)

    def inside_skin(self, own: Tensor, angle: Tensor) -> Tensor:
        """Return the share of flesh in each ray, (B, 1, H, W): 0 in a band of air at one side of the bones.

        Args:
            own: distance to the outline of the nearer own bone, (B, 1, H, W), px.
            angle: of the joint, degrees, (B, 1, 1, 1).
        """
        rows = torch.arange(own.shape[2], device=own.device, dtype=own.dtype)[:, None]
        columns = torch.arange(own.shape[3], device=own.device, dtype=own.dtype)
        turned = torch.deg2rad(angle + uniform(own, (-12.0, 12.0)))
        side = torch.where(happens(own, 0.5), 1.0, -1.0)
        across = side * (columns * turned.cos() + rows * turned.sin())
        outermost = torch.where(own > 0, across, -1e4).amax(dim=(2, 3), keepdim=True)
        flesh = uniform(own, self.flesh)
        skin, soft = outermost + flesh, torch.minimum(uniform(own, (4.0, 25.0)), flesh)
        begins = ((skin - across) / soft).clamp(0.0, 1.0)
        ends = ((across - skin - uniform(own, self.gap)) / soft).clamp(0.0, 1.0)
        return torch.maximum(begins, ends)
