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

"""Contact sheets: layers of several joints on one page."""

import logging
from pathlib import Path

import numpy as np
from torch import Tensor

from scripts.datasets.test_sets import RealJoints
from scripts.inference.joint_sheet import contact_sheet
from scripts.physics import overlap_of

logger = logging.getLogger(__name__)


def gallery(
    layers: Tensor, joints: RealJoints, path: str | Path, *, version: str, count: int = 24, largest: int = 6
) -> Path:
    """Draw a contact sheet of real overlaps and their layers: the largest, and others of all sizes.

    The picture shows the release's images, which may not be passed on; its foot says so.

    Args:
        layers: (N, 2, H, W), gray levels 0..1, of each joint.
        joints: overlapping joints.
        path: of the PNG to write.
        version: of the bundle, for the picture's foot.
        count: joints to show.
        largest: how many of them are the largest overlaps; the others are spread evenly over the rest.

    Returns:
        ``path``.
    """
    items = [joints[at] for at in range(len(joints))]
    by_area = sorted(range(len(items)), key=lambda at: -float(overlap_of(items[at]["masks"][None]).sum()))
    rest = by_area[largest:]
    spread = [rest[at] for at in np.linspace(0, len(rest) - 1, min(count - largest, len(rest))).round().astype(int)]
    shown = [
        (joints.cases[at], items[at]["image"][0].numpy(), layers[at].float().numpy(), items[at]["masks"].numpy() > 0.5)
        for at in [*by_area[:largest], *spread]
    ]
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    contact_sheet(shown, version).save(path)
    logger.info("contact sheet: %s", path)
    return Path(path)
