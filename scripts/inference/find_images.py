# Copyright 2026 The BLS-GAN bundle contributors
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and

"""The images of a folder: pictures with their masks, DICOM files with their joints."""

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scripts.dicom.reader import DICOM_SUFFIXES, is_dicom
from scripts.errors import InputError
from scripts.inference.image_file import suffix_of
from scripts.inference.joint_list import JointRow, check_images, read_joints
from scripts.physics import LOWER, UPPER

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
        joints: which joints of which DICOM image, see :func:`scripts.inference.joint_list.read_joints`; if not given,
            each image has the list in its folder or in the nearest one above.

    Returns:
        Entries sorted by path: ``image`` (path), ``name`` (of the results, with the folders below ``dataset_dir``) and,
        where there, ``mask_lower``, ``mask_upper`` (paths), ``refused`` (a sentence), and for DICOM ``path`` (in
        ``dataset_dir``), ``joints`` (the rows of its list) and ``listed`` (its path in the folder of the list).

    Raises:
        InputError: no such folder, no image in it, or a list of joints that does not fit.
    """
    folder = Path(dataset_dir)
    single = folder if folder.is_file() else None
    folder = folder.parent if single else folder
    if not folder.is_dir():
        raise InputError(f"dataset_dir {folder}: no such folder")
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
        raise InputError(f"dataset_dir {folder}: holds no DICOM, PNG, JPEG, BMP, TIFF or NIfTI image")
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
