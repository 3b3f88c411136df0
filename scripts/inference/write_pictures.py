# Copyright 2026 The BLS-GAN bundle contributors
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and

"""Writing the results of a picture: layers, label map, figures and a sheet."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from monai.transforms import Transform
from PIL import Image

from scripts.files import file_sha256, whole_or_nothing
from scripts.inference.joint_sheet import sheet
from scripts.physics import LOWER, UPPER


class WriteResultsd(Transform):
    """Write one folder ``output_dir/NAME`` for a region that :class:`SplitRegiond` has split, whole or not at all.

    ``NAME_upper``, ``NAME_lower`` (grayscale, the levels of the source) and ``NAME_label`` (8 bits, 0..3) as ``.png``
    and ``.nii.gz`` (on the grid and, if the source is NIfTI, with the affine and the scale of the source),
    ``NAME_figures.json`` and ``NAME_sheet.png``. The folder appears when all of it is written, and replaces that of an
    earlier run. The same input gives the same bytes.

    Args:
        output_dir: the folder for all results.
        version: version of the bundle, for the figures.
        weights: file whose SHA-256 goes into the figures.

    Attributes:
        sheets: paths of the sheets written, in order.
    """

    def __init__(self, output_dir: str | Path, version: str, weights: str | Path | None = None) -> None:
        self.output_dir = Path(output_dir)
        self.version = version
        self.weights = weights
        self.sheets: list[Path] = []
        self._sha256: str | None = None

    def __call__(self, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """Write one region's results and hand it on; those of a radiograph are handed on only."""
        if "box" in data:
            return data
        name = data["name"]
        self._sha256 = self._sha256 or file_sha256(self.weights)
        figures = {**data["figures"], "version": self.version, "weights_sha256": self._sha256}
        whole_or_nothing(self.output_dir / name, lambda folder: _write(folder, data, figures))
        self.sheets.append(self.output_dir / name / f"{name}_sheet.png")
        return data


def _write(folder: Path, data: Mapping[str, Any], figures: dict[str, Any]) -> None:
    depth = np.uint8 if data["container"] == 8 else np.uint16
    layers = data["layers"].numpy()
    pictures = {
        "upper": (layers[UPPER].astype(depth), data["step"]),
        "lower": (layers[LOWER].astype(depth), data["step"]),
        "label": (data["label"].numpy(), 1.0),
    }
    for what, (picture, step) in pictures.items():
        path = folder / f"{data['name']}_{what}"
        Image.fromarray(picture).save(f"{path}.png")
        nib.save(_nifti(picture, step, data), f"{path}.nii.gz")
    (folder / f"{data['name']}_figures.json").write_text(json.dumps(figures, indent=4) + "\n", encoding="utf-8")
    page = sheet(
        levels=data["levels"][0].numpy(),
        layers=layers,
        masks=data["masks"].numpy(),
        recomposed=data["recomposed"].numpy(),
        figures=figures,
    )
    page.save(folder / f"{data['name']}_sheet.png", compress_level=1)


def _nifti(picture: np.ndarray, step: float, data: Mapping[str, Any]) -> nib.Nifti1Image:
    # NIfTI stores (column, row), as it was read.
    image = nib.Nifti1Image(picture.T if data["dimensions"] == 2 else picture.T[..., None], data["affine"].numpy())
    # With a scale set, nibabel stores the integers as they are.
    image.header.set_slope_inter(step, 0)
    return image
