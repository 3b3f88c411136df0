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

"""One joint at the visits of a hand in the PACS: found, separated, ready to be measured."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scripts.dicom.reader import Radiograph
from scripts.dicom.spacing import Origin
from scripts.errors import InputError
from scripts.inference.found_joints import row_of
from scripts.inference.incremental import SAME_JOINT_MM, locate_beside
from scripts.inference.joint_finder import CONFIDENT, FoundJoint
from scripts.inference.joint_list import JointRow, LocatedJoint, distance_mm
from scripts.inference.read_images import locate_joints
from scripts.inference.regions import cut_region
from scripts.inference.split import SeparatedRegion
from scripts.measurement.joint_image import JointImage, joint_image
from scripts.measurement.joint_series import Visit
from serving.pacs.client import Instance
from serving.pacs.earlier_visits import taken
from serving.pacs.errors import NotInPacsError
from serving.pacs.result_lookup import StoredResults, stored_results
from serving.separation import JointSeparator

FINGER_JOINT = re.compile(r"MCP[1-5]")


@dataclass(frozen=True)
class VisitJoint:
    """A joint at one visit.

    Attributes:
        visit: what is known of it before it is measured.
        region: the joint, separated.
        image: what is measured of it.
        levels: (rows, columns), the whole radiograph.
    """

    visit: Visit
    region: SeparatedRegion
    image: JointImage
    levels: np.ndarray


class VisitJoints:
    """Joints of radiographs in a PACS: where they lie, by their results or by the finder.

    Args:
        separator: knows the PACS and the bundle.
    """

    def __init__(self, separator: JointSeparator) -> None:
        self.separator = separator

    def current(self, source: Instance, joint: str, at: tuple[float, float] | None) -> tuple[str, VisitJoint]:
        """Return the joint of the radiograph that is looked at, and the name by which it is found at other visits.

        Args:
            source: the radiograph.
            joint: name of its result; empty if ``at`` tells it.
            at: column and row of a point on the joint.

        Raises:
            NotInPacsError: it has no result of this name.
            InputError: there is no finger joint at this point, or as the reader and the networks refuse.
        """
        radiograph, stored = self._look_up(source)
        known = {each.located.name: each.located for each in stored.joints}
        if at is not None:
            row = JointRow(where="joint", image="", name=joint, numbers=at, unit="px", segmentation="")
            [located] = locate_beside(radiograph, source.sop, [row], stored.joints)
        elif joint in known:
            located = known[joint]
        else:
            raise NotInPacsError(f"joint {joint[:32]!r} of image {source.sop} has no result of this version")
        name = located.name if FINGER_JOINT.fullmatch(located.name) else self._finger(radiograph, located)
        among = [each for each in known.values() if each.name != located.name]
        return name, self._separated(source, radiograph, located, among, stored)

    def earlier(self, source: Instance, name: str) -> VisitJoint:
        """Return a joint at an earlier visit: by its result there, else by the finder.

        Args:
            source: the radiograph.
            name: of the joint, MCP1 to MCP5.

        Raises:
            InputError: it is not found there, or as the reader and the networks refuse.
        """
        radiograph, stored = self._look_up(source)
        known = [each.located for each in stored.joints]
        if not any(each.name == name for each in known):
            rows = [row_of(each, f"image {source.sop}") for each in self._find(radiograph)]
            if name not in [row.name for row in rows]:
                raise InputError(f"image {source.sop}: {name} was not found in it")
            known, stored = locate_joints(radiograph, source.sop, rows), StoredResults()
        [located] = [each for each in known if each.name == name]
        return self._separated(source, radiograph, located, [each for each in known if each != located], stored)

    def _look_up(self, source: Instance) -> tuple[Radiograph, StoredResults]:
        radiograph, journal = self.separator.radiograph(source), self.separator.journal
        software = self.separator.bundle.get().software
        return radiograph, stored_results(self.separator.pacs, radiograph, software, journal.gone())

    def _find(self, radiograph: Radiograph) -> Sequence[FoundJoint]:
        with self.separator.network:
            return self.separator.bundle.get().find(radiograph)

    def _finger(self, radiograph: Radiograph, located: LocatedJoint) -> str:
        """Return which of a hand's joints one is, that nobody has named."""
        found = self._find(radiograph)
        apart = {each.name: float(distance_mm(located.centre, each.centre[::-1], radiograph.spacing)) for each in found}
        nearest = min(apart, key=apart.__getitem__, default="")
        if not nearest or apart[nearest] >= SAME_JOINT_MM:
            raise InputError(
                f"joint {located.name}: expected one of MCP1 to MCP5, by which it is found at other visits, got one "
                "that the finder does not know; name it"
            )
        return nearest

    def _separated(
        self,
        source: Instance,
        radiograph: Radiograph,
        located: LocatedJoint,
        others: Sequence[LocatedJoint],
        stored: StoredResults,
    ) -> VisitJoint:
        drawn = any(each.located.name == located.name and each.masks_from == "given" for each in stored.joints)
        labels = stored.labels if drawn else None
        region = cut_region(radiograph, source.sop, located, [located, *others], labels)
        with self.separator.network:
            separated = self.separator.bundle.get().separate_region(region)
        visit = _visit(source, radiograph, located, separated)
        return VisitJoint(visit, separated, joint_image(separated), radiograph.levels)


def _visit(source: Instance, radiograph: Radiograph, located: LocatedJoint, separated: SeparatedRegion) -> Visit:
    spacing = radiograph.pixel_spacing
    known = spacing.origin != Origin.ASSUMED
    unsure = located.confidence is not None and located.confidence < CONFIDENT
    doubt = [f"found with confidence {located.confidence:.2f}: is it the same joint?"] if unsure else []
    return Visit(
        image=source.sop,
        date=taken(radiograph.dataset)[:8],
        spacing=float(np.mean(spacing.sides)) if known else None,
        rests_on=spacing.rests_on if known else "",
        centre=located.centre,
        angle=float(separated.record["angle"]),
        confidence=located.confidence,
        warnings=(*doubt, *separated.record["warnings"]),
        sop_class_uid=str(radiograph.dataset.SOPClassUID),
        sop_instance_uid=source.sop,
        study_uid=source.study,
    )
