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

"""Comparison of methods: every method on every set of joints, means with intervals, by thickness, seeds together."""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.data import Dataset as Changed
from torch import Tensor, nn
from torch.utils.data import Dataset, Subset

from scripts.datasets.test_sets import Joint
from scripts.evaluation.bootstrap import mean_interval
from scripts.evaluation.measure import measure
from scripts.evaluation.metrics import PerBone
from scripts.evaluation.tables import Row, describe, write_csv, write_table
from scripts.networks import checkpoints
from scripts.physics import LOWER, UPPER, overlap_of

logger = logging.getLogger(__name__)

BONES = {"lower": LOWER, "upper": UPPER, "both": None}
"""Columns of a metric: each bone, and the mean of both."""

KINDS = ("image", "baseline", "ours", "other")
"""Kinds of methods: the image itself, a rule that learns nothing, the bundle's network, another network."""
NETWORKS = ("ours", "other")


def other_methods(network: Callable[[], nn.Module], others: Mapping[str, str | Sequence[str]]) -> dict[str, Row]:
    """Return methods from files of weights, each with k given and with k left to the network.

    Args:
        network: builds a network that has no weights yet.
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
                method = {"kind": "other", "network": loaded, "given": given}
                if len(seeds) > 1:
                    methods[f"{name}{way}, seed {number}"] = {**method, "group": f"{name}{way}"}
                else:
                    methods[f"{name}{way}"] = method
    return methods


def thickness(masks: Tensor) -> int:
    """Count the pixels of the overlap in its thickest column; masks (2, H, W), 0..1."""
    return int(overlap_of(masks[None])[0, 0].sum(dim=0).max())


class Comparison:
    """Every method measured on every set of joints, once, and the tables of it.

    Args:
        joints: sets of joints by name, each with ``cases``, the joint of each image.
        methods: by name, ``network``, the inputs that it is ``given`` (see :func:`scripts.evaluation.measure.measure`)
            and its ``kind``, of :data:`KINDS`, ``other`` if it has none; methods of one ``group`` are seeds of one
            training, and have a row of their mean and spread.
        metrics: to take of each, by name.
        output_dir: for ``NAME.json`` (means), ``NAME.csv`` (the same) and ``NAME_images.csv`` (every image).
        name: of the files.
        device: to run on.
        thickest: last thickness of each class of overlaps, px, by the thickest column; none: no classes.
        inputs: changes of the methods' inputs, by name (:mod:`scripts.evaluation.perturbations`); a method that is not
            given the changed input is left out there.
        every: measure every n-th image of a set.
        together: name of a further row for all sets together.
        keep_layers: keep the layers of each method, in :attr:`layers`.
        seed: of the bootstrap.

    Attributes:
        rows: the table, once it has been run; metrics in columns METRIC_lower, _upper and _both (mean of both bones),
            their intervals in ``..._from`` and ``..._to``, the spread over seeds in ``..._spread``.
        measured: by set, input and method: for each metric (N, 2), NaN where there is nothing to measure.
        layers: by set and method: (N, 2, H, W) half precision.
        definitions: by the name of a method or of a group in the table: ``kind`` and ``given``.
    """

    def __init__(
        self,
        *,
        joints: Mapping[str, Dataset[Joint]],
        methods: Mapping[str, Mapping[str, Any]],
        metrics: Mapping[str, PerBone],
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
        self.joints, self.methods, self.metrics = joints, methods, metrics
        self.output_dir, self.name, self.device = Path(output_dir), name, device
        self.thickest, self.inputs, self.every = tuple(thickest), inputs or {"as it is": None}, every
        self.together, self.keep_layers, self.seed = together, keep_layers, seed
        self.rows: list[Row] = []
        self.measured: dict[tuple[str, str, str], dict[str, Tensor]] = {}
        self.layers: dict[tuple[str, str], Tensor] = {}
        self.cases: dict[str, list[str]] = {}
        self.thickness: dict[str, np.ndarray] = {}
        self.definitions = {name: {"kind": "other", **method} for name, method in methods.items()}
        for name, method in self.definitions.items():
            if method["kind"] not in KINDS:
                raise ValueError(f"kind of method {name}: expected one of {', '.join(KINDS)}, got {method['kind']!r}")

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
        write_table(self.output_dir, self.name, self.rows)
        write_csv(self.output_dir / f"{self.name}_images.csv", self.images())
        return self.rows

    def measure_methods(self, where: str, how: str, joints: Dataset[Joint], change: Any) -> None:
        """Add the rows of all methods on one set of joints with one input."""
        given_joints: Any = joints if change is None else Changed(joints, change)  # type: ignore[arg-type]
        groups: dict[str, list[Row]] = {}
        for name, method in self.methods.items():
            if change is not None and not {"image", *method["given"]}.issuperset(change.keys):
                continue
            measured = measure(
                method["network"],
                given_joints,
                self.metrics,
                given=method["given"],
                device=self.device,
                keep_layers=self.keep_layers,
            )
            if self.keep_layers:
                self.layers[where, name] = measured.pop("layers")
            self.measured[where, how, name] = measured
            rows = self.describe_method(where, how, name)
            logger.info("%s", describe(rows[0]))
            self.rows += rows
            if "group" in method:
                groups.setdefault(method["group"], []).append(rows[0])
        for group, rows in groups.items():
            row = together(group, rows)
            self.definitions[row["method"]] = self.definitions[rows[0]["method"]]
            self.rows.append(row)

    def describe_method(self, where: str, how: str, name: str) -> list[Row]:
        """Return the rows of a method on a set: all images, then each class of thickness."""
        head = {"joints": where, "input": how, "method": name}
        measured, cases = self.measured[where, how, name], self.cases[where]
        rows = [{**head, "overlap": "all", **self.summarise(measured, cases, np.full(len(cases), True))}]
        for first, last in zip((0, *self.thickest), (*self.thickest, np.inf), strict=True):
            if self.thickest:
                label = f"above {first} px" if np.isinf(last) else f"{first + 1} to {last:.0f} px"
                chosen = (self.thickness[where] > first) & (self.thickness[where] <= last)
                rows.append({**head, "overlap": label, **self.summarise(measured, cases, chosen)})
        return rows

    def summarise(self, measured: Mapping[str, Tensor], cases: Sequence[str], chosen: np.ndarray) -> Row:
        """Return means and intervals of the chosen images, None where there is nothing to measure."""
        row: Row = {"images": int(chosen.sum())}
        chosen_cases = [case for case, is_chosen in zip(cases, chosen, strict=True) if is_chosen]
        for metric, values in measured.items():
            for bone, channel in BONES.items():
                column = (values.mean(dim=1) if channel is None else values[:, channel]).double().numpy()[chosen]
                mean = float(np.nanmean(column)) if np.isfinite(column).any() else None
                ends = mean_interval(column, chosen_cases, seed=self.seed) or (None, None)
                for end, number in zip(("", "_from", "_to"), (mean, *ends), strict=True):
                    row[f"{metric}_{bone}{end}"] = None if number is None else round(number, 4)
        return row

    def add_together(self) -> None:
        """Add a row for every method, over the images of all sets."""
        sets = list(self.joints)
        cases = self.cases[self.together] = [case for where in sets for case in self.cases[where]]
        for how in self.inputs:
            for name in self.methods:
                parts = [self.measured[where, how, name] for where in sets]
                joined = {metric: torch.cat([part[metric] for part in parts]) for metric in self.metrics}
                row = {"joints": self.together, "input": how, "method": name, "overlap": "all"}
                row |= self.summarise(joined, cases, np.full(len(cases), True))
                logger.info("%s", describe(row))
                self.rows.append(row)

    def images(self) -> list[Row]:
        """Return one row an image, method and metric."""
        return [
            {
                "joints": where,
                "input": how,
                "method": name,
                "figure": metric,
                "image": at * self.every,
                "case": self.cases[where][at],
                "thickest_px": self.thickness[where][at],
                "lower": lower,
                "upper": upper,
            }
            for (where, how, name), measured in self.measured.items()
            for metric, values in measured.items()
            for at, (lower, upper) in enumerate(values.tolist())
        ]


def together(group: str, rows: Sequence[Row]) -> Row:
    """Return one row for the seeds of a training: mean and spread (standard deviation) of their means."""
    row = {**rows[0], "method": f"{group} ({len(rows)} seeds)"}
    for column in [key for key in row if key.endswith(tuple(f"_{bone}" for bone in BONES))]:
        means = [each[column] for each in rows if each[column] is not None]
        row[column] = round(float(np.mean(means)), 4) if means else None
        row[f"{column}_from"] = row[f"{column}_to"] = None
        row[f"{column}_spread"] = round(float(np.std(means, ddof=1)), 4) if len(means) > 1 else None
    return row
