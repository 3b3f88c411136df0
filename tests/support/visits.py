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

"""Visits of drawn joints with known changes and noise of their own, for tests of the measurement."""

import math
from dataclasses import replace

import numpy as np
import torch
from scipy.ndimage import map_coordinates
from torch import Tensor

from scripts.inference.regions import Region
from scripts.inference.split import SeparatedRegion, split_region
from scripts.measurement.adjusted_joint import JointLayers, adjust, joint_layers
from scripts.measurement.joint_image import JointImage
from scripts.measurement.registration import turned
from scripts.phantoms.joint import Phantom, draw_joint
from scripts.physics import attenuation, gray_level

NOISE = 0.014


def quiet_joint(seed: int = 5, overlap: float = 4.0) -> JointLayers:
    """A drawn joint of 256 px, taken apart, without noise."""
    drawn = draw_joint(seed, overlap=overlap, noise=0.0)
    tissue = torch.where(drawn.masks.any(dim=0), torch.tensor(drawn.soft_tissue), drawn.image[0])
    return joint_layers(torch.where(drawn.masks, drawn.layers, tissue), tissue, drawn.masks)


def visit(
    joint: JointLayers, seed: int, *, change: float = 0.0, gain: float = 1.0, turn: float = 0.0, noise: float = NOISE
) -> JointImage:
    """A joint at one visit: its space wider by ``change`` px, the hand turned to the right, noise of its own."""
    adjusted = adjust(joint, change)
    layers = np.stack([turned_plane(plane, turn) for plane in (adjusted.tissue + adjusted.bones).numpy()])
    masks = np.stack([turned_plane(plane, turn, order=1) for plane in adjusted.masks.numpy().astype(np.float32)]) > 0.5
    grain = np.random.default_rng(seed).standard_normal(layers.shape) * noise * np.exp(layers / 2)
    return JointImage(
        layers=(gain * (layers + grain)).astype(np.float32),
        masks=masks,
        usable=np.ones(masks.shape[1:], bool),
        angle=joint.angle + turn,
    )


def drawn_visit(joint: int, seed: int, *, size: int, overlap: float) -> Phantom:
    """A joint drawn at one visit, with noise of its own: :func:`draw_joint` repeats that of the joint."""
    drawn = draw_joint(joint, size=size, overlap=overlap, noise=0.0)
    through = attenuation(drawn.image.double())
    grain = torch.from_numpy(np.random.default_rng(seed).standard_normal(through.shape)) * NOISE * (through / 2).exp()
    return replace(drawn, image=gray_level((through + grain).clamp(min=0.0)).float())


def turned_plane(
    plane: np.ndarray, degrees: float, shift: tuple[float, float] = (0.0, 0.0), order: int = 3
) -> np.ndarray:
    """A plane turned to the right about its middle, then shifted (down, across)."""
    if not degrees and not any(shift):
        return plane
    middle = (np.array(plane.shape)[:, None] - 1) / 2
    at = np.mgrid[: plane.shape[0], : plane.shape[1]].reshape(2, -1) - middle - np.array(shift)[:, None]
    where = turned(at, -math.radians(degrees)) + middle
    return np.asarray(map_coordinates(plane, where, order=order, mode="nearest")).reshape(plane.shape)


def separated(image: Tensor, masks: Tensor, *, angle: float = 0.0, soft_tissue: float = 0.25) -> SeparatedRegion:
    """A picture (H, W), gray levels 0..1, in 16 bits, shared equally where its bones meet."""
    levels = (image * 65535).round().to(torch.int32)
    region = Region(
        name="joint",
        file="joint.png",
        image=image[None],
        levels=levels,
        bits_stored=16,
        black=0.0,
        white=65535,
        notes=(),
        masks=masks,
    )
    pred = torch.stack([image, image, *masks.float(), torch.full_like(image, 0.5), torch.full_like(image, soft_tissue)])
    return split_region(region, pred, angle=angle)
