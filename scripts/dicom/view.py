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

"""Side and view of a radiograph, as its header tells them."""

import re

from pydicom import Dataset
from pydicom.sr.codedict import codes

from scripts.dicom.attributes import values

SIDES = {"R": "right", "L": "left", "B": "both hands"}
CODES = {codes.SCT.Left.value: "L", codes.SCT.Right.value: "R"}


def laterality(source: Dataset) -> str:
    """Return R, L, B (both) or U (unknown), from the first attribute that holds it."""
    stated = [*values(source, "ImageLaterality"), *values(source, "Laterality")]
    for item in values(source, "FrameAnatomySequence"):
        stated += values(item, "FrameLaterality")
    for region in values(source, "AnatomicRegionSequence"):
        for modifier in values(region, "AnatomicRegionModifierSequence"):
            stated += [CODES.get(str(value)) for value in values(modifier, "CodeValue")]
    known = (str(side).strip().upper() for side in stated)
    return next((side for side in known if side in SIDES), "U")


def series_description(what: str, source: Dataset, name: str) -> str:
    """Return a description that tells a study's hands and views apart: "Bone masks, right PA, BLS-GAN, research use".

    Args:
        what: the series holds.
        source: the radiograph's header.
        name: of the software.
    """
    view = "".join(str(value) for value in values(source, "ViewPosition")[:1]).strip()
    # A header may hold anything; a code string has no more than this.
    words = [SIDES.get(laterality(source), ""), view if re.fullmatch("[A-Z0-9 _]{1,16}", view) else ""]
    return ", ".join(part for part in (what, " ".join(filter(None, words)), name, "research use") if part)
