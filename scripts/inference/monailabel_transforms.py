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

"""Dictionary transforms for programs that hand over one file, such as MONAI Label's own bundle app."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from monai.transforms import Transform

from scripts.dicom.reader import is_dicom, read_radiograph
from scripts.dicom.segmentation import SEGMENTS
from scripts.errors import InputError
from scripts.inference.find_images import PictureEntry
from scripts.inference.image_file import suffix_of
from scripts.inference.inferer import lean
from scripts.inference.joint_list import read_joints
from scripts.inference.read_images import locate_joints, read_picture_region
from scripts.inference.regions import PictureRegion, RadiographRegion, cut_region
from scripts.inference.split import split_region

LOSSLESS = (".nii", ".nii.gz", ".nrrd", ".mha", ".png")
"""Suffixes of files that keep a label map as it is."""


class LoadOneRegiond(Transform):
    """Transform that reads the file ``image``: a picture of one joint, or a DICOM radiograph and one joint of it.

    All that came in is kept; ``region`` is added, and ``image`` becomes what the network takes, (1, H, W) float32.
    """

    def __call__(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Read the file.

        Args:
            data: ``image``, a file, or a folder that holds a single one; of a radiograph over 400 px a side also
                ``joints``, one row as :func:`scripts.inference.joint_list.read_joints` takes them, or ``foreground``,
                one point.

        Raises:
            InputError: as :mod:`scripts.inference.regions`; or several files or joints.
        """
        path = _single(Path(data["image"]))
        region = _radiograph_region(path, data) if is_dicom(path) else _picture_region(path)
        return {**data, "image": region.image, "region": region}


class LabelMapd(Transform):
    """Transform that splits ``region`` by the network's answer ``pred`` and leaves the label map in ``pred``.

    The label map (0 background, 1 lower bone, 2 upper bone, 3 overlap) is uint8 on the grid of the whole file, with
    columns first, as NIfTI has them, (W, H) or (W, H, 1); ``label`` holds the same, ``result`` the metrics.

    Args:
        as_answered: see :func:`scripts.inference.split.split_region`.
    """

    def __init__(self, *, as_answered: bool = False) -> None:
        self.as_answered = as_answered

    def __call__(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Put the label map in the place of the network's answer."""
        region = data["region"]
        # The inferer has seen the region upright by this angle, which nobody has handed on.
        angle = float(lean(data["pred"][None, 2:4]))
        separated = split_region(region, data["pred"], angle=angle, as_answered=self.as_answered)
        labels, affine = region.volume(separated.label.numpy())
        asked = str(data.get("result_extension") or "".join(Path(str(data.get("image_path"))).suffixes[-2:]))
        extension = next((each for each in sorted(LOSSLESS, key=len, reverse=True) if asked.endswith(each)), ".nrrd")
        return {
            **data,
            "pred": labels,
            "label": labels,
            "pred_meta_dict": {"affine": affine},
            # Where MONAI Label's app looks for the affine when it has the last word on where the answer lies.
            "image_meta_dict": {"original_affine": affine},
            "result": {
                **separated.record,
                "label_values": {"0": "background", **{str(n): s for n, s in SEGMENTS.items()}},
            },
            "result_extension": extension,
        }


def _picture_region(path: Path) -> PictureRegion:
    suffix = path.name[len(path.name) - len(suffix_of(path)) :]
    return read_picture_region(PictureEntry(path=path, name=path.name.removesuffix(suffix)))


def _radiograph_region(path: Path, data: Mapping[str, Any]) -> RadiographRegion:
    radiograph = read_radiograph(path)
    points = [[point[0], point[1]] for point in data.get("foreground") or []]
    rows = read_joints(data.get("joints") or points or "", path.parent)
    joints = locate_joints(radiograph, path.name, rows)
    if len(joints) > 1:
        raise InputError(f"{path.name}: expected one joint at a time, got {len(joints)}")
    # These programs hand the image alone to the inferer, which finds the angle from the bones.
    joint = replace(joints[0], angle=None)
    return cut_region(radiograph, path.name, joint, [joint])


def _single(path: Path) -> Path:
    if not path.is_dir():
        return path
    files = [each for each in path.iterdir() if each.is_file() and not each.name.startswith(".")]
    if len(files) != 1:
        raise InputError(f"{path.name}: expected one file, got {len(files)}")
    return files[0]
