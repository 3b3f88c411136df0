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

"""Measurement of joint spaces over the visits of a hand in the PACS: from a request to a stored report."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from cachetools import LRUCache
from pydicom import Dataset

from scripts.errors import InputError
from scripts.measurement.joint_series import JointSeries
from scripts.measurement.measure import measure_images
from scripts.measurement.moved_lines import Line, move_lines
from scripts.measurement.structured_report import structured_report
from serving.compared_visits import compare
from serving.pacs.client import Instance
from serving.pacs.earlier_visits import earlier_visits, whose
from serving.pacs.errors import NotInPacsError
from serving.pacs.journal import instance_of
from serving.pacs.stored_report import StoredReport, stored_report
from serving.separation import JointSeparator
from serving.visit_joints import VisitJoint, VisitJoints

CACHED = 6
"""Joints whose visits are kept in memory between two requests, some 10 MB each."""


class JointMeasurement:
    """Measurement of joints of radiographs in a PACS, whose report is stored there.

    Args:
        separator: knows the PACS, the journal and the bundle.
    """

    def __init__(self, separator: JointSeparator) -> None:
        self.separator = separator
        self.pacs = separator.pacs
        self.journal = separator.journal
        self.joints = VisitJoints(separator)
        self._visits: LRUCache[tuple[str, ...], list[VisitJoint]] = LRUCache(CACHED)
        self._guard = threading.Lock()

    def earlier(self, image: str) -> dict[str, Any]:
        """Find the earlier visits of the hand of a radiograph.

        Args:
            image: SOP Instance UID of the radiograph.

        Returns:
            For the client: ``visits``, each with ``image``, ``study`` and ``date``.

        Raises:
            InputError: the radiograph cannot be used, or does not tell whose hand it shows.
            NotInPacsError: the PACS has no such image.
            PacsAwayError: the PACS does not answer.
        """
        source = self.pacs.find(image)
        found = earlier_visits(self.pacs, self.separator.radiograph(source).dataset)
        return {
            "visits": [
                {"image": visit.instance.sop, "study": visit.instance.study, "date": visit.date} for visit in found
            ]
        }

    def measure(self, image: str, joint: str = "", at: tuple[float, float] | None = None) -> dict[str, Any]:
        """Measure a joint over all visits of its hand, and store the report.

        Args:
            image: SOP Instance UID of the radiograph.
            joint: name of the joint's result in it.
            at: column and row of a point on the joint, if there is no result.

        Returns:
            For the client: see :meth:`stored`; the joint is the only one in ``series``, and ``notes`` tell what was
            not found.

        Raises:
            InputError: the image or the joint cannot be used.
            NotInPacsError: the PACS has no such image, or no such result.
            PacsAwayError: the PACS does not answer, or has not stored the report.
            BusyError: another request is at work on this image.
        """
        source = self.pacs.find(image)
        header = self.separator.radiograph(source).dataset
        patient, _, side = whose(header)
        name, current = self.joints.current(source, joint, at)
        visits, headers, notes = [current], [header], []
        for each in reversed(earlier_visits(self.pacs, header)):
            try:
                visits.insert(0, self.joints.earlier(each.instance, name))
                headers.append(each.header)
            except InputError as error:
                notes.append(f"the visit of {each.date} was left out: {error}")
        with self.separator.network:
            unmeasured = JointSeries(subject=patient, side=side, joint=name, visits=[each.visit for each in visits])
            series = measure_images(unmeasured, [each.image for each in visits])
        self._keep(source, name, visits)
        return {**self._store(source, header, series, headers), "notes": notes}

    def move_lines(self, image: str, joint: str, lines: Mapping[str, Line]) -> dict[str, Any]:
        """Measure a joint anew with lines that a reader has moved, and store the report.

        Args:
            image: SOP Instance UID of the radiograph.
            joint: name of the joint in its report.
            lines: SOP Instance UID of a visit's radiograph -> the line of its smallest width.

        Returns:
            As :meth:`measure`.

        Raises:
            InputError: as :func:`scripts.measurement.moved_lines.move_lines`; others as :meth:`measure`.
        """
        source = self.pacs.find(image)
        header = self.separator.radiograph(source).dataset
        series = move_lines(self._series(source, header, joint), lines)
        return {**self._store(source, header, series, [header]), "notes": []}

    def leave_out(self, image: str, joint: str) -> dict[str, Any]:
        """Take a joint out of the report of a radiograph; a report of no joint is taken out of the PACS.

        Args:
            image: SOP Instance UID of the radiograph.
            joint: name of the joint in its report.

        Raises:
            NotInPacsError: the PACS has no such image, or the report no such joint; others as :meth:`measure`.
        """
        source = self.pacs.find(image)
        header = self.separator.radiograph(source).dataset
        self._series(source, header, joint)
        return self._store(source, header, None, [], left_out=joint)

    def stored(self, image: str) -> dict[str, Any]:
        """Return the joints of a radiograph's report.

        Args:
            image: SOP Instance UID of the radiograph.

        Returns:
            For the client: ``series``, records as :attr:`scripts.measurement.joint_series.JointSeries.record` has them,
            without the patient; ``report``, the UIDs of the stored object, None if there is none.
        """
        source = self.pacs.find(image)
        return _answer(source, self._report(source, self.separator.radiograph(source).dataset))

    def compare(self, image: str, joint: str, first: int, second: int) -> dict[str, Any]:
        """Draw two visits of a joint of the report, see :func:`serving.compared_visits.compare`.

        Args:
            image: SOP Instance UID of the radiograph.
            joint: name of the joint in its report.
            first, second: numbers of the visits, 0 the earliest.

        Raises:
            InputError: there is no such visit; others as :meth:`measure`.
        """
        source = self.pacs.find(image)
        series = self._series(source, self.separator.radiograph(source).dataset, joint)
        for number in (first, second):
            if not 0 <= number < len(series.visits):
                raise InputError(f"visits: expected numbers from 0 to {len(series.visits) - 1}, got {number}")
        visits = self._visit_joints(source, series)
        with self.separator.network:
            return compare(visits[first], visits[second], [series.visits[first], series.visits[second]])

    def _visit_joints(self, source: Instance, series: JointSeries) -> list[VisitJoint]:
        """Return a joint of the report at all visits, from memory if it was measured lately."""
        key = (source.sop, *(visit.image for visit in series.visits), series.joint)
        with self._guard:
            if key in self._visits:
                return self._visits[key]
        row, column = next(visit.centre for visit in series.visits if visit.image == source.sop)
        visits = []
        for visit in series.visits:
            if visit.image == source.sop:
                visits.append(self.joints.current(source, "", (column, row))[1])
            else:
                visits.append(self.joints.earlier(self.pacs.find(visit.image), series.joint))
        self._keep(source, series.joint, visits)
        return visits

    def _keep(self, source: Instance, joint: str, visits: list[VisitJoint]) -> None:
        with self._guard:
            self._visits[source.sop, *(each.visit.image for each in visits), joint] = visits

    def _report(self, source: Instance, header: Dataset) -> StoredReport:
        return stored_report(self.pacs, header, self.separator.bundle.get().software, self.journal.gone())

    def _series(self, source: Instance, header: Dataset, joint: str) -> JointSeries:
        for series in self._report(source, header).series:
            if series.joint == joint:
                return series
        raise NotInPacsError(f"joint {joint[:32]!r} of image {source.sop} is in no report of this version")

    def _store(
        self,
        source: Instance,
        header: Dataset,
        series: JointSeries | None,
        headers: Sequence[Dataset],
        left_out: str = "",
    ) -> dict[str, Any]:
        """Store the report with a joint in the place of what it had of it, or without a joint."""
        software = self.separator.bundle.get().software
        with self.journal.alone(source.sop):
            gone = self.journal.left_over(source.sop)
            before = stored_report(self.pacs, header, software, gone)
            changed = series.joint if series else left_out
            joints = [each for each in before.series if each.joint != changed]
            joints = sorted([*joints, *([series] if series else [])], key=lambda each: each.joint)
            objects = []
            if joints:
                known = {str(each.SOPInstanceUID): each for each in (*before.evidence, *headers)}
                objects = [structured_report(header, joints, software, list(known.values()))]
            there = {each.sop for each in before.instances}
            new = [each for each in objects if str(each.SOPInstanceUID) not in there]
            kept = {str(each.SOPInstanceUID) for each in objects}
            replaced = [each for each in before.instances if each.sop not in kept]
            if new or replaced:
                self.journal.store(source.sop, new, replaced)
        after = StoredReport([instance_of(each) for each in objects], joints if series is None else [series])
        return {**_answer(source, after), "replaced": [each.sop for each in replaced]}


def _answer(source: Instance, report: StoredReport) -> dict[str, Any]:
    """Return what a client is told of a report; whose joints they are it knows."""
    records = [replace(series, subject="").record for series in report.series]
    for record, series in zip(records, report.series, strict=True):
        del record["subject"]
        record["tracking_uid"] = series.tracking_uid
    uids = [{"series_instance_uid": each.series, "sop_instance_uid": each.sop} for each in report.instances[-1:]]
    return {"study_instance_uid": source.study, "series": records, "report": uids[0] if uids else None}
