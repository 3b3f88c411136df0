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

"""Measurements of one joint over its visits: joint space width (JSW) at each, narrowing (JSN) between two."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

Point = tuple[float, float]
"""Row and column, px of the source image; whole numbers are the middle of a pixel."""

UID_ROOT = "2.25."
"""Root of UIDs that are made from a number of 128 bits (DICOM PS3.5 B.2)."""

SURE = 1.96
"""Standard errors on either side of a value that hold the truth in 95 of 100 cases."""


@dataclass(frozen=True, kw_only=True)
class Width:
    """Joint space width at one visit, along the joint's axis.

    From the phalanx' subchondral line, in the upper layer, to the outline of the metacarpal head, in the lower one.

    Attributes:
        mean: over the central part, px.
        minimum: the smallest in the central part, px.
        minimum_line: its ends on the phalanx and on the metacarpal head.
        curve: place across the joint, px from its middle, and width there, px.
        upper_line: points of the phalanx' subchondral line, in the order of the curve.
        lower_line: points of the metacarpal head's outline, in the order of the curve.
        standard_error: of the mean, px.
        edited: a reader has moved its lines.
    """

    mean: float
    minimum: float
    minimum_line: tuple[Point, Point]
    curve: Sequence[Point]
    upper_line: Sequence[Point]
    lower_line: Sequence[Point]
    standard_error: float
    edited: bool = False


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One visit of a joint.

    Attributes:
        image: name of the source image, unique among the visits.
        date: of the study, YYYYMMDD; empty if it is not known.
        spacing: mm a px of the source image; None if only px are known.
        rests_on: what the mm rest on, see :attr:`scripts.dicom.spacing.Spacing.rests_on`; empty without mm.
        centre: of the joint in the source image.
        angle: degrees by which the joint's axis leans to the right there.
        confidence: 0..1 of a joint that was found; None: somebody has pointed at it.
        width: None if it cannot be measured; then ``refused`` or a warning says why.
        refused: a sentence; empty if all is well.
        warnings: sentences of the separation and of the measurement.
        sop_class_uid, sop_instance_uid, study_uid: of a DICOM source.
    """

    image: str
    date: str = ""
    spacing: float | None = None
    rests_on: str = ""
    centre: Point
    angle: float = 0.0
    confidence: float | None = None
    width: Width | None = None
    refused: str = ""
    warnings: Sequence[str] = ()
    sop_class_uid: str = ""
    sop_instance_uid: str = ""
    study_uid: str = ""

    def mm(self, px: float) -> float | None:
        """Return a length in mm, where the spacing is known."""
        return None if self.spacing is None else px * self.spacing


@dataclass(frozen=True, kw_only=True)
class Change:
    """Joint space narrowing (JSN) between two visits: the change of width that both bones' displacements make.

    Attributes:
        first, second: numbers of the visits, 0 the earliest; the change is from the first to the second.
        px: change of the width, px of the first visit's image, negative where the space is narrower.
        mm: the same, where a spacing is known.
        standard_error: of ``px``; ``standard_error_mm`` that of ``mm``.
        reliability: 0..1, the smaller of both bones' correlations after registration.
        refused: why there is no number; then all of them are None.
        warnings: sentences.
    """

    first: int
    second: int
    px: float | None = None
    mm: float | None = None
    standard_error: float | None = None
    standard_error_mm: float | None = None
    reliability: float | None = None
    refused: str = ""
    warnings: Sequence[str] = ()

    @property
    def detectable(self) -> float | None:
        """Smallest detectable change, 1.96 standard errors, mm where they are known, else px."""
        error = self.standard_error if self.mm is None else self.standard_error_mm
        return None if error is None else SURE * error

    @property
    def in_words(self) -> str:
        """The number with its uncertainty as a sentence says it; the refusal where there is none."""
        value, unit = (self.px, "px") if self.mm is None else (self.mm, "mm")
        if value is None or self.detectable is None:
            return f"not measured: {self.refused}"
        size, way = f"{abs(value):.2f}", " narrower" if value < 0 else " wider"
        chance = "more than can be chance" if abs(value) > self.detectable else "can be chance"
        return f"{size} {unit}{way if float(size) else ''}, ± {self.detectable:.2f}: {chance}"


@dataclass(frozen=True, kw_only=True)
class JointSeries:
    """All visits of one joint.

    Attributes:
        subject: whose joint it is: a name in figures and files, of the DICOM source the Patient ID.
        side: ``"left"``, ``"right"`` or empty.
        joint: its name, MCP1 to MCP5; empty for a picture of one joint.
        visits: in the order of time.
        changes: between visits that follow each other, then from the first to the last if there are more than two.
    """

    subject: str
    side: str = ""
    joint: str = ""
    visits: Sequence[Visit] = ()
    changes: Sequence[Change] = field(default_factory=tuple)

    @property
    def tracking_uid(self) -> str:
        """UID that stays the same over all visits: of the subject, the side and the joint."""
        parts = repr(("bls-gan joint", self.subject, self.side, self.joint))
        return UID_ROOT + str(int.from_bytes(hashlib.sha256(parts.encode()).digest()[:16], "big"))

    @property
    def record(self) -> dict[str, Any]:
        """All of it in types that JSON knows, with detectable changes and words."""
        record = asdict(self)
        for entry, change in zip(record["changes"], self.changes, strict=True):
            entry |= {"detectable": change.detectable, "in_words": change.in_words}
        return record
