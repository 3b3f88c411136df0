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


"""Report on the finger joints of one person: series of joints, their pictures, what was refused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from scripts.dicom.provenance import Software
from scripts.measurement.joint_series import JointSeries, Point

TITLE = "Finger joints: widths and changes"
NOTICE = (
    "Research use, not a medical device. Layers are estimates, and so is what is measured in them. "
    "This is neither a finding nor a diagnosis."
)


@dataclass(frozen=True, kw_only=True)
class VisitPictures:
    """Pictures of a joint at one visit, on the grid of its radiograph.

    Attributes:
        original: (H, W) uint8, its region.
        layers: (2, H, W) uint8, the lower and the upper bone; None if it was not separated.
        origin: row and column of the first pixel in the radiograph.
    """

    original: np.ndarray
    layers: np.ndarray | None = None
    origin: tuple[int, int] = (0, 0)


@dataclass(frozen=True, kw_only=True)
class Overview:
    """One radiograph as a whole, with its joints.

    Attributes:
        image: its name, as the visits call it.
        date: YYYYMMDD; empty if it is not known.
        side: ``"left"``, ``"right"`` or empty.
        picture: (H, W) uint8, made smaller.
        step: px of the radiograph that are one px of the picture.
        joints: middle of each joint by its name, row and column in the radiograph.
    """

    image: str
    date: str = ""
    side: str = ""
    picture: np.ndarray
    step: float = 1.0
    joints: Mapping[str, Point]


@dataclass(frozen=True, kw_only=True)
class Report:
    """All that the report on one person says.

    Attributes:
        subject: whose joints they are, see :class:`~scripts.measurement.joint_series.JointSeries`.
        series: of the joints, in the order of the report.
        pictures: of each joint at each of its visits; None where there are none.
        overviews: of the radiographs, in the order of time.
        software: version and weights.
        refused: sentences on what could not be used.

    Raises:
        ValueError: pictures and visits are not as many.
    """

    subject: str
    series: Sequence[JointSeries]
    pictures: Sequence[Sequence[VisitPictures | None]]
    overviews: Sequence[Overview] = ()
    software: Software
    refused: Sequence[str] = ()

    def __post_init__(self) -> None:
        expected, got = [len(joint.visits) for joint in self.series], [len(own) for own in self.pictures]
        if expected != got:
            raise ValueError(f"pictures: expected those of {expected} visits, got {got}")
