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

"""What methods are measured on, known layers and real overlaps, and how one of them is measured on one set."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from ignite.metrics import Metric
from monai.data import DataLoader
from monai.engines import IterationEvents, PrepareBatchExtraInput, SupervisedEvaluator
from torch import Tensor, nn
from torch.utils.data import Dataset

from scripts.datalist import LoadJointd, release_datalist
from scripts.metrics import layers_of
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

    Attributes:
        cases: the joint each image comes from, by its ``name`` in the npz (``.../CASE/IMAGE.jpg``); without names every
            image is a case of its own.

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
            names = stored["name"] if "name" in stored.files else [f"{at}/" for at in range(len(self.images))]
        self.cases = [Path(str(name)).parent.name or str(name).strip("/") for name in names]

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Joint:
        masks = self.masks[index]
        label = torch.cat([self.layers[index], masks])
        return {"image": self.images[index], "masks": masks, "label": label, "soft_tissue": self.soft_tissue[index]}


class RealJoints(Dataset[Joint]):
    """Joints of the release as they are, with their drawn masks; each is read once and kept in 8 bits.

    An item has ``image`` and ``background`` (1, H, W), ``masks`` and ``label`` (2, H, W), the drawn masks, and
    ``soft_tissue``, the mean of the background in the overlap (of the whole region where there is none).

    Args:
        dataset_dir: see :func:`scripts.datalist.open_release`.
        split: ``train``, ``validation`` or ``test``.
        overlap: ``all``, ``overlap`` or ``nonoverlap``, by the drawn masks.

    Attributes:
        cases: the joint each image shows.
    """

    def __init__(self, dataset_dir: str | Path, *, split: str = "test", overlap: str = "all") -> None:
        self.datalist = release_datalist(dataset_dir, split=split, overlap=overlap)
        self.cases = [entry["case"] for entry in self.datalist]
        self.load = LoadJointd()
        self.read: dict[int, Joint] = {}

    def __len__(self) -> int:
        return len(self.datalist)

    def __getitem__(self, index: int) -> Joint:
        if index not in self.read:
            joint = self.load(self.datalist[index])
            both = overlap_of(joint["masks"][None])[0]
            under = joint["background"][both if both.any() else torch.ones_like(both)].mean()
            levels = {key: (joint[key] * 255.0).round().to(torch.uint8) for key in ("image", "background")}
            self.read[index] = {**levels, "masks": joint["masks"].bool(), "soft_tissue": under}
        kept = self.read[index]
        masks, grays = kept["masks"].float(), {key: kept[key] / 255.0 for key in ("image", "background")}
        return {**grays, "masks": masks, "label": masks, "soft_tissue": kept["soft_tissue"]}


def measure(
    network: nn.Module,
    joints: Dataset[Joint],
    figures: Mapping[str, Metric],
    *,
    given: Sequence[str] = (),
    device: torch.device | str = "cpu",
    batch_size: int = 8,
    keep_layers: bool = False,
) -> dict[str, Tensor]:
    """Figures of one method on one set of joints.

    Args:
        network: answers (B, 6, H, W), as :class:`scripts.networks.separator.Separator` does.
        joints: items with ``image``, ``label`` and what ``given`` names.
        figures: :class:`monai.handlers.IgniteMetricHandler` by name, with ``save_details``.
        given: what the network is told beside the image: of ``masks``, ``soft_tissue``.
        device: to run on.
        batch_size: images at once.
        keep_layers: add ``layers`` (N, 2, H, W), gray levels 0..1 in half precision (a tenth of a level of 8 bits).

    Returns:
        For each figure one row an image.
    """
    kept: list[Tensor] = []
    evaluator = SupervisedEvaluator(
        device=torch.device(device),
        val_data_loader=DataLoader(joints, batch_size=batch_size, num_workers=0),
        network=network,
        prepare_batch=PrepareBatchExtraInput({key: key for key in given}),
        key_val_metric=dict(figures),
        decollate=False,
    )
    if keep_layers:
        evaluator.add_event_handler(
            IterationEvents.FORWARD_COMPLETED,
            lambda engine: kept.append(layers_of(engine.state.output["pred"]).half().cpu()),
        )
    evaluator.run()
    details: dict[str, Tensor] = evaluator.state.metric_details
    taken = {name: details[name].cpu() for name in figures}
    return {**taken, "layers": torch.cat(kept)} if keep_layers else taken


def gallery(
    layers: Tensor, joints: RealJoints, path: str | Path, *, version: str, count: int = 24, largest: int = 6
) -> Path:
    """Draw a contact sheet of real overlaps and what a method made of them: the largest, and others of all sizes.

    The picture shows the release's images, which may not be passed on; its foot says so.

    Args:
        layers: (N, 2, H, W), gray levels 0..1, of each joint.
        joints: overlapping joints.
        path: of the PNG to write.
        version: of the bundle, for the picture's foot.
        count: joints to show.
        largest: how many of them are the largest overlaps; the others are spread evenly over the rest.

    Returns:
        ``path``.
    """
    items = [joints[at] for at in range(len(joints))]
    by_area = sorted(range(len(items)), key=lambda at: -float(overlap_of(items[at]["masks"][None]).sum()))
    rest = by_area[largest:]
    spread = [rest[at] for at in np.linspace(0, len(rest) - 1, min(count - largest, len(rest))).round().astype(int)]
    shown = [
        (joints.cases[at], items[at]["image"][0].numpy(), layers[at].float().numpy(), items[at]["masks"].numpy() > 0.5)
        for at in [*by_area[:largest], *spread]
    ]
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    contact_sheet(shown, version).save(path)
    logger.info("contact sheet: %s", path)
    return Path(path)
