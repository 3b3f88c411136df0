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

"""Writing the results of a picture: layers, label map, figures and a sheet."""

import json
from pathlib import Path

import nibabel as nib
import numpy as np
from PIL import Image

from scripts.dicom.provenance import Software
from scripts.files import whole_or_nothing
from scripts.inference.image_file import Picture
from scripts.inference.joint_sheet import sheet
from scripts.inference.regions import PictureRegion
from scripts.inference.split import SeparatedRegion
from scripts.physics import LOWER, UPPER


def write_picture(separated: SeparatedRegion, region: PictureRegion, folder: Path, software: Software) -> list[Path]:
    """Write the results of one picture into a folder, all of them or none.

    ``NAME_upper``, ``NAME_lower``, ``NAME_tissue`` (grayscale, the levels of the source: both layers, and the soft
    tissue with which they recompose the source) and ``NAME_label`` (8 bits, 0..3) as ``.png`` and ``.nii.gz`` (on the
    grid and, if the source is NIfTI, with the affine and the scale of the source), ``NAME_figures.json`` and
    ``NAME_sheet.png``. The folder appears when all of it is written, and replaces that of an earlier run. The same
    input gives the same bytes.

    Args:
        separated: the result.
        region: what was separated.
        folder: of these results.
        software: version and weights, for the figures.

    Returns:
        The path of the sheet.
    """
    name, picture = region.name, region.picture
    depth = np.uint8 if picture.container == 8 else np.uint16
    layers = separated.layers.numpy()
    files = {
        "upper": (layers[UPPER].astype(depth), picture.step),
        "lower": (layers[LOWER].astype(depth), picture.step),
        "tissue": (separated.tissue.numpy().astype(depth), picture.step),
        "label": (separated.label.numpy(), 1.0),
    }
    record = {**separated.record, "version": software.version, "weights_sha256": software.weights_sha256}

    def write(partial: Path) -> None:
        for ending, (levels, step) in files.items():
            Image.fromarray(levels).save(partial / f"{name}_{ending}.png")
            nib.save(_nifti(levels, step, picture), partial / f"{name}_{ending}.nii.gz")
        text = json.dumps(record, indent=4) + "\n"
        (partial / f"{name}_figures.json").write_text(text, encoding="utf-8")
        sheet(separated, name, software.version).save(partial / f"{name}_sheet.png", compress_level=1)

    whole_or_nothing(folder, write)
    return [folder / f"{name}_sheet.png"]


def _nifti(levels: np.ndarray, step: float, picture: Picture) -> nib.Nifti1Image:
    # NIfTI stores (column, row), as it was read.
    image = nib.Nifti1Image(levels.T if picture.dimensions == 2 else levels.T[..., None], picture.affine)
    # With a scale set, nibabel stores the integers as they are.
    image.header.set_slope_inter(step, 0)
    return image
