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

"""Measurement of one joint over its visits: widths, and the changes between them."""

from collections.abc import Sequence
from dataclasses import replace

from scripts.errors import InputError
from scripts.inference.split import SeparatedRegion
from scripts.measurement.consistent_changes import make_consistent, pairs_of
from scripts.measurement.joint_image import GRID, JointImage, joint_image
from scripts.measurement.joint_series import Change, JointSeries, Visit
from scripts.measurement.joint_space_width import joint_space_width
from scripts.measurement.narrowing import SATURATED, bones_of, narrowing
from scripts.measurement.registration import Bone
from scripts.physics import FIELD_MM

LEAST_BONE = 2000
"""Smallest bone that is measured, px of the measuring grid, 16 mm2: less of a bone is told by its place no more."""

Pair = tuple[Visit, JointImage | None]
"""A visit and its joint; no joint where the visit was refused."""


def measure_joint(subject: str, side: str, joint: str, visits: Sequence[Pair]) -> JointSeries:
    """Measure a joint's width at each visit, and its narrowing between visits.

    Args:
        subject: whose joint it is.
        side: ``"left"``, ``"right"`` or empty.
        joint: its name, or empty.
        visits: in the order of time, two and more; a visit with a sentence in ``refused`` is kept, not measured.

    Returns:
        The series: changes between visits that follow each other, then from the first to the last. Of three visits and
        more they add up, see :func:`~scripts.measurement.consistent_changes.make_consistent`.

    Raises:
        InputError: one visit.
    """
    name = " ".join(part for part in (subject, side, joint) if part)
    if len(visits) < 2:
        raise InputError(f"{name}: expected two visits or more, got {len(visits)}")
    measured = [_at_visit(visit, image) for visit, image in visits]
    images = [image for _, image in visits]
    bones = [
        None if image is None or visit.refused else bones_of(image)
        for visit, image in zip(measured, images, strict=True)
    ]
    reported, controlling = pairs_of(len(visits))
    changes = make_consistent([_change(pair, measured, images, bones) for pair in [*reported, *controlling]])
    changes = changes[: len(reported)]
    return JointSeries(subject=subject, side=side, joint=joint, visits=measured, changes=changes)


def measure_images(series: JointSeries, images: Sequence[JointImage]) -> JointSeries:
    """Measure a series of which the joint of each visit is at hand; of one visit only the width.

    Args:
        series: with its visits, not measured yet.
        images: of the visits.
    """
    visits = [(replace(visit, angle=image.angle), image) for visit, image in zip(series.visits, images, strict=True)]
    if len(visits) == 1:
        return replace(series, visits=[_at_visit(*visits[0])])
    return measure_joint(series.subject, series.side, series.joint, visits)


def measure_regions(series: JointSeries, regions: Sequence[SeparatedRegion]) -> JointSeries:
    """Measure a series of which the separated joint of each visit is at hand, see :func:`measure_images`."""
    return measure_images(series, [joint_image(region) for region in regions])


def _at_visit(visit: Visit, image: JointImage | None) -> Visit:
    """Return a visit with its width, or with why it has none."""
    if image is None or visit.refused:
        return visit
    if not image.masks.any(axis=(1, 2)).all():
        return replace(visit, refused=f"{visit.image}: expected two bones, found one")
    smallest = int((image.masks & image.usable).sum(axis=(1, 2)).min())
    if smallest < LEAST_BONE:
        sentence = f"{visit.image}: expected bones of {LEAST_BONE} px and more at 0.09 mm, got {smallest}"
        return replace(visit, refused=sentence)
    if image.saturated > SATURATED:
        share = f"{100 * image.saturated:.0f} %"
        return replace(
            visit, refused=f"{visit.image}: {share} of the bones is as bright as the file can say, saturated"
        )
    try:
        width = joint_space_width(image)
    except InputError as error:
        return replace(visit, warnings=(*visit.warnings, str(error)))
    return replace(visit, width=width)


def _change(
    pair: tuple[int, int],
    visits: Sequence[Visit],
    images: Sequence[JointImage | None],
    bones: Sequence[tuple[Bone, Bone] | None],
) -> Change:
    """Return the change between two visits, or why there is none."""
    first, second = (visits[number] for number in pair)
    one, other = (images[number] for number in pair)
    fixed, moving = (bones[number] for number in pair)
    refused = next((visit.refused for visit in (first, second) if visit.refused), "") or _unlike(
        first, second, one, other
    )
    if refused or one is None or other is None or fixed is None or moving is None:
        return Change(first=pair[0], second=pair[1], refused=refused or "a visit has no joint")
    found = narrowing(one, other, (fixed, moving))
    if found.refused:
        return Change(first=pair[0], second=pair[1], refused=found.refused, reliability=found.reliability)
    unit = None if first.spacing is None else FIELD_MM / GRID
    return Change(
        first=pair[0],
        second=pair[1],
        px=found.px / one.factor,
        mm=None if unit is None else found.px * unit,
        standard_error=found.standard_error / one.factor,
        standard_error_mm=None if unit is None else found.standard_error * unit,
        reliability=found.reliability,
        warnings=found.warnings,
    )


def _unlike(first: Visit, second: Visit, one: JointImage | None, other: JointImage | None) -> str:
    """Say why two visits cannot be compared; empty if they can."""
    if (first.spacing is None) != (second.spacing is None):
        return "the spacing of pixels is known at one visit only"
    if first.spacing is None and one is not None and other is not None and abs(one.factor - other.factor) > 1e-6:
        return "the pictures have different sizes and no known spacing of pixels"
    if first.rests_on != second.rests_on:
        return f"millimetres rest on different grounds: {first.rests_on} and {second.rests_on}"
    return ""
