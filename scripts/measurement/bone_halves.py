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

"""Halves of a bone, registered by themselves: where they disagree, the bone shows another side of itself."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from scripts.measurement.registration import SCALES, Bone, Motion, register

LEAST = 1500
"""Px of the smallest half that is looked at: less of a bone does not tell where it lies."""


def halves_apart(
    fixed: Bone, moving: Bone, motion: Motion, *, at: np.ndarray, axis: np.ndarray, like: Motion | None = None
) -> list[float]:
    """Return how far each half of a bone lies from where the whole bone is found, px along an axis.

    Args:
        fixed, moving: the bone at both visits.
        motion: of the whole bone.
        at: the point of the first visit at which it is read.
        axis: unit vector at the second visit.
        like: as :func:`~scripts.measurement.registration.register` takes it.
    """
    whole = motion.of(at, fixed, moving)
    found = (register(half, moving, near=motion, like=like, scales=SCALES[-1:]) for half in _halves(fixed))
    return [float((each.of(at, fixed, moving) - whole) @ axis) for each in found]


def _halves(bone: Bone) -> Iterator[Bone]:
    """Return the left, right, far and near half of a bone, those that are large enough."""
    points = np.indices(bone.region.shape) - np.reshape(bone.about, (2, 1, 1))
    down, right = bone.axis
    along, across = (np.tensordot(vector, points, 1) for vector in (bone.axis, np.array([right, -down])))
    far = along < np.median(along[bone.region])
    for half in (across < 0, across >= 0, far, ~far):
        if (bone.region & half).sum() >= LEAST:
            yield replace(bone, region=bone.region & half)
