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

"""Methods side by side on joints whose layers are known, and on real overlaps, where only seams can be measured."""

import csv
import json
import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ignite.metrics import Metric
from monai.data import DataLoader
from monai.engines import PrepareBatchExtraInput, SupervisedEvaluator
from torch import Tensor, nn
from torch.utils.data import Dataset

from scripts.datalist import LoadJointd, release_datalist
from scripts.radiograph import overlap_of
from scripts.report import contact_sheet

logger = logging.getLogger(__name__)

Joint = dict[str, Tensor]


class Yardstick(Dataset[Joint]):
    """Overlaps with known layers from an npz with ``image_full``, ``masks``, ``layers`` and ``k``.

    An item has ``image`` (1, H, W), ``masks`` (2, H, W), ``label`` (4, H, W), the true layers and the masks, and
    ``soft_tissue``, the true k.

    Args:
        path: the npz.

    Raises:
        ValueError: it lacks one of the four.
    """

    def __init__(self, path: str | Path) -> None:
        with np.load(path) as stored:
            missing = {"image_full", "masks", "layers", "k"} - set(stored.files)
            if missing:
                raise ValueError(f"{path}: no {', '.join(sorted(missing))} in it; it has {', '.join(stored.files)}")
            self.images = torch.from_numpy(stored["image_full"])[:, None].float()
            self.masks = torch.from_numpy(stored["masks"]).float()
            self.layers = torch.from_numpy(stored["layers"]).float()
            self.soft_tissue = torch.from_numpy(stored["k"]).float()

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Joint:
        masks = self.masks[index]
        label = torch.cat([self.layers[index], masks])
        return {"image": self.images[index], "masks": masks, "label": label, "soft_tissue": self.soft_tissue[index]}


class RealJoints(Dataset[Joint]):
    """Joints of the release as they are, with their drawn masks.

    An item has ``image`` (1, H, W), ``masks`` and ``label`` (2, H, W), the drawn masks, and ``soft_tissue``, the mean
    of the release's background picture in the overlap (of the whole region where there is none).

    Args:
        dataset_dir: see :func:`scripts.datalist.open_release`.
        split: ``train``, ``validation`` or ``test``.
        overlap: ``all``, ``overlap`` or ``nonoverlap``, by the drawn masks.
    """

    def __init__(self, dataset_dir: str | Path, *, split: str = "test", overlap: str = "all") -> None:
        self.datalist = release_datalist(dataset_dir, split=split, overlap=overlap)
        self.load = LoadJointd()

    def __len__(self) -> int:
        return len(self.datalist)

    def __getitem__(self, index: int) -> Joint:
        joint = self.load(self.datalist[index])
        masks, both = joint["masks"], overlap_of(joint["masks"][None])[0]
        under = joint["background"][both if both.any() else torch.ones_like(both)].mean()
        return {"image": joint["image"], "masks": masks, "label": masks, "soft_tissue": under}


def measure(
    network: nn.Module,
    joints: Dataset[Joint],
    figures: Mapping[str, Metric],
    *,
    given: Sequence[str] = (),
    device: torch.device | str = "cpu",
    batch_size: int = 8,
) -> dict[str, Tensor]:
    """Figures of one method on one set of joints.

    Args:
        network: answers (B, 6, H, W), as :class:`scripts.networks.separator.Separator` does.
        joints: items with ``image``, ``label`` and what ``given`` names.
        figures: :class:`monai.handlers.IgniteMetricHandler` by name, with ``save_details``.
        given: what the network is told beside the image: of ``masks``, ``soft_tissue``.
        device: to run on.
        batch_size: images at once.

    Returns:
        For each figure one row an image.
    """
    evaluator = SupervisedEvaluator(
        device=torch.device(device),
        val_data_loader=DataLoader(joints, batch_size=batch_size, num_workers=0),
        network=network,
        prepare_batch=PrepareBatchExtraInput({key: key for key in given}),
        key_val_metric=dict(figures),
        decollate=False,
    )
    evaluator.run()
    details: dict[str, Tensor] = evaluator.state.metric_details
    return {name: details[name].cpu() for name in figures}


