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

"""Methods side by side: every method on every set of joints, means with intervals, by thickness, seeds together."""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ignite.metrics import Metric
from monai.data import Dataset as Changed
from torch import Tensor, nn
from torch.utils.data import Dataset, Subset

from scripts.datasets.test_sets import Joint
from scripts.evaluation.bootstrap import mean_interval
from scripts.evaluation.measure import measure
from scripts.evaluation.tables import Row, describe, write_csv
from scripts.networks import checkpoints
from scripts.physics import LOWER, UPPER, overlap_of

logger = logging.getLogger(__name__)


BONES = {"lower": LOWER, "upper": UPPER, "both": None}
"""Columns of a figure: each bone, and the mean of both."""


def other_methods(network: Callable[[], nn.Module], others: Mapping[str, str | Sequence[str]]) -> dict[str, Row]:
    """Methods out of files of weights, each with k given and with k left to the network.

    Args:
        network: makes a network that has no weights yet.
        others: by name, a file, or the files of several seeds, which are summarised together.

    Raises:
        FileNotFoundError, ValueError: as :func:`scripts.networks.checkpoints.load`.
    """
    methods: dict[str, Row] = {}
    for name, paths in others.items():
        seeds = [paths] if isinstance(paths, str) else list(paths)
        networks = [checkpoints.load(network(), path).eval() for path in seeds]
        for way, given in ((", k given", ["masks", "soft_tissue"]), ("", ["masks"])):
            for number, loaded in enumerate(networks):
                method = {"network": loaded, "given": given}
                if len(seeds) > 1:
                    methods[f"{name}{way}, seed {number}"] = {**method, "group": f"{name}{way}"}
                else:
                    methods[f"{name}{way}"] = method
    return methods


def thickness(masks: Tensor) -> int:
    """Pixels of the overlap in its thickest column; masks (2, H, W), 0..1."""
    return int(overlap_of(masks[None])[0, 0].sum(dim=0).max())


