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

"""Search of a folder for images: pictures with their masks, DICOM files with the rows of their joint list."""

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from scripts.dicom.reader import DICOM_SUFFIXES, is_dicom
from scripts.errors import InputError
from scripts.inference.image_file import suffix_of
from scripts.inference.joint_list import JointRow, check_images, read_joints
from scripts.physics import LOWER, UPPER

logger = logging.getLogger(__name__)

MASK_ENDINGS = {LOWER: "_mask_lower", UPPER: "_mask_upper"}
"""End of the name of a mask's file, before the suffix: NAME_mask_lower.*, NAME_mask_upper.*."""


@dataclass(frozen=True, kw_only=True)
class ImageEntry:
    """One image of a folder.

    Attributes:
        path: its file.
        name: of its results, with the folders below the one that is searched.
        refused: why it cannot be used, a sentence; empty if it can be read.
    """

    path: Path
    name: str
    refused: str = ""


@dataclass(frozen=True, kw_only=True)
class PictureEntry(ImageEntry):
    """A picture of one joint.

    Attributes:
        masks: file of each bone's mask, by ``LOWER`` and ``UPPER``.
    """

    masks: Mapping[int, Path] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RadiographEntry(ImageEntry):
    """A DICOM file.

    Attributes:
        file: its path in the folder that is searched.
        rows: of its joint list, those of other images too.
        listed: its path in the folder of the joint list.
    """

    file: str
    rows: Sequence[JointRow] = ()
    listed: str = ""


def find_images(dataset_dir: str | Path, joints: str | Path | Sequence[Any] | None = None) -> list[ImageEntry]:
    """List the images of a folder: its pictures, each with its masks, and all DICOM files in it and below.

    Other files, hidden ones and links to folders are skipped. What is wrong with an entry is told when it is read, so
    that the others can be: a second image with the NAME of another one (``knee.png``, ``knee.tif``: their results would
    overwrite each other), a second mask of a bone, a mask without its picture.

    Args:
        dataset_dir: the folder, or one file.
        joints: which joints of which DICOM image, see :func:`scripts.inference.joint_list.read_joints`; if not given,
            each image has the list in its folder or in the nearest one above.

    Returns:
        Entries sorted by path.

    Raises:
        InputError: no such folder, no image in it, or a joint list that does not fit.
    """
    folder = Path(dataset_dir)
    single = folder if folder.is_file() else None
    folder = folder.parent if single else folder
    if not folder.is_dir():
        raise InputError(f"dataset_dir {folder}: no such folder")
    pictures = find_pictures(folder)
    taken = {entry.name for entry in pictures}
    found: list[ImageEntry] = [entry for entry in pictures if single in (None, entry.path)]
    paths = _dicom_files(folder) if single is None else [] if suffix_of(single) else [single]
    lists = _JointLists(folder, joints)
    for path in paths:
        file = path.relative_to(folder).as_posix()
        name = file.removesuffix(path.suffix) if path.suffix.lower() in DICOM_SUFFIXES else file
        rows, listed = lists.of(path)
        refused = f"{file}: another image has the name {name}" if name in taken else ""
        taken.add(name)
        found.append(RadiographEntry(path=path, name=name, refused=refused, file=file, rows=rows, listed=listed))
    if not single:  # the list beside a single file may be of its whole folder
        lists.check()
    if not found:
        raise InputError(f"dataset_dir {folder}: holds no DICOM, PNG, JPEG, BMP, TIFF or NIfTI image")
    return sorted(found, key=lambda entry: str(entry.path))


class _JointLists:
    """Joint lists of a tree of folders: the one that is given, or that of the nearest folder that has one."""

    def __init__(self, top: Path, joints: str | Path | Sequence[Any] | None) -> None:
        self.top = top
        self.rows: dict[Path, list[JointRow]] = {}
        self.images: dict[Path, list[str]] = {}
        if joints is not None and joints != "":
            self.rows[top] = read_joints(joints, top)
        self.given = bool(self.rows)

    def of(self, path: Path) -> tuple[list[JointRow], str]:
        """Return the rows of the list that counts for an image, and the image's path in the list's folder."""
        folder = self.top
        if not self.given:
            for folder in path.parents:
                if folder not in self.rows:
                    self.rows[folder] = read_joints(None, folder)
                if self.rows[folder] or folder == self.top:
                    break
        listed = path.relative_to(folder).as_posix()
        self.images.setdefault(folder, []).append(listed)
        return self.rows.get(folder, []), listed

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


def find_pictures(folder: Path) -> list[PictureEntry]:
    """List the pictures of a folder, each with its masks; not those of folders in it, and no DICOM."""
    entries: dict[str, PictureEntry] = {}
    refused: list[PictureEntry] = []
    masks: list[tuple[str, int, Path]] = []
    for path in sorted(folder.iterdir()):
        suffix = suffix_of(path)
        if path.name.startswith(".") or path.is_dir() or not suffix:
            logger.debug("skipped %s", path.name)
            continue
        name = path.name[: -len(suffix)]
        bone = next((bone for bone, ending in MASK_ENDINGS.items() if name.endswith(ending)), None)
        if bone is not None:
            masks.append((name.removesuffix(MASK_ENDINGS[bone]), bone, path))
        elif name in entries:
            sentence = f"{path.name}: has the name of {entries[name].path.name}"
            refused.append(PictureEntry(path=path, name=name, refused=sentence))
        else:
            entries[name] = PictureEntry(path=path, name=name)
    for name, bone, path in masks:
        entry = entries.get(name)
        if entry is None:
            sentence = f"{path.name}: a mask without its image {name}"
            refused.append(PictureEntry(path=path, name=name, refused=sentence))
        elif bone in entry.masks:
            sentence = f"{entry.path.name}: two masks of a bone, {entry.masks[bone].name}, {path.name}"
            entries[name] = replace(entry, refused=sentence)
        else:
            entries[name] = replace(entry, masks={**entry.masks, bone: path})
    return [*entries.values(), *refused]
