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


"""Pairs of a layer and a single bone for a reading test, alike in place, joint, width and gray level."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from scripts.errors import InputError
from scripts.evaluation.realism import Bones, Location, bones_of, cut, locate, outline
from scripts.physics import LOWER, UPPER, overlap_of

OTHER_JOINT = 20.0
"""How much worse another joint of the hand is, in px of width or gray levels of 255."""
SAME_CASE = 1e6
"""How much worse a bone of the same joint of the same person is: it is never taken."""

BONE_NAMES = {LOWER: "lower", UPPER: "upper"}


class Joints(NamedTuple):
    """Joints of one kind, with both bones.

    Attributes:
        layers: (N, 2, H, W), gray levels 0..1, lower and upper bone.
        masks: (N, 2, H, W), 0 or 1.
        datalist: ``name``, ``case``, ``hand`` and ``joint`` of each.
    """

    layers: Tensor
    masks: Tensor
    datalist: Sequence[Mapping[str, Any]]

    def take(self, chosen: Sequence[int]) -> "Joints":
        """Return some of the joints."""
        at = torch.tensor(chosen, dtype=torch.long)
        return Joints(self.layers[at], self.masks[at], [self.datalist[number] for number in chosen])


class Item(NamedTuple):
    """One picture of a reading test, with its truth.

    Attributes:
        picture: (H, W), gray levels 0..1, zero outside the bone.
        made: a layer of an overlap; if not, a single bone.
        bone: ``LOWER`` or ``UPPER``.
        thickest_px: thickest column of the overlap; of a single bone that of the overlap it is paired with.
        entry: of the joint in its datalist.
    """

    picture: Tensor
    made: bool
    bone: int
    thickest_px: int
    entry: Mapping[str, Any]


def one_of_each_case_first(datalist: Sequence[Mapping[str, Any]], rng: np.random.Generator) -> list[int]:
    """Return the numbers of all joints in a random order in which no case comes again before all others have come."""
    seen: dict[str, int] = {}
    turns = []
    for at in rng.permutation(len(datalist)).tolist():
        case = datalist[at]["case"]
        turns.append((seen.setdefault(case, 0), at))
        seen[case] += 1
    return [at for _, at in sorted(turns, key=lambda turn: turn[0])]


def pair(overlapping: Joints, apart: Joints, bone: int, count: int, rng: np.random.Generator) -> list[Item]:
    """Return ``count`` layers of overlaps and as many single bones, each layer followed by its single bone.

    Of all ways to pair them, it is the one whose pairs differ least; see :func:`differences`.

    Args:
        overlapping: joints with their separated layers.
        apart: joints of which each layer is the image.
        bone: ``LOWER`` or ``UPPER``.
        count: of the layers; all visits of a joint are used only if there are too few joints.
        rng: draws the overlaps.

    Raises:
        InputError: there are not so many of either.
    """
    if count < 1:
        raise InputError(f"pairs: expected 1 or more, got {count}")
    for kind, joints in (("overlapping joints", overlapping), ("joints that do not overlap", apart)):
        there = len(joints.datalist)
        if there < count:
            raise InputError(f"pairs: expected at most {there}, as many as there are {kind}, got {count}")
    chosen = overlapping.take(one_of_each_case_first(overlapping.datalist, rng)[:count])
    bones = bones_of(chosen.layers, chosen.masks, chosen.datalist, bone)
    singles = bones_of(apart.layers, apart.masks, apart.datalist, bone)
    both = overlap_of(chosen.masks)
    overlaps = bones_of(both.expand_as(chosen.masks).float(), chosen.masks, chosen.datalist, bone).layers > 0
    locations = [locate(overlaps[at], bones.masks[at], bone) for at in range(count)]
    cost = differences(bones, singles, overlaps, locations, bone)
    rows, columns = linear_sum_assignment(cost)
    if (cost[rows, columns] >= SAME_CASE).any():
        raise InputError(f"pairs: expected single bones of other joints for {count} overlaps, got too few of them")
    thickest = both[:, 0].sum(dim=1).amax(dim=1).int().tolist()
    items = []
    for at, other in zip(rows.tolist(), columns.tolist(), strict=True):
        made = cut(bones.layers[at], bones.masks[at], bone, locations[at])[0]
        real = cut(singles.layers[other], singles.masks[other], bone, locations[at])[0]
        items += [
            Item(made, True, bone, thickest[at], bones.entries[at]),
            Item(real, False, bone, thickest[at], singles.entries[other]),
        ]
    return items


def differences(bones: Bones, singles: Bones, overlaps: Tensor, locations: Sequence[Location], bone: int) -> np.ndarray:
    """Return how much each single bone differs from each layer, (layers, single bones).

    The sum of the difference in width, px, in mean gray level of the patches outside the overlap, levels of 255, and
    :data:`OTHER_JOINT` if it is another joint of the hand.

    Args:
        bones: layers.
        singles: single bones.
        overlaps: (N, H, W) bool, of the layers.
        locations: of the overlaps in their bones.
        bone: ``LOWER`` or ``UPPER``.
    """
    widths = [[len(outline(mask, bone)[1]) for mask in kind.masks] for kind in (bones, singles)]
    cost = np.abs(np.subtract.outer(*widths)).astype(float)
    for at, location in enumerate(locations):
        entry, beside = bones.entries[at], cut((~overlaps[at]).float(), bones.masks[at], bone, location) > 0
        own = mean_gray(cut(bones.layers[at] * ~overlaps[at], bones.masks[at], bone, location), beside)
        for number, other in enumerate(singles.entries):
            gray = mean_gray(cut(singles.layers[number], singles.masks[number], bone, location), beside)
            cost[at, number] += 255.0 * abs(own - gray) + OTHER_JOINT * (entry["joint"] != other["joint"])
            cost[at, number] += SAME_CASE * (entry["case"] == other["case"])
    return cost


def mean_gray(patch: Tensor, where: Tensor) -> float:
    """Return the mean gray level of a bone in a patch (1, H, W), zero outside it, within ``where``; 0 without one."""
    inside = (patch > 0) & where
    return float(patch[inside].mean()) if inside.any() else 0.0
