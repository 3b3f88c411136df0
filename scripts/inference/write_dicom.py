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

"""Results of a radiograph: collect its joints, derive DICOM objects of them all, write all of it or nothing."""

import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from monai.transforms import Transform
from pydicom import Dataset

from scripts.dicom.derive import derive
from scripts.dicom.joint import SeparatedJoint
from scripts.dicom.provenance import Software
from scripts.dicom.reader import Radiograph
from scripts.errors import InputError, SkippedInput
from scripts.files import file_sha256, whole_or_nothing
from scripts.inference.joint_list import PlacedJoint
from scripts.inference.joint_sheet import sheet
from scripts.inference.regions import source_figures

logger = logging.getLogger(__name__)


class WriteRadiographd(Transform):
    """Write one folder ``output_dir/NAME`` for a radiograph, when the last of its joints has been split.

    ``JOINT_upper.dcm``, ``JOINT_lower.dcm`` and ``JOINT_sheet.png`` for each joint, ``segmentation.dcm`` over the whole
    radiograph, and ``figures.json``. The folder appears when all of it is written, and replaces that of an earlier run.
    The same input gives the same bytes. Regions of pictures are handed on untouched.

    Args:
        output_dir: the folder for all results.
        version: of the bundle.
        weights: file whose SHA-256 goes into the objects.
        store: called with the objects of a radiograph before its folder appears; if it raises, no folder does.
        resume: pass over a radiograph whose folder already holds the results of the same file, joints, masks, version
            and weights.

    Attributes:
        sheets: paths of the sheets written, in order.
        joints: number of joints written.
        refused: sentences for the radiographs whose results could not be made or written.
    """

    def __init__(
        self,
        output_dir: str | Path,
        version: str,
        weights: str | Path | None = None,
        store: Callable[[Sequence[Dataset]], None] | None = None,
        resume: bool = True,
    ) -> None:
        self.output_dir = Path(output_dir)
        self.version = version
        self.weights = weights
        self.store = store
        self.resume = resume
        self.sheets: list[Path] = []
        self.joints = 0
        self.refused: list[str] = []
        self._software: Software | None = None
        self._at: tuple[str, Radiograph, str] | None = None
        self._regions: list[Mapping[str, Any]] = []

    @property
    def software(self) -> Software:
        """Who makes the objects."""
        if self._software is None:
            self._software = Software(version=self.version, weights_sha256=file_sha256(self.weights))
        return self._software

    def begin(
        self, name: str, radiograph: Radiograph, joints: Sequence[PlacedJoint], labels: np.ndarray | None
    ) -> None:
        """Take up a radiograph, whose regions will follow.

        Args:
            name: of its results.
            radiograph: as it was read.
            joints: that are asked for.
            labels: label map that is given for it.

        Raises:
            SkippedInput: its results are already there.
        """
        made_of = [
            radiograph.sha256,
            self.software.version,
            self.software.weights_sha256,
            [(joint.name, joint.box) for joint in joints],
            None if labels is None else hashlib.sha256(labels.tobytes()).hexdigest(),
        ]
        fingerprint = hashlib.sha256(json.dumps(made_of).encode()).hexdigest()
        if self.resume and _fingerprint_in(self.output_dir / name) == fingerprint:
            raise SkippedInput(f"{name}: done before", kind="done before")
        self._at, self._regions = (name, radiograph, fingerprint), []

    def __call__(self, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """Keep one region; write all of them with the last one."""
        if "box" not in data or self._at is None:
            return data
        self._regions.append(data)
        if len(self._regions) < data["of"]:
            return data
        (name, radiograph, fingerprint), regions = self._at, self._regions
        self._at, self._regions = None, []
        try:
            self._finish(name, radiograph, fingerprint, regions)
        except InputError as error:
            self.refused.append(str(error))
        except OSError as error:
            self.refused.append(f"{name}: its results cannot be written ({error.strerror or type(error).__name__})")
        except Exception as error:  # what a header holds that no check foresaw; its text may be the patient's
            logger.debug("%s", name, exc_info=error)
            self.refused.append(f"{name}: its header cannot be carried over ({type(error).__name__})")
        return data

    def _finish(
        self, name: str, radiograph: Radiograph, fingerprint: str, regions: Sequence[Mapping[str, Any]]
    ) -> None:
        joints = [separated(region) for region in regions]
        objects = derive(radiograph, joints, self.software)
        files = [f"{joint.name}_{layer}" for layer in ("upper", "lower") for joint in joints] + ["segmentation"]
        figures = {
            **source_figures(radiograph, regions[0]["source"]),
            "version": self.version,
            "weights_sha256": self.software.weights_sha256,
            "joints": [region["figures"] for region in regions],
            "fingerprint": fingerprint,
        }

        def write(folder: Path) -> None:
            for file, made in zip(files, objects, strict=True):
                made.save_as(folder / f"{file}.dcm", enforce_file_format=True)
            for region in regions:
                _sheet(region, radiograph, name, self.version).save(
                    folder / f"{region['name']}_sheet.png", compress_level=1
                )
            text = json.dumps(figures, indent=4) + "\n"
            (folder / "figures.json").write_text(text, encoding="utf-8")
            if self.store:
                self.store(objects)

        whole_or_nothing(self.output_dir / name, write)
        self.joints += len(regions)
        self.sheets += [self.output_dir / name / f"{region['name']}_sheet.png" for region in regions]


def separated(region: Mapping[str, Any]) -> SeparatedJoint:
    """Return what the derived objects are made of, from a region that was split."""
    top, left, bottom, right = (int(edge) for edge in region["box"])
    return SeparatedJoint(
        name=region["name"],
        box=(top, left, bottom, right),
        layers=region["layers"].numpy(),
        masks=region["masks"].numpy(),
        soft_tissue=region["soft_tissue"],
        white=region["white_taken"],
        masks_from=region["figures"]["masks"],
        centre=(float(region["centre"][0]), float(region["centre"][1])),
        territory=region["territory"][0].numpy(),
        warnings=(*region["figures"]["warnings"], *region["figures"]["notes"]),
    )


def _fingerprint_in(folder: Path) -> str | None:
    try:
        found = json.loads((folder / "figures.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found.get("fingerprint") if isinstance(found, dict) else None


def _sheet(region: Mapping[str, Any], radiograph: Radiograph, name: str, version: str) -> Any:
    """The sheet of one joint, in the window of the radiograph."""
    black, top = round(radiograph.grayscale.black), radiograph.grayscale.top
    shown = {
        "levels": region["levels"][0].numpy(),
        "layers": region["layers"].numpy(),
        "recomposed": region["recomposed"].numpy(),
    }
    return sheet(
        **{key: (picture - black).clip(0, top) for key, picture in shown.items()},
        masks=region["masks"].numpy(),
        figures={**region["figures"], "name": f"{name} {region['name']}", "version": version},
    )
