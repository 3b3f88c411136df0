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

"""All DICOM objects that are derived from one radiograph, built before any of it is written."""

import copy
import dataclasses
from collections.abc import Mapping, Sequence

from pydicom import Dataset

from scripts.dicom.header import quiet
from scripts.dicom.joint import MaskedJoint, SeparatedJoint
from scripts.dicom.layer_image import layer_image
from scripts.dicom.provenance import Software
from scripts.dicom.reader import Radiograph
from scripts.dicom.segmentation import segmentation
from scripts.physics import LOWER, UPPER


@dataclasses.dataclass(frozen=True)
class DerivedObjects:
    """DICOM objects derived from one radiograph.

    Attributes:
        layers: DX images, by the joint's name and the bone, ``LOWER`` or ``UPPER``.
        segmentation: SEG, the masks of all joints.
    """

    layers: Mapping[str, Mapping[int, Dataset]]
    segmentation: Dataset

    @property
    def all(self) -> list[Dataset]:
        """The upper layers, the lower layers, the segmentation."""
        return [*(layers[bone] for bone in (UPPER, LOWER) for layers in self.layers.values()), self.segmentation]


def derive(radiograph: Radiograph, joints: Sequence[MaskedJoint], software: Software) -> DerivedObjects:
    """Derive layers and masks of all joints of a radiograph as DICOM objects.

    Each is ready for ``dataset.save_as(path, enforce_file_format=True)``; the same arguments make the same bytes.

    Args:
        radiograph: the source; nothing of it is altered.
        joints: of this radiograph, at least one; their order is that of the Instance Numbers. One that is not a
            :class:`~scripts.dicom.joint.SeparatedJoint`, whose layers exist already, has its masks in the segmentation
            only.
        software: version and weights.

    Raises:
        InputError: two joints claim the same pixel.
        ValueError: two joints of one name, or none at all.
    """
    names = [joint.name for joint in joints]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"expected joints, each with a name of its own, got {', '.join(names) or 'none'}")
    # Values of a header are decoded where they are looked at, in place: in a copy, not in the caller's.
    source = dataclasses.replace(radiograph, dataset=copy.deepcopy(radiograph.dataset))
    with quiet():
        layers = {
            joint.name: {bone: layer_image(source, joint, bone, number, software) for bone in (UPPER, LOWER)}
            for number, joint in enumerate(joints, 1)
            if isinstance(joint, SeparatedJoint)
        }
        return DerivedObjects(layers, segmentation(source, joints, software))
