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

"""Realism of layers: matched patches of real overlaps and of single bones, a classifier's AUC, Frechet distance."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from monai.metrics import FIDMetric
from sklearn.metrics import roc_auc_score
from torch import Tensor
from torch.nn.functional import pad

from scripts.datasets.test_sets import RealJoints, Yardstick
from scripts.evaluation.bootstrap import interval
from scripts.evaluation.comparison import Comparison
from scripts.evaluation.patch_classifier import features, held_out_scores
from scripts.evaluation.tables import Row, write_table
from scripts.networks.separator import Separator
from scripts.physics import LOWER, UPPER, overlap_of

logger = logging.getLogger(__name__)

PATCH = (64, 128)
"""Rows and columns of a patch, px: multiples of 32, as the segmenter asks."""
HEAD = 60
"""Rows of a bone next to the joint by which its middle and its width are measured, px."""

CONTROL = "single bones, other single bones"
AROUND = "the image around the overlaps, these blacked out"


class Location(NamedTuple):
    """Position in a bone: px to the side of the bone's middle, px inside its outline at the joint."""

    aside: float
    depth: float


class Bones(NamedTuple):
    """One bone of several joints, hands mirrored to face the same way."""

    layers: Tensor  # (N, H, W), gray levels 0..1, zero outside the bone
    masks: Tensor  # (N, H, W) bool
    entries: list[Mapping[str, Any]]
    """``case``, ``hand`` and ``joint`` of each, as in a datalist."""

    @property
    def cases(self) -> list[str]:
        """Return the case of each bone."""
        return [entry["case"] for entry in self.entries]


class Patches(NamedTuple):
    """Patches of one bone."""

    pictures: Tensor  # (N, 1, *PATCH), gray levels 0..1
    cases: list[str]

    def times(self, masks: Tensor) -> "Patches":
        """Return the same patches, black where masks (N, 1, *PATCH) are zero."""
        return Patches(self.pictures * masks, self.cases)


def bones_of(layers: Tensor, masks: Tensor, entries: Sequence[Mapping[str, Any]], bone: int) -> Bones:
    """Take one bone from layers and masks (N, 2, H, W); right hands are mirrored."""
    flips = torch.tensor([entry["hand"] == "R" for entry in entries])[:, None, None]
    inside = masks[:, bone] > 0.5
    layer = layers[:, bone].float() * inside
    layer, inside = (torch.where(flips, x.flip(-1), x) for x in (layer, inside))
    return Bones(layer, inside, list(entries))


def outline(mask: Tensor, bone: int) -> tuple[Tensor, Tensor]:
    """Return the row of the outline facing the joint in each column of a mask (H, W), and the bone's columns there."""
    facing = mask if bone == LOWER else mask.flip(0)
    rows = facing.int().argmax(dim=0)
    there = facing.any(dim=0)
    head = facing[: int(rows[there].min()) + HEAD].any(dim=0)
    return (rows if bone == LOWER else mask.shape[0] - 1 - rows), torch.nonzero(head).flatten()


def locate(overlap: Tensor, mask: Tensor, bone: int) -> Location:
    """Locate the middle of an overlap (H, W) in a bone."""
    where = torch.nonzero(overlap).float().mean(dim=0)
    rows, columns = outline(mask, bone)
    column = int(where[1].round())
    column = min(max(column, int(columns[0])), int(columns[-1]))
    depth = where[0] - rows[column] if bone == LOWER else rows[column] - where[0]
    return Location(float(where[1] - columns.float().mean()), float(depth))


