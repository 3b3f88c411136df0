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

"""Codes and words of a report of joint space: what its writer writes, its reader reads."""

import re

from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

SCHEME = "99BLSGAN"
"""Coding scheme of what no other one has a code for: names that begin with 99 are anybody's (DICOM PS3.16, 8)."""

WIDTH = Code("JSW", SCHEME, "Joint space width")
CHANGE = Code("JSWCHANGE", SCHEME, "Change of joint space width")
"""Negative where the space is narrower."""

STANDARD_ERROR = Code("SE", SCHEME, "Standard error")
BONE_LINES = Code("BONELINES", SCHEME, "Phalanx' subchondral line to outline of metacarpal head")
REGISTRATION = Code("BONEREG", SCHEME, "Displacements of both bones by registration")

TIME_POINT = Code("C2348792", "UMLS", "Time Point")

PIXELS = Code("{pixels}", "UCUM", "pixels")

MCP_JOINT = Code("70420003", "SCT", "Metacarpophalangeal joint")
DIGITS = {
    "1": codes.SCT.Thumb,
    "2": Code("83738005", "SCT", "Index finger"),
    "3": Code("65531009", "SCT", "Middle finger"),
    "4": Code("82002001", "SCT", "Ring finger"),
    "5": Code("12406000", "SCT", "Little finger"),
}
"""Digit of a joint MCP1 to MCP5 (SNOMED CT)."""

SIDES = {"left": codes.SCT.Left, "right": codes.SCT.Right}

LENGTH = "Cornerstone3DTools@^0.1.0:Length:"
"""Beginning of a Tracking Identifier by which OHIF knows a line of two points, and draws it."""

_NAME = re.compile(r"([A-Za-z0-9_-]{0,32})(?: (left|right))?")


def tracking_identifier(joint: str, side: str) -> str:
    """Return the Tracking Identifier of a joint."""
    return f"{LENGTH}{f'{joint} {side}'.strip()}"


def joint_and_side(identifier: str) -> tuple[str, str] | None:
    """Return the joint and the side of a Tracking Identifier; None if it is none of ours."""
    if not identifier.startswith(LENGTH):
        return None
    name = identifier.removeprefix(LENGTH)
    if name in SIDES:
        return "", name
    found = _NAME.fullmatch(name)
    return (found[1], found[2] or "") if found else None