class Comparison:
    """Measure every method on every set of joints, once; write the tables for people and for programs.

    Args:
        joints: sets of joints by name, each with ``cases``, the joint that an image shows.
        methods: by name, ``network`` and what it is ``given`` (see :func:`scripts.evaluation.measure.measure`); methods
            of one ``group`` are seeds of one training, and have a row of their mean and spread.
        figures: to take of each, by name.
        output_dir: for ``NAME.json`` (means), ``NAME.csv`` (the same) and ``NAME_images.csv`` (every image).
        name: of the files.
        device: to run on.
        thickest: last thickness of each class of overlaps, px, by the thickest column; none: no classes.
        inputs: changes to what the methods are given, by name (:mod:`scripts.evaluation.perturbations`); a method that
            is not given what a change is about is left out there.
        every: measure every so-manieth image of a set.
        together: name of a further row for all sets together.
        keep_layers: keep the layers of each method, in :attr:`layers`.
        seed: of the bootstrap.

    Attributes:
        rows: the table, once it has been run; figures in columns FIGURE_lower, _upper and _both (mean of both bones),
            their intervals in ``..._from`` and ``..._to``, the spread over seeds in ``..._spread``.
        taken: by set, input and method: for each figure (N, 2), NaN where there is nothing to measure.
        layers: by set and method: (N, 2, H, W) half precision.
    """

    def __init__(
        self,
        *,
        joints: Mapping[str, Dataset[Joint]],
        methods: Mapping[str, Mapping[str, Any]],
        figures: Mapping[str, Metric],
        output_dir: str | Path,
        name: str,
        device: torch.device | str = "cpu",
        thickest: Sequence[int] = (),
        inputs: Mapping[str, Any] | None = None,
        every: int = 1,
        together: str = "",
        keep_layers: bool = False,
        seed: int = 0,
    ) -> None:
        self.joints, self.methods, self.figures = joints, methods, figures
        self.output_dir, self.name, self.device = Path(output_dir), name, device
        self.thickest, self.inputs, self.every = tuple(thickest), inputs or {"as it is": None}, every
        self.together, self.keep_layers, self.seed = together, keep_layers, seed
        self.rows: list[Row] = []
        self.taken: dict[tuple[str, str, str], dict[str, Tensor]] = {}
        self.layers: dict[tuple[str, str], Tensor] = {}
        self.cases: dict[str, list[str]] = {}
        self.thickness: dict[str, np.ndarray] = {}

    def run(self) -> list[Row]:
        """Measure, write and log the table."""
        for where, joints in self.joints.items():
            chosen = list(range(0, len(joints), self.every))  # type: ignore[arg-type]
            self.cases[where] = [joints.cases[at] for at in chosen]  # type: ignore[attr-defined]
            self.thickness[where] = np.array([thickness(joints[at]["masks"]) for at in chosen])
            for how, change in self.inputs.items():
                self.measure_methods(where, how, Subset(joints, chosen), change)
        if self.together:
            self.add_together()
        self.output_dir.mkdir(parents=True, exist_ok=True)
        (self.output_dir / f"{self.name}.json").write_text(json.dumps(self.rows, indent=4) + "\n")
        write_csv(self.output_dir / f"{self.name}.csv", self.rows)
        write_csv(self.output_dir / f"{self.name}_images.csv", self.images())
        logger.info("table: %s", self.output_dir / f"{self.name}.csv")
        return self.rows

    def measure_methods(self, where: str, how: str, joints: Dataset[Joint], change: Any) -> None:
        """Rows of all methods on one set of joints with one input."""
        given_joints: Any = joints if change is None else Changed(joints, change)  # type: ignore[arg-type]
        groups: dict[str, list[Row]] = {}
        for name, method in self.methods.items():
            if change is not None and not {"image", *method["given"]}.issuperset(change.keys):
                continue
            taken = measure(
                method["network"],
                given_joints,
                self.figures,
                given=method["given"],
                device=self.device,
                keep_layers=self.keep_layers,
            )
            if self.keep_layers:
                self.layers[where, name] = taken.pop("layers")
            self.taken[where, how, name] = taken
            rows = self.describe_method(where, how, name)
            logger.info("%s", describe(rows[0]))
            self.rows += rows
            if "group" in method:
                groups.setdefault(method["group"], []).append(rows[0])
        self.rows += [together(group, rows) for group, rows in groups.items()]

    def describe_method(self, where: str, how: str, name: str) -> list[Row]:
        """Rows of a method on a set: all images, then each class of thickness."""
        head = {"joints": where, "input": how, "method": name}
        taken, cases = self.taken[where, how, name], self.cases[where]
        rows = [{**head, "overlap": "all", **self.figures_of(taken, cases, np.full(len(cases), True))}]
        for first, last in zip((0, *self.thickest), (*self.thickest, np.inf), strict=True):
            if self.thickest:
                label = f"above {first} px" if np.isinf(last) else f"{first + 1} to {last:.0f} px"
                chosen = (self.thickness[where] > first) & (self.thickness[where] <= last)
                rows.append({**head, "overlap": label, **self.figures_of(taken, cases, chosen)})
        return rows

    def figures_of(self, taken: Mapping[str, Tensor], cases: Sequence[str], chosen: np.ndarray) -> Row:
        """Means and intervals of the chosen images; JSON knows no NaN: nothing to measure is null."""
        row: Row = {"images": int(chosen.sum())}
        some = [case for case, is_chosen in zip(cases, chosen, strict=True) if is_chosen]
        for figure, values in taken.items():
            for bone, channel in BONES.items():
                figures = (values.mean(dim=1) if channel is None else values[:, channel]).double().numpy()[chosen]
                mean = float(np.nanmean(figures)) if np.isfinite(figures).any() else None
                ends = mean_interval(figures, some, seed=self.seed) or (None, None)
                for column, number in zip(("", "_from", "_to"), (mean, *ends), strict=True):
                    row[f"{figure}_{bone}{column}"] = None if number is None else round(number, 4)
        return row

    def add_together(self) -> None:
        """Rows of every method that was measured on all sets, over all of their images."""
        sets = list(self.joints)
        self.cases[self.together] = [case for where in sets for case in self.cases[where]]
        for how in self.inputs:
            for name in self.methods:
                parts = [self.taken[where, how, name] for where in sets]
                joined = {figure: torch.cat([part[figure] for part in parts]) for figure in self.figures}
                figures = self.figures_of(
                    joined, self.cases[self.together], np.full(len(self.cases[self.together]), True)
                )
                row = {"joints": self.together, "input": how, "method": name, "overlap": "all", **figures}
                logger.info("%s", describe(row))
                self.rows.append(row)

    def images(self) -> list[Row]:
        """One row an image, method and figure."""
        return [
            {
                "joints": where,
                "input": how,
                "method": name,
                "figure": figure,
                "image": at * self.every,
                "case": self.cases[where][at],
                "thickest_px": self.thickness[where][at],
                "lower": lower,
                "upper": upper,
            }
            for (where, how, name), taken in self.taken.items()
            for figure, values in taken.items()
            for at, (lower, upper) in enumerate(values.tolist())
        ]


def together(group: str, rows: Sequence[Row]) -> Row:
    """One row for the seeds of a training: means of their means, and the spread (standard deviation) over seeds."""
    row = {**rows[0], "method": f"{group} ({len(rows)} seeds)"}
    for column in [key for key in row if key.endswith(tuple(f"_{bone}" for bone in BONES))]:
        means = [each[column] for each in rows if each[column] is not None]
        row[column] = round(float(np.mean(means)), 4) if means else None
        row[f"{column}_from"] = row[f"{column}_to"] = None
        row[f"{column}_spread"] = round(float(np.std(means, ddof=1)), 4) if len(means) > 1 else None
    return row
