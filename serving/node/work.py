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

"""Work on one radiograph: which of its joints are separated, and their separation."""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from scripts.dicom.reader import Radiograph, read_radiograph
from scripts.errors import SkippedInput
from scripts.inference.found_joints import find_rows
from scripts.inference.incremental import separate_beside
from scripts.inference.joint_list import read_joints
from scripts.inference.pipeline import SeparatedRadiograph
from scripts.inference.read_images import locate_joints
from serving.bundle import Bundle

logger = logging.getLogger(__name__)

FindJoints = Callable[[Radiograph], Sequence[Mapping[str, Any]]]
"""Function that knows the joints of a radiograph: rows as ``joints.csv`` has them, of this image; none if it shows no
hand. It may raise :class:`~scripts.errors.SkippedInput` with a reason of its own."""


def separate_all(path: Path, bundle: Bundle, find_joints: FindJoints | None = None) -> SeparatedRadiograph:
    """Separate all joints that are found in a radiograph.

    Args:
        path: its file.
        bundle: separates, and finds the joints.
        find_joints: knows the joints, instead of the bundle's finder.

    Raises:
        SkippedInput: no radiograph, one of ours, or one in which no joint of a hand is known: it is left alone.
        InputError: the radiograph cannot be used, see :func:`scripts.dicom.reader.read_radiograph`.
    """
    radiograph = read_radiograph(path)
    pipeline = bundle.get()
    if find_joints is None:
        found = find_rows(pipeline.find, radiograph, path.name)
        for note in found.notes:
            logger.info("image %s: %s", radiograph.dataset.SOPInstanceUID, note)
        rows = found.rows
    else:
        rows = read_joints(list(known), path.parent) if (known := find_joints(radiograph)) else []
    if not rows:
        raise SkippedInput(f"{path.name}: no joint of a hand is known in it", kind="no known joints")
    return separate_beside(pipeline, radiograph, locate_joints(radiograph, path.name, rows))
