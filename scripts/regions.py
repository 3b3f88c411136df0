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

"""Regions of one joint in: a folder of pictures with masks beside them -> checked tensors, refusals by name."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.transforms import Transform
from torch.utils.data import IterableDataset
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from scripts.picture import read_mask, read_picture, suffix_of
from scripts.radiograph import LOWER, UPPER
from scripts.refusal import RefusedError

logger = logging.getLogger(__name__)

MASK_KEYS = {LOWER: "mask_lower", UPPER: "mask_upper"}
"""Key of a bone's mask in an entry; also how its file is named: NAME_mask_lower.*, NAME_mask_upper.*."""


def find_regions(dataset_dir: str | Path) -> list[dict[str, Any]]:
    """List the pictures of a folder, each with its masks.

    Files that are not pictures, hidden files and subfolders are passed over. What is wrong with an entry is told when
    it is read, so that the others can be: a second picture with the NAME of another one (``knee.png``, ``knee.tif``:
    their results would overwrite each other), a second mask of a bone, a mask without its picture.

    Args:
        dataset_dir: the folder.

    Returns:
        Entries sorted by file name: ``image`` (path), ``name`` (of the results) and, where there, ``mask_lower``,
        ``mask_upper`` (paths) and ``refused`` (a sentence).

    Raises:
        RefusedError: no such folder, or no picture in it.
    """
    folder = Path(dataset_dir)
    if not folder.is_dir():
        raise RefusedError(f"dataset_dir {folder}: no such folder")
    entries: dict[str, dict[str, Any]] = {}
    twice: list[dict[str, Any]] = []
    masks: list[tuple[str, str, Path]] = []
    for path in sorted(folder.iterdir()):
        suffix = suffix_of(path)
        if path.name.startswith(".") or path.is_dir() or not suffix:
            logger.debug("passed over %s", path.name)
            continue
        name = path.name[: -len(suffix)]
        key = next((key for key in MASK_KEYS.values() if name.endswith(f"_{key}")), None)
        if key:
            masks.append((name.removesuffix(f"_{key}"), key, path))
        elif name in entries:
            first = Path(entries[name]["image"]).name
            twice.append({"image": str(path), "name": name, "refused": f"{path.name}: has the name of {first}"})
        else:
            entries[name] = {"image": str(path), "name": name}
    for name, key, path in masks:
        if name not in entries:
            twice.append({"image": str(path), "name": name, "refused": f"{path.name}: a mask without its image {name}"})
        elif key in entries[name]:
            other = Path(entries[name][key]).name
            entries[name]["refused"] = f"{Path(entries[name]['image']).name}: two masks of a bone, {other}, {path.name}"
        else:
            entries[name][key] = str(path)
    found = sorted([*entries.values(), *twice], key=lambda entry: entry["image"])
    if not found:
        raise RefusedError(f"dataset_dir {folder}: holds no PNG, JPEG, BMP, TIFF or NIfTI image")
    return found


class LoadRegiond(Transform):
    """Read one entry of :func:`find_regions`: the picture, and both masks if they are there.

    The entry's paths become

    - ``image``: (1, H, W) float32, gray levels 0..1, bright = more attenuation; rows and columns, whatever the format
    - ``masks``: (2, H, W) bool, only if the entry has mask files
    - ``levels``: (1, H, W) int32, the stored integers, 0..2**bits_stored - 1
    - ``bits_stored``, ``container``, ``step``, ``affine``, ``dimensions``: as in :class:`scripts.picture.Picture`
    - ``notes``: text, one note a line
    - ``name``: of the results, ``source``: name of the file

    Raises:
        RefusedError: the entry's own ``refused``, one mask without the other, or as :mod:`scripts.picture` says.
    """

    def __call__(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Read ``data``, which needs nothing but ``image``, a path."""
        path = Path(data["image"])
        if "refused" in data:
            raise RefusedError(data["refused"])
        given = {bone: Path(data[key]) for bone, key in MASK_KEYS.items() if key in data}
        if len(given) == 1:
            missing = f"{path.name[: -len(suffix_of(path))]}_{MASK_KEYS[UPPER if LOWER in given else LOWER]}"
            raise RefusedError(f"{path.name}: has {next(iter(given.values())).name} but no {missing}, both or none")
        picture = read_picture(path)
        rows, columns = picture.levels.shape
        region = {
            "image": torch.from_numpy((picture.levels / picture.white).astype(np.float32))[None],
            "levels": torch.from_numpy(picture.levels)[None],
            "bits_stored": picture.bits_stored,
            "container": picture.container,
            "step": picture.step,
            "affine": torch.from_numpy(np.asarray(picture.affine, dtype=np.float64)),
            "dimensions": picture.dimensions,
            "notes": "\n".join(picture.notes),
            "name": data.get("name", path.name[: -len(suffix_of(path))]),
            "source": path.name,
        }
        if given:
            masks = np.stack([read_mask(given[bone], (rows, columns)) for bone in sorted(given)])
            region["masks"] = torch.from_numpy(masks)
        return region


class Regions(IterableDataset):
    """Read the entries one by one; log a refused one by name and go on.

    Shows a progress bar on a terminal and a log line an image elsewhere. For a DataLoader with ``batch_size=1`` (the
    images have their own sizes) and ``num_workers=0`` (:attr:`refused` is kept here).

    Args:
        data: entries, as :func:`find_regions` lists them.
        transform: entry -> region, e.g. :class:`LoadRegiond`; a refusal may come wrapped, as MONAI's Compose does.

    Attributes:
        refused: the sentences of the last pass.
    """

    def __init__(self, data: Sequence[Mapping[str, Any]], transform: Callable[[Any], dict[str, Any]]) -> None:
        self.data = data
        self.transform = transform
        self.refused: list[str] = []

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield the regions that are not refused."""
        self.refused = []
        with logging_redirect_tqdm(), tqdm(self.data, desc="joints", unit="image", disable=None) as bar:
            for number, entry in enumerate(bar, 1):
                try:
                    region = self.transform(entry)
                except (RefusedError, RuntimeError) as error:
                    refusal = _refusal_in(error)
                    if refusal is None:
                        raise
                    logger.error("refused %s", refusal)
                    self.refused.append(str(refusal))
                    continue
                yield region
                # The generator is resumed when the region's results are written.
                if bar.disable:
                    logger.info("%d of %d: %s separated", number, len(self.data), Path(entry["image"]).name)


def _refusal_in(error: BaseException | None) -> RefusedError | None:
    while error is not None and not isinstance(error, RefusedError):
        error = error.__cause__
    return error
