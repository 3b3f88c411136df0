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
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.transforms import Transform
from torch.utils.data import IterableDataset

from scripts.dicom.reader import Radiograph, read_radiograph
from scripts.errors import InputError, SkippedInput
from scripts.inference.find_images import MASK_KEYS
from scripts.inference.image_file import read_mask, read_picture, suffix_of
from scripts.inference.joint_list import FIELD_MM, PlacedJoint, rows_of
from scripts.inference.regions import given_label_map, joints_of, regions_of
from scripts.physics import LOWER, UPPER

logger = logging.getLogger(__name__)


class LoadRegiond(Transform):
    """Read one entry of :func:`find_regions`: a picture with its masks, or a DICOM radiograph with its joints.

    A picture's entry becomes one region, a radiograph's a list of them, one a joint:

    - ``image``: (1, H, W) float32, gray levels 0..1, bright = more attenuation; rows and columns, whatever the format
    - ``masks``: (2, H, W) bool, only if masks are given
    - ``levels``: (1, H, W) int32, the stored integers, bright = more attenuation, 0..2**bits_stored - 1
    - ``bits_stored``; ``black``, ``white``: levels at which ``image`` is 0 and 1
    - ``notes``: text, one note a line
    - ``name``: of the results, for a radiograph of the joint; ``source``: name of the file
    - of a picture ``container``, ``step``, ``affine``, ``dimensions``: as in
      :class:`scripts.inference.image_file.Picture`
    - of a radiograph the keys of :func:`scripts.inference.regions.regions_of`

    Args:
        field_mm: side of the region around a joint that is given as a point, mm.
        begin: told of each radiograph before its regions follow: name of the results, radiograph, joints, label map
            that is given or None; see :meth:`scripts.inference.write_dicom.WriteRadiographd.begin`.

    Raises:
        SkippedInput: DICOM, but no radiograph; or as ``begin`` says.
        InputError: the entry's own ``refused``, one mask without the other, or as
            :mod:`scripts.inference.image_file`, :mod:`scripts.dicom.reader` and :mod:`scripts.inference.joint_list`
            say.
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
            raise InputError(data["refused"])
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
            raise InputError(f"{path.name}: has {next(iter(given.values())).name} but no {missing}, both or none")
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
            except (InputError, RuntimeError) as error:
                refusal = _refusal_in(error)
                if isinstance(refusal, SkippedInput):
                    logger.debug("passed over %s", refusal)
                    self.passed_over.append(refusal.kind)
                elif refusal is not None:
                    logger.error("refused %s", refusal)
                    self.refused.append(str(refusal))
                else:
                    raise
                continue
            yield from regions if isinstance(regions, list) else [regions]


def _refusal_in(error: BaseException | None) -> InputError | None:
    while error is not None and not isinstance(error, InputError):
        error = error.__cause__
    return error