def cut(layer: Tensor, mask: Tensor, bone: int, location: Location) -> Tensor:
    """Cut a patch (1, *PATCH) of a layer (H, W) around a location in its bone; zero beyond the picture."""
    rows, columns = outline(mask, bone)
    column = round(float(columns.float().mean()) + location.aside)
    column = min(max(column, int(columns[0])), int(columns[-1]))
    row = int(rows[column]) + round(location.depth if bone == LOWER else -location.depth)
    half = (PATCH[0] // 2, PATCH[1] // 2)
    padded = pad(layer, [half[1], half[1], half[0], half[0]])
    row = min(max(row, 0), layer.shape[0] - 1)
    return padded[None, row : row + PATCH[0], column : column + PATCH[1]]


def matched(bones: Bones, singles: Bones, bone: int, times: int) -> list[list[int]]:
    """Choose for each bone ``times`` single bones to compare it with: same joint, another case, like width, used least.

    Args:
        bones: to be matched.
        singles: to choose from.
        bone: which bone they are.
        times: how many for each.
    """

    def width(mask: Tensor) -> int:
        return len(outline(mask, bone)[1])

    widths, used = [width(mask) for mask in singles.masks], Counter[int]()
    found = []
    for entry, mask in zip(bones.entries, bones.masks, strict=True):
        own = width(mask)

        def cost(at: int, entry: Mapping[str, Any] = entry, own: int = own) -> tuple[bool, bool, int, int]:
            other = singles.entries[at]
            return other["case"] == entry["case"], other["joint"] != entry["joint"], used[at], abs(widths[at] - own)

        order = sorted(range(len(widths)), key=cost)
        found.append([order[number % len(order)] for number in range(times)])
        used.update(found[-1])
    return found


class Realism:
    """Comparison of the layers of real overlaps, and of controls, with single bones at the same location.

    A classifier (logistic regression on principal components of pixels, oriented gradients and the segmenter's
    features) is trained and tested on different cases; 0.5 means that it cannot tell. The Frechet distance is between
    the patches' features of one depth of the segmenter's encoder.

    Most of a patch is the image itself, and joints that overlap differ from joints that do not. So the classifier is
    also tested with everything but the overlap black, in the single bones' patches as well (``auc_inside``), and, as a
    control, with the overlap black, where all methods are alike.

    Args:
        comparison: on real overlaps, with its layers kept; its methods are judged.
        overlapping: the joints it was measured on.
        apart: joints of the same split that do not overlap: single bones.
        yardsticks: known layers, as controls.
        judge: network whose segmenter gives the features.
        output_dir: for ``realism.json`` and ``realism.csv``.
        matches: single bones for each overlap.
        depth: of the encoder whose features the Frechet distance compares, 0 (finest) to 4.
        folds: of the cross-validation; all images of a case are in one.
        seed: of folds and bootstrap.

    Attributes:
        rows: the table, once it has been run.

    Source:
        Heusel et al., NeurIPS 2017 (Frechet distance of features).
    """

    def __init__(
        self,
        *,
        comparison: Comparison,
        overlapping: RealJoints,
        apart: RealJoints,
        yardsticks: Mapping[str, Yardstick],
        judge: Separator,
        output_dir: str | Path,
        matches: int = 2,
        depth: int = 2,
        folds: int = 5,
        seed: int = 0,
    ) -> None:
        self.comparison, self.overlapping, self.apart, self.yardsticks = comparison, overlapping, apart, yardsticks
        self.judge, self.output_dir = judge, Path(output_dir)
        self.matches, self.depth, self.folds, self.seed = matches, depth, folds, seed
        self.rows: list[Row] = []

    def run(self) -> list[Row]:
        """Measure, write and log the table."""
        apart = [self.apart[at] for at in range(len(self.apart))]
        single_masks = torch.stack([joint["masks"] for joint in apart])
        single_layers = torch.stack([joint["image"] for joint in apart]) * single_masks
        real_masks = torch.stack([self.overlapping[at]["masks"] for at in range(len(self.overlapping))])
        kept = self.comparison.layers.items()
        sources = {name: (layers, real_masks, self.overlapping.datalist) for (_, name), layers in kept}
        for name, yardstick in self.yardsticks.items():
            there = torch.nonzero(overlap_of(yardstick.masks).any(dim=(1, 2, 3))).flatten()
            entries = [yardstick.datalist[at] for at in there]
            sources[f"true layers, {name}"] = (yardstick.layers[there], yardstick.masks[there], entries)
        table: dict[str, Row] = {name: {"layers": name} for name in (*sources, AROUND, CONTROL)}
        for bone, side in ((LOWER, "lower"), (UPPER, "upper")):
            singles = bones_of(single_layers, single_masks, self.apart.datalist, bone)
            for number, (name, (layers, masks, entries)) in enumerate(sources.items()):
                patches, matches, inside = self.patches(layers, masks, entries, singles, bone)
                table[name].update(self.tell(side, patches, matches))
                within = self.tell(side, patches.times(inside), [x.times(inside) for x in matches], "auc_inside")
                table[name].update({key: metric for key, metric in within.items() if key.startswith("auc")})
                if number == 0:
                    around = [x.times(1.0 - inside) for x in (patches, *matches)]
                    table[AROUND].update(self.tell(side, around[0], around[1:]))
                    table[CONTROL].update(self.tell(side, matches[0], matches[1:]))
        self.rows = list(table.values())
        for row in self.rows:
            logger.info("realism | %s", " | ".join(f"{key} {value}" for key, value in row.items()))
        write_table(self.output_dir, "realism", self.rows)
        return self.rows

    def patches(
        self, layers: Tensor, masks: Tensor, entries: Sequence[Mapping[str, Any]], singles: Bones, bone: int
    ) -> tuple[Patches, list[Patches], Tensor]:
        """Cut patches around the overlaps, as many of single bones for each match, and the overlaps (N, 1, *PATCH)."""
        bones = bones_of(layers, masks, entries, bone)
        both = bones_of(overlap_of(masks).expand_as(masks), masks, entries, bone).layers > 0
        locations = [locate(both[at], bones.masks[at], bone) for at in range(len(entries))]
        own, inside = (
            torch.stack([cut(x[at], bones.masks[at], bone, location) for at, location in enumerate(locations)])
            for x in (bones.layers, both.float())
        )
        matches = []
        for numbers in zip(*matched(bones, singles, bone, self.matches), strict=True):
            pairs = zip(numbers, locations, strict=True)
            cuts = [cut(singles.layers[at], singles.masks[at], bone, location) for at, location in pairs]
            matches.append(Patches(torch.stack(cuts), [singles.entries[at]["case"] for at in numbers]))
        return Patches(own, bones.cases), matches, inside

    def tell(self, side: str, patches: Patches, others: Sequence[Patches], name: str = "auc") -> Row:
        """Return AUC with its interval, and Frechet distance, of patches against others; none if they are too few."""
        pictures = torch.cat([patches.pictures, *(x.pictures for x in others)])
        cases = [*patches.cases, *(case for x in others for case in x.cases)]
        truth = np.arange(len(pictures)) < len(patches.cases)
        deep = features(self.judge, pictures)
        row: Row = {f"patches_{side}": len(patches.cases)}
        if min(len(set(patches.cases)), len({case for x in others for case in x.cases})) < self.folds:
            return row
        scores = held_out_scores(pictures, deep, truth, cases, folds=self.folds, seed=self.seed)

        def auc(chosen: np.ndarray) -> float:
            one_kind = truth[chosen].all() or not truth[chosen].any()
            return float("nan") if one_kind else float(roc_auc_score(truth[chosen], scores[chosen]))

        low, high = interval(auc, cases, seed=self.seed)
        # Each feature in units of its spread over the single bones; as many patches on both sides in every row.
        seen, single = deep[self.depth], ~truth
        seen = (seen - seen[single].mean(dim=0)) / seen[single].std(dim=0).clamp(min=1e-6)
        distance = FIDMetric()(seen[truth], seen[-len(others[-1].cases) :])
        metrics = {name: auc(np.arange(len(truth))), "frechet": float(distance)}
        row |= {f"{metric}_{side}": round(value, 4) for metric, value in metrics.items()}
        return row | {f"{name}_{side}_from": round(low, 4), f"{name}_{side}_to": round(high, 4)}
