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


"""Pictures of a report: a radiograph as a whole, a joint with its layers."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from scripts.dicom.reader import Radiograph
from scripts.inference.joint_list import LocatedJoint
from scripts.inference.regions import RadiographRegion
from scripts.inference.split import SeparatedRegion
from scripts.measurement.report import Overview, VisitPictures

LARGEST = 560
"""Longer side of an overview, px."""


def visit_pictures(separated: SeparatedRegion) -> VisitPictures:
    """Return the pictures of a separated joint; all have one window, from black to the brightest of the region."""
    region = separated.region
    black, white = round(region.black), int(region.levels.max())

    def shown(levels: np.ndarray) -> np.ndarray:
        gray = (levels.astype(np.float64) - black) / max(1, white - black)
        return np.asarray((gray.clip(0.0, 1.0) * 255.0).round(), np.uint8)

    return VisitPictures(
        original=shown(region.levels.numpy()),
        layers=shown(separated.layers.numpy()),
        origin=region.joint.box[:2] if isinstance(region, RadiographRegion) else (0, 0),
    )


def overview_of(
    radiograph: Radiograph, joints: Sequence[LocatedJoint], *, image: str, date: str, side: str
) -> Overview:
    """Return a radiograph as a whole, made smaller, with its joints.

    Args:
        radiograph: as it was read.
        joints: to mark.
        image: its name.
        date: of the visit.
        side: ``"left"``, ``"right"`` or empty.
    """
    rows, columns = radiograph.levels.shape
    levels = (radiograph.gray((0, 0, rows, columns)) * 255.0).round().astype(np.uint8)
    step = max(1.0, max(rows, columns) / LARGEST)
    small = Image.fromarray(levels).resize((round(columns / step), round(rows / step)), Image.Resampling.BOX)
    return Overview(
        image=image,
        date=date,
        side=side,
        picture=np.asarray(small),
        step=step,
        joints={joint.name: joint.centre for joint in joints},
    )
