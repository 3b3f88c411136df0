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

"""One joint in, its label map out: for programs that hand over one file, such as MONAI Label's own bundle app."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from monai.transforms import Transform

from scripts.dicom.reader import is_dicom, read_radiograph
from scripts.dicom.segmentation import SEGMENTS
from scripts.errors import InputError
from scripts.inference.dataset import LoadRegiond
from scripts.inference.joint_list import read_joints
from scripts.inference.regions import joints_of, regions_of

LOSSLESS = (".nii", ".nii.gz", ".nrrd", ".mha", ".png")
"""Suffixes of files that keep a label map as it is."""


class LoadOneRegiond(Transform):
    """Read the file that ``image`` names: a picture of one joint, or a DICOM radiograph and one joint of it.

    All that came in goes on; what :class:`scripts.inference.dataset.LoadRegiond` makes of the file is added, and of a
    radiograph ``size``, its rows and columns.
    """

    def __call__(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Read.

        Args:
            data: ``image``, a file, or a folder that holds a single one; of a radiograph over 400 px a side also
                ``joints``, one row as :func:`scripts.inference.joint_list.read_joints` takes them, or ``foreground``,
                one point.

        Raises:
            InputError: as :class:`scripts.inference.dataset.LoadRegiond`; or several files or joints.
        """
        path = _single(Path(data["image"]))
        region: Any = self._joint(path, data) if is_dicom(path) else LoadRegiond()({"image": str(path)})
        return {**data, **region}

    def _joint(self, path: Path, data: Mapping[str, Any]) -> dict[str, Any]:
        radiograph = read_radiograph(path)
        points = [[point[0], point[1]] for point in data.get("foreground") or []]
        rows = read_joints(data.get("joints") or points or "", path.parent)
        joints = joints_of(radiograph, path.name, rows)
        if len(joints) > 1:
            raise InputError(f"{path.name}: {len(joints)} joints, one at a time expected")
        [region] = regions_of(radiograph, path.name, joints)
        return {**region, "size": radiograph.levels.shape, "spacing": radiograph.spacing}


class LabelMapd(Transform):
    """Leave the label map in ``pred``, on the grid of the whole file, and the figures in ``result``.

    Reads what :class:`scripts.inference.split.SplitRegiond` has left. The label map (0 background, 1 lower bone, 2
    upper bone, 3 overlap) is uint8 with columns first, as NIfTI has them, (W, H) or (W, H, 1); ``label`` holds the
    same.
    """

    def __call__(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Put the label map in the place of the network's answer."""
        labels = data["label"].numpy().astype(np.uint8)
        if "box" in data:
            top, left, bottom, right = data["box"]
            whole = np.zeros(data["size"], np.uint8)
            whole[top:bottom, left:right] = np.where(data["territory"][0].numpy(), labels, 0)
            down, across = data["spacing"]
            # Nibabel's axes run against ITK's: ITK will have the origin at 0 and columns and rows along its axes.
            labels, affine = whole, np.diag([-across, -down, 1.0, 1.0])
            flat = False
        else:
            affine, flat = data["affine"].numpy(), data["dimensions"] == 2
        turned = labels.T if flat else labels.T[..., None]
        asked = str(data.get("result_extension") or "".join(Path(str(data.get("image_path"))).suffixes[-2:]))
        extension = next((each for each in sorted(LOSSLESS, key=len, reverse=True) if asked.endswith(each)), ".nrrd")
        return {
            **data,
            "pred": turned,
            "label": turned,
            "pred_meta_dict": {"affine": affine},
            # Where MONAI Label's app looks for the affine when it has the last word on where the answer lies.
            "image_meta_dict": {"original_affine": affine},
            "result": {
                **data["figures"],
                "label_values": {"0": "background", **{str(n): s for n, s in SEGMENTS.items()}},
            },
            "result_extension": extension,
        }


def _single(path: Path) -> Path:
    if not path.is_dir():
        return path
    files = [each for each in path.iterdir() if each.is_file() and not each.name.startswith(".")]
    if len(files) != 1:
        raise InputError(f"{path.name}: {len(files)} files, one expected")
    return files[0]
