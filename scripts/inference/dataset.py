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

"""Images in: a folder of pictures of one joint and of DICOM radiographs -> checked regions, refusals by name."""

import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.transforms import Transform
from torch.utils.data import IterableDataset

from scripts.dicom.reader import DICOM_SUFFIXES, Radiograph, is_dicom, read_radiograph
from scripts.dicom_regions import given_label_map, joints_of, regions_of
from scripts.joints import FIELD_MM, JointRow, PlacedJoint, check_images, read_joints, rows_of
from scripts.picture import read_mask, read_picture, suffix_of
from scripts.radiograph import LOWER, UPPER
from scripts.refusal import PassedOverError, RefusedError

logger = logging.getLogger(__name__)

MASK_KEYS = {LOWER: "mask_lower", UPPER: "mask_upper"}
"""Key of a bone's mask in an entry; also how its file is named: NAME_mask_lower.*, NAME_mask_upper.*."""


def find_regions(dataset_dir: str | Path, joints: str | Path | Sequence[Any] | None = None) -> list[dict[str, Any]]:
    """List the images of a folder: its pictures, each with its masks, and all DICOM files in it and below.

    Other files, hidden ones and links to folders are passed over. What is wrong with an entry is told when it is read,
    so that the others can be: a second image with the NAME of another one (``knee.png``, ``knee.tif``: their results
    would overwrite each other), a second mask of a bone, a mask without its picture.

    Args:
        dataset_dir: the folder, or one file.
        joints: which joints of which DICOM image, see :func:`scripts.joints.read_joints`; if not given, each image has
            the list in its folder or in the nearest one above.

    Returns:
        Entries sorted by path: ``image`` (path), ``name`` (of the results, with the folders below ``dataset_dir``) and,
        where there, ``mask_lower``, ``mask_upper`` (paths), ``refused`` (a sentence), and for DICOM ``path`` (in
        ``dataset_dir``), ``joints`` (the rows of its list) and ``listed`` (its path in the folder of the list).

    Raises:
        RefusedError: no such folder, no image in it, or a list of joints that does not fit.
    """
    folder = Path(dataset_dir)
    single = folder if folder.is_file() else None
    folder = folder.parent if single else folder
    if not folder.is_dir():
        raise RefusedError(f"dataset_dir {folder}: no such folder")
    found = _pictures(folder)
    taken = {entry["name"] for entry in found}
    paths = [single] if single and not suffix_of(single) else [] if single else _dicom_files(folder)
    if single and suffix_of(single):
        found = [entry for entry in found if Path(entry["image"]) == single]
    elif single:
        found = []
    lists = _Lists(folder, joints)
    for path in paths:
        place = path.relative_to(folder).as_posix()
        name = place.removesuffix(path.suffix) if path.suffix.lower() in DICOM_SUFFIXES else place
        entry = {"image": str(path), "name": name, "path": place, **lists.of(path)}
        if name in taken:
            entry["refused"] = f"{place}: another image has the name {name}"
        taken.add(name)
        found.append(entry)
    if not single:  # the list beside a single file may be of its whole folder
        lists.check()
    if not found:
        raise RefusedError(f"dataset_dir {folder}: holds no DICOM, PNG, JPEG, BMP, TIFF or NIfTI image")
    return sorted(found, key=lambda entry: entry["image"])


class _Lists:
    """Which list of joints is whose: the one that is given, or that of the nearest folder that has one."""

    def __init__(self, top: Path, joints: str | Path | Sequence[Any] | None) -> None:
        self.top = top
        self.rows: dict[Path, list[JointRow]] = {}
        self.images: dict[Path, list[str]] = {}
        if joints is not None and joints != "":
            self.rows[top] = read_joints(joints, top)
        self.given = bool(self.rows)

    def of(self, path: Path) -> dict[str, Any]:
        """Keys of an entry: ``joints``, the rows of its list, and ``listed``, its path in the list's folder."""
        folder = self.top
        if not self.given:
            for folder in path.parents:
                if folder not in self.rows:
                    self.rows[folder] = read_joints(None, folder)
                if self.rows[folder] or folder == self.top:
                    break
        listed = path.relative_to(folder).as_posix()
        self.images.setdefault(folder, []).append(listed)
        return {"joints": self.rows.get(folder, []), "listed": listed}

    def check(self) -> None:
        """Refuse a list with rows of no image."""
        for folder, rows in self.rows.items():
            if rows:
                check_images(rows, self.images.get(folder, []))


def _dicom_files(folder: Path) -> list[Path]:
    found = []
    # Links to folders are not followed, so that a loop of them ends.
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for path in (Path(root) / name for name in names if not name.startswith(".")):
            try:
                if path.suffix.lower() in DICOM_SUFFIXES or (path.is_file() and is_dicom(path)):
                    found.append(path)
            except OSError:
                found.append(path)  # refused by name when it is read
    return sorted(found)