class Comparison:
    """Measure every method on every set of joints; write the table for people and for programs.

    Args:
        joints: sets of joints by name.
        methods: by name, ``network`` and what it is ``given`` (see :func:`measure`).
        figures: to take of each, by name.
        output_dir: for ``NAME.json`` (means), ``NAME.csv`` (the same) and ``NAME_images.csv`` (every image).
        name: of the files.
        device: to run on.
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
    ) -> None:
        self.joints, self.methods, self.figures = joints, methods, figures
        self.output_dir, self.name, self.device = Path(output_dir), name, device

    def run(self) -> list[dict[str, Any]]:
        """Measure, write and log the table; one row a set and method, figures as (lower, upper)."""
        rows, images = [], []
        for where, joints in self.joints.items():
            for name, method in self.methods.items():
                taken = measure(method["network"], joints, self.figures, given=method["given"], device=self.device)
                row = {"joints": where, "method": name, "images": len(joints)}  # type: ignore[arg-type]
                for figure, values in taken.items():
                    for bone, mean in zip(("lower", "upper"), values.nanmean(dim=0).tolist(), strict=True):
                        # JSON knows no NaN: nothing to measure is null.
                        row[f"{figure}_{bone}"] = round(mean, 4) if math.isfinite(mean) else None
                rows.append(row)
                logger.info("%s", describe(row))
                images += [
                    {"joints": where, "method": name, "figure": figure, "image": at, "lower": lower, "upper": upper}
                    for figure, values in taken.items()
                    for at, (lower, upper) in enumerate(values.tolist())
                ]
        self.output_dir.mkdir(parents=True, exist_ok=True)
        (self.output_dir / f"{self.name}.json").write_text(json.dumps(rows, indent=4) + "\n")
        write_csv(self.output_dir / f"{self.name}.csv", rows)
        write_csv(self.output_dir / f"{self.name}_images.csv", images)
        logger.info("table: %s", self.output_dir / f"{self.name}.csv")
        return rows


def gallery(
    network: nn.Module,
    joints: RealJoints,
    path: str | Path,
    *,
    version: str,
    count: int = 12,
    largest: int = 6,
    device: torch.device | str = "cpu",
) -> None:
    """Draw a contact sheet of real overlaps, split along their drawn masks: the largest, and others of all sizes.

    The picture shows the release's images, which may not be passed on.

    Args:
        network: a :class:`scripts.networks.separator.Separator`.
        joints: overlapping joints.
        path: of the PNG to write.
        version: of the bundle, for the picture's foot.
        count: joints to show.
        largest: how many of them are the largest overlaps; the others are spread evenly over the rest.
        device: to run on.
    """
    items = [joints[at] for at in range(len(joints))]
    by_area = sorted(range(len(items)), key=lambda at: -float(overlap_of(items[at]["masks"][None]).sum()))
    rest = by_area[largest:]
    spread = [rest[at] for at in np.linspace(0, len(rest) - 1, min(count - largest, len(rest))).round().astype(int)]
    shown = []
    network.to(device).eval()
    for at in [*by_area[:largest], *spread]:
        with torch.no_grad():
            pred = network(items[at]["image"][None].to(device), masks=items[at]["masks"][None].to(device))[0].cpu()
        masks = items[at]["masks"].numpy() > 0.5
        shown.append((joints.datalist[at]["case"], items[at]["image"][0].numpy(), pred[:2].numpy(), masks))
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    contact_sheet(shown, version).save(path)
    logger.info("contact sheet: %s", path)


def describe(row: Mapping[str, Any]) -> str:
    """One line of the table: ``set | method | figure lower / upper | ...``."""
    pairs = [key.removesuffix("_lower") for key in row if key.endswith("_lower")]
    cells = [
        f"{name} "
        + " / ".join("-" if mean is None else f"{mean:.3f}" for mean in (row[f"{name}_lower"], row[f"{name}_upper"]))
        for name in pairs
    ]
    return " | ".join([f"{row['joints']} ({row['images']})", row["method"], *cells])


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows with one header that holds every column met."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, columns)
        writer.writeheader()
        writer.writerows(rows)
