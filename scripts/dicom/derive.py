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

"""All that is derived from one radiograph, built before any of it is written."""

import copy
import dataclasses
from collections.abc import Sequence

from pydicom import Dataset

from scripts.dicom.header import quiet
from scripts.dicom.joint import MaskedJoint, SeparatedJoint
from scripts.dicom.layer_image import layer_image
from scripts.dicom.provenance import Software
from scripts.dicom.reader import Radiograph
from scripts.dicom.segmentation import segmentation
from scripts.physics import LOWER, UPPER


def derive(radiograph: Radiograph, joints: Sequence[MaskedJoint], software: Software) -> list[Dataset]:
    """Layers and masks of all joints of a radiograph as DICOM objects.

    Each is ready for ``dataset.save_as(path, enforce_file_format=True)``; the same arguments make the same bytes.

    Args:
        radiograph: the source; nothing of it is altered.
        joints: of this radiograph; their order is that of the Instance Numbers. One that is not a
            :class:`~scripts.dicom.joint.SeparatedJoint`, whose layers are elsewhere already, has its masks in the
            segmentation only.
        software: what they were made with.

    Returns:
        The upper layers (DX, one series), the lower layers (DX, one series) and the masks of all joints (SEG, one
        object); nothing for no joints.

    Raises:
        InputError: two joints claim the same pixel.
        ValueError: two joints of one name.
    """
    names = [joint.name for joint in joints]
    if len(set(names)) < len(names):
        raise ValueError(f"joints are named {', '.join(names)}, each a name of its own expected")
    if not joints:
        return []
    # Values of a header are decoded where they are looked at, in place: in a copy, not in the caller's.
    source = dataclasses.replace(radiograph, dataset=copy.deepcopy(radiograph.dataset))
    with quiet():
        layers = [
            layer_image(source, joint, layer, number, software)
            for layer in (UPPER, LOWER)
            for number, joint in enumerate(joints, 1)
            if isinstance(joint, SeparatedJoint)
        ]
        return [*layers, segmentation(source, joints, software)]