def _pictures(folder: Path) -> list[dict[str, Any]]:
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
    return [*entries.values(), *twice]


class LoadRegiond(Transform):
    """Read one entry of :func:`find_regions`: a picture with its masks, or a DICOM radiograph with its joints.

    A picture's entry becomes one region, a radiograph's a list of them, one a joint:

    - ``image``: (1, H, W) float32, gray levels 0..1, bright = more attenuation; rows and columns, whatever the format
    - ``masks``: (2, H, W) bool, only if masks are given
    - ``levels``: (1, H, W) int32, the stored integers, bright = more attenuation, 0..2**bits_stored - 1
    - ``bits_stored``; ``black``, ``white``: levels at which ``image`` is 0 and 1
    - ``notes``: text, one note a line
    - ``name``: of the results, for a radiograph of the joint; ``source``: name of the file
    - of a picture ``container``, ``step``, ``affine``, ``dimensions``: as in :class:`scripts.picture.Picture`
    - of a radiograph the keys of :func:`scripts.dicom_regions.regions_of`

    Args:
        field_mm: side of the region around a joint that is given as a point, mm.
        begin: told of each radiograph before its regions follow: name of the results, radiograph, joints, label map
            that is given or None; see :meth:`scripts.dicom_results.WriteRadiographd.begin`.

    Raises:
        PassedOverError: DICOM, but no radiograph; or as ``begin`` says.
        RefusedError: the entry's own ``refused``, one mask without the other, or as :mod:`scripts.picture`,
            :mod:`scripts.dicom.reader` and :mod:`scripts.joints` say.
    """

    def __init__(
        self,
        field_mm: float = FIELD_MM,
        begin: Callable[[str, Radiograph, Sequence[PlacedJoint], np.ndarray | None], None] | None = None,
    ) -> None:
        if not 5 <= field_mm <= 100:
            raise ValueError(f"field_mm is {field_mm}, 5 to 100 expected")
        self.field_mm = field_mm
        self.begin = begin

    def __call__(self, data: Mapping[str, Any]) -> dict[str, Any] | list[dict[str, Any]]:
        """Read ``data``, which needs nothing but ``image``, a path."""
        if "refused" in data:
            raise RefusedError(data["refused"])
        return self._joints(data) if "path" in data else self._picture(data)

    def _joints(self, data: Mapping[str, Any]) -> list[dict[str, Any]]:
        path = Path(data["image"])
        radiograph = read_radiograph(path)
        rows = rows_of(data["joints"], data["listed"], str(radiograph.dataset.SOPInstanceUID))
        joints = joints_of(radiograph, data["path"], rows, field_mm=self.field_mm)
        labels = given_label_map(radiograph, path, rows)
        if self.begin:
            self.begin(data["name"], radiograph, joints, labels)
        return regions_of(radiograph, data["path"], joints, labels)

    def _picture(self, data: Mapping[str, Any]) -> dict[str, Any]:
        path = Path(data["image"])
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
            "black": 0.0,
            "white": picture.white,
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
    """Read the entries one by one; log one that cannot be used by name and go on.

    For a DataLoader with ``batch_size=1`` (the regions have their own sizes) and ``num_workers=0`` (what became of an
    entry is kept here).

    Args:
        data: entries, as :func:`find_regions` lists them.
        transform: entry -> region or regions, e.g. :class:`LoadRegiond`; a refusal may come wrapped, as MONAI's Compose
            does.

    Attributes:
        refused: the sentences of the last pass.
        passed_over: kinds of what was passed over in the last pass.
    """

    def __init__(self, data: Sequence[Mapping[str, Any]], transform: Callable[[Any], Any]) -> None:
        self.data = data
        self.transform = transform
        self.refused: list[str] = []
        self.passed_over: list[str] = []

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield the regions that are not refused; those of one image follow each other."""
        self.refused, self.passed_over = [], []
        for entry in self.data:
            try:
                regions = self.transform(entry)
            except (RefusedError, RuntimeError) as error:
                refusal = _refusal_in(error)
                if isinstance(refusal, PassedOverError):
                    logger.debug("passed over %s", refusal)
                    self.passed_over.append(refusal.kind)
                elif refusal is not None:
                    logger.error("refused %s", refusal)
                    self.refused.append(str(refusal))
                else:
                    raise
                continue
            yield from regions if isinstance(regions, list) else [regions]


def _refusal_in(error: BaseException | None) -> RefusedError | None:
    while error is not None and not isinstance(error, RefusedError):
        error = error.__cause__
    return error
