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

"""Stored results: the layers and the segmentation of one radiograph in the PACS."""

import logging
from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np
from pydicom import Dataset

from scripts.dicom.layer_image import (
    ANGLE,
    ANGLE_FROM,
    BOX,
    CENTRE,
    CONFIDENCE,
    JOINT,
    MASKS_FROM,
    PRIVATE_CREATOR,
    PRIVATE_GROUP,
    layer_series_uid,
)
from scripts.dicom.provenance import Software
from scripts.dicom.reader import Radiograph
from scripts.dicom.segmentation import segmentation_series_uid
from scripts.inference.incremental import KnownJoint
from scripts.inference.joint_list import LocatedJoint
from scripts.physics import LOWER, UPPER
from serving.label_map import read_stored
from serving.pacs.client import Instance, Pacs

logger = logging.getLogger(__name__)


@dataclass
class StoredResults:
    """Results of one radiograph of one version and its weights.

    Attributes:
        joints: in the order of their Instance Numbers.
        layers: by the joint's name and the bone, ``LOWER`` or ``UPPER``.
        segmentation: of all joints.
        labels: (rows, columns) uint8, its label map.
    """

    joints: list[KnownJoint] = field(default_factory=list)
    layers: dict[str, dict[int, Instance]] = field(default_factory=dict)
    segmentation: Instance | None = None
    labels: np.ndarray | None = None

    @property
    def objects(self) -> list[Instance]:
        """All of it."""
        layers = [layer for layers in self.layers.values() for layer in layers.values()]
        return [*layers, *([self.segmentation] if self.segmentation else [])]


def stored_results(pacs: Pacs, radiograph: Radiograph, software: Software, gone: Collection[str] = ()) -> StoredResults:
    """Look up the results of one version and its weights.

    Args:
        pacs: where to look.
        radiograph: the source.
        software: version and weights of the results.
        gone: SOP Instance UIDs of objects that do not count any more.

    Raises:
        PacsAwayError: the PACS does not answer.
        InputError: the segmentation cannot be read.
    """
    source, results = radiograph.dataset, StoredResults()
    joints, results.layers = stored_joints(pacs, source, software, gone)
    series = str(segmentation_series_uid(source, software))
    study = str(source.StudyInstanceUID)
    for header in _headers(pacs, study, series, gone):
        results.segmentation = Instance(study, series, str(header.SOPInstanceUID))
    if results.segmentation and joints:
        results.labels = read_stored(pacs.fetch(results.segmentation), radiograph)
        results.joints = joints
    return results


def stored_joints(
    pacs: Pacs, source: Dataset, software: Software, gone: Collection[str] = ()
) -> tuple[list[KnownJoint], dict[str, dict[int, Instance]]]:
    """Look up the joints that have layers, by the headers of these.

    Args:
        pacs: where to look.
        source: Study and SOP Instance UID of the radiograph.
        software: version and weights of the layers.
        gone: SOP Instance UIDs of objects that do not count any more.

    Returns:
        Joints that have both layers, in the order of their Instance Numbers, and the layers of each joint.

    Raises:
        PacsAwayError: the PACS does not answer.
    """
    study = str(source.StudyInstanceUID)
    numbered: dict[str, tuple[int, KnownJoint]] = {}
    layers: dict[str, dict[int, Instance]] = {}
    for layer in (LOWER, UPPER):
        series = str(layer_series_uid(source, layer, software))
        for header in _headers(pacs, study, series, gone):
            try:
                joint, number = _joint(header), int(header.InstanceNumber)
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                # Anybody may store objects under these UIDs.
                logger.warning("passed over a layer that is none of ours (%s)", type(error).__name__)
                continue
            name = joint.located.name
            numbered[name] = (number, joint)
            layers.setdefault(name, {})[layer] = Instance(study, series, str(header.SOPInstanceUID))
    # A joint that has lost a layer does not count; the layer that is left goes when the joint is separated again.
    whole = [each for name, each in numbered.items() if len(layers[name]) == 2]
    return [joint for _, joint in sorted(whole, key=lambda each: each[0])], layers


def _headers(pacs: Pacs, study: str, series: str, gone: Collection[str]) -> list[Dataset]:
    return [header for header in pacs.metadata(study, series) if str(header.SOPInstanceUID) not in gone]


def _joint(header: Dataset) -> KnownJoint:
    block = header.private_block(PRIVATE_GROUP, PRIVATE_CREATOR)
    top, left, bottom, right = (int(edge) for edge in block[BOX].value)
    middle = block[CENTRE].value if CENTRE in block else ((top + bottom) / 2, (left + right) / 2)
    # Results before 0.6.0 tell no angle.
    angle = float(block[ANGLE].value) if ANGLE in block else None
    given = angle if ANGLE_FROM in block and block[ANGLE_FROM].value == "given" else None
    centre = float(middle[0]), float(middle[1])
    confidence = float(block[CONFIDENCE].value) if CONFIDENCE in block else None
    located = LocatedJoint(str(block[JOINT].value), (top, left, bottom, right), centre, given, confidence)
    return KnownJoint(located, str(block[MASKS_FROM].value), angle)
