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

"""Private block of layer images, and by it and by their UIDs, whether an image is a layer that this software made."""

from pydicom import Dataset
from pydicom.uid import UID

from scripts.dicom.attributes import UNREADABLE, values
from scripts.dicom.joint import SeparatedJoint
from scripts.dicom.provenance import Software, derived_uid
from scripts.physics import LOWER, UPPER

PRIVATE_GROUP, PRIVATE_CREATOR = 0x0029, "BLS-GAN"
JOINT, BOX, LAYER, SOFT_TISSUE, WHITE, MASKS_FROM, OVERLAP, WARNINGS, CENTRE, ANGLE, KIND, ANGLE_FROM, CONFIDENCE = (
    range(1, 14)
)
"""Elements (0029,xx01) to (0029,xx0D) of the private block, for machines that put the layers back, viewers among them:

- JOINT, LO: the joint's name
- BOX, UL, 4 values: top, left, bottom, right of the region in px of the source; bottom and right are the first outside
- LAYER, CS: ``UPPER`` or ``LOWER``
- SOFT_TISSUE, FD: k, the mean of the soft tissue t in the overlap, and WHITE, UL: W, both in levels. A level counts up
  from black: it is the stored value, in MONOCHROME1 2**BitsStored - 1 less it. Where the bones meet
  (W - image)(W - t) = (W - upper)(W - lower).
- MASKS_FROM, LO: where the masks come from, ``predicted`` or ``given``
- OVERLAP, UL: size of the overlap, px
- WARNINGS, LT: what a reader of the layers should know, a sentence a line; empty if nothing
- CENTRE, FD, 2 values: row and column of the joint's middle in px of the source
- ANGLE, FD: degrees by which the joint's axis, from the lower bone to the upper one, leans to the right
- KIND, CS: ``IN_TISSUE``, the bone in its soft tissue, the other one taken away, or ``MASKED``, black outside the bone
  and its rim; results of versions before 0.6.0 have none, and are masked by a bone without its rim
- ANGLE_FROM, LO: where the angle comes from, ``bones`` or ``given``
- CONFIDENCE, FD: 0..1, of the place of a joint that was found automatically; missing where somebody has pointed at it
"""

LAYER_NAMES = {LOWER: "LOWER", UPPER: "UPPER"}


def add_private_block(image: Dataset, joint: SeparatedJoint, layer: int) -> None:
    """Add the block to the image of a layer, ``LOWER`` or ``UPPER``."""
    block = image.private_block(PRIVATE_GROUP, PRIVATE_CREATOR, create=True)
    block.add_new(JOINT, "LO", joint.name)
    block.add_new(BOX, "UL", [int(side) for side in joint.box])
    block.add_new(LAYER, "CS", LAYER_NAMES[layer])
    block.add_new(SOFT_TISSUE, "FD", float(joint.soft_tissue))
    block.add_new(WHITE, "UL", int(joint.white))
    block.add_new(MASKS_FROM, "LO", joint.masks_from)
    block.add_new(OVERLAP, "UL", int(joint.masks.all(axis=0).sum()))
    block.add_new(WARNINGS, "LT", "\n".join(joint.warnings))
    block.add_new(CENTRE, "FD", [float(side) for side in joint.middle])
    block.add_new(ANGLE, "FD", joint.angle.degrees)
    block.add_new(KIND, "CS", joint.kind.upper())
    block.add_new(ANGLE_FROM, "LO", joint.angle.origin)
    if joint.confidence is not None:
        block.add_new(CONFIDENCE, "FD", joint.confidence)


def layer_series_uid(source: Dataset, layer: int, software: Software) -> UID:
    """Return the Series Instance UID of the lower or the upper layers of a radiograph, for any set of joints.

    Args:
        source: the radiograph's header.
        layer: ``LOWER`` or ``UPPER``.
        software: version and weights.
    """
    return derived_uid(source, software, "DX series", LAYER_NAMES[layer])


def is_layer(dataset: Dataset) -> bool:
    """Return whether an image is a layer that this software made, or a copy of one.

    Either it has the private block; or, where an archive has taken that away, its Series Instance UID is the one that
    follows from its source, version and weights. Who made an image, and that it is derived, tells nothing: a radiograph
    that was compressed with a loss is derived too.

    Args:
        dataset: its header.
    """
    try:
        if PRIVATE_CREATOR in dataset.private_creators(PRIVATE_GROUP):
            return True
        weights = str(dataset.get("DeviceSerialNumber"))
        software = Software(str(dataset.get("SoftwareVersions")), None if weights == "none" else weights)
        for reference in values(dataset, "SourceImageSequence"):
            source = Dataset()
            source.SOPInstanceUID = reference.ReferencedSOPInstanceUID
            if dataset.get("SeriesInstanceUID") in [layer_series_uid(source, layer, software) for layer in LAYER_NAMES]:
                return True
    except UNREADABLE:
        pass
    return False
