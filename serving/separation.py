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

"""Separation of joints of a radiograph in the PACS: from a request to results that are stored there."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from cachetools import LRUCache

from scripts.dicom.reader import Radiograph
from scripts.errors import InputError
from scripts.inference.found_joints import find_rows, row_of, side_notes
from scripts.inference.incremental import locate_beside, separate_beside
from scripts.inference.joint_finder import CONFIDENT
from scripts.inference.joint_list import JointRow, LocatedJoint, read_joints, select_rows
from scripts.inference.pipeline import SeparatedRadiograph
from scripts.inference.read_images import is_whole
from scripts.physics import LOWER, UPPER
from serving.bundle import Bundle
from serving.pacs.client import Instance, Pacs
from serving.pacs.errors import NotInPacsError
from serving.pacs.journal import Journal, instance_of
from serving.pacs.result_lookup import StoredResults, stored_results

logger = logging.getLogger(__name__)

CACHED = 4
"""Radiographs kept in memory between two requests, some 20 MB each."""

MOST_JOINTS = 32
"""Joints in a request: two hands have 28."""


@dataclass(frozen=True)
class Separation:
    """Answer to a request.

    Attributes:
        radiograph: the source.
        results: of its joints.
        answer: for the client: identifiers of the stored objects, metrics, and seconds of each step.
    """

    radiograph: Radiograph
    results: SeparatedRadiograph
    answer: dict[str, Any]


class JointSeparator:
    """Separation of joints of radiographs in a PACS, whose results are stored there.

    Args:
        pacs: where radiographs come from and results go.
        journal: stores them.
        bundle: separates.
    """

    def __init__(self, pacs: Pacs, journal: Journal, bundle: Bundle) -> None:
        self.pacs = pacs
        self.journal = journal
        self.bundle = bundle
        self._radiographs: LRUCache[str, Radiograph] = LRUCache(CACHED)
        self._guard = threading.Lock()
        # The network fills all cores: two at once would take longer each and no less together.
        self.network = threading.Lock()

    def __call__(
        self, image: str, joints: Any = None, label_map: Callable[[Radiograph], np.ndarray] | None = None
    ) -> Separation:
        """Separate joints of one radiograph.

        Args:
            image: SOP Instance UID of a radiograph, or Series Instance UID if it is the only one of its series.
            joints: rows as :func:`scripts.inference.joint_list.read_joints` takes them; rows of other images are
                skipped. Without any: the joints that have results already, but for those whose masks somebody has drawn
                (unless there are new ones in ``label_map``); without results those that are found, or the whole of a
                small image.
            label_map: (rows, columns), 0..3, of a radiograph: masks for these joints; predicted if not given.

        Raises:
            InputError: the image, the joints or the masks cannot be used.
            NotInPacsError: the PACS has no such image.
            PacsAwayError: the PACS does not answer, or has not stored the result; no part of it is kept.
            BusyError: another request is at work on this image.
        """
        clock = _Clock()
        source = self.pacs.find(image)
        clock.lap("find")
        with self.journal.alone(source.sop):
            gone = self.journal.left_over(source.sop)
            radiograph = self.radiograph(source)
            clock.lap("fetch")
            labels = None if label_map is None else label_map(radiograph)
            pipeline = self.bundle.get()
            stored = stored_results(self.pacs, radiograph, pipeline.software, gone)
            clock.lap("look up")
            asked, notes = self._locate(joints, source, radiograph, stored, drawn=labels is not None)
            clock.lap("find joints")
            with self.network:
                results = separate_beside(
                    pipeline, radiograph, asked, labels=labels, known=stored.joints, known_labels=stored.labels
                )
            clock.lap("separate")
            replaced = self._store(source, results, stored)
            clock.lap("store")
        answer = {
            "version": pipeline.software.version,
            "weights_sha256": pipeline.software.weights_sha256,
            "study_instance_uid": source.study,
            **_uids(source),
            **_answer(results, [joint.name for joint in asked]),
            "replaced": [each.sop for each in replaced],
            "notes": notes,
            "latencies": clock.laps,
        }
        return Separation(radiograph, results, answer)

    def propose(self, image: str) -> dict[str, Any]:
        """Find the joints of a radiograph, and separate none.

        Args:
            image: SOP Instance UID of a radiograph, or Series Instance UID if it is the only one of its series.

        Returns:
            For the client: ``joints``, each with its name, ``x``, ``y`` in px, ``angle`` in degrees if it leans a lot,
            as a row of a joint list has it, ``side`` and ``confidence``; none where no hand was found; ``confident``,
            the confidence from which on joints are separated unseen; ``notes``, sentences on what does not go together.

        Raises:
            InputError: the image cannot be used.
            NotInPacsError: the PACS has no such image.
            PacsAwayError: the PACS does not answer.
        """
        radiograph = self.radiograph(self.pacs.find(image))
        with self.network:
            found = self.bundle.get().find(radiograph)
        joints = [
            {
                "joint": joint.name,
                "x": round(joint.centre[0], 1),
                "y": round(joint.centre[1], 1),
                "angle": row_of(joint, image).angle,
                "side": joint.side,
                "confidence": round(joint.confidence, 4),
            }
            for joint in found
        ]
        return {"joints": joints, "confident": CONFIDENT, "notes": side_notes(found, radiograph)}

    def remove(self, image: str, joint: str) -> dict[str, Any]:
        """Take the results of one joint out of the PACS, those of this version and its weights.

        Args:
            image: SOP Instance UID of the radiograph.
            joint: its name.

        Returns:
            For the client: ``replaced``, the objects taken out, and ``segmentation``, the new one of the other joints.

        Raises:
            InputError: the image cannot be used.
            NotInPacsError: the PACS has no such image, or no result of the joint.
            PacsAwayError: the PACS does not answer, or does not let objects be taken out.
            BusyError: another request is at work on this image.
        """
        source = self.pacs.find(image)
        with self.journal.alone(source.sop):
            gone = self.journal.left_over(source.sop)
            radiograph, pipeline = self.radiograph(source), self.bundle.get()
            stored = stored_results(self.pacs, radiograph, pipeline.software, gone)
            if joint not in stored.layers:
                raise NotInPacsError(f"joint {joint[:32]!r} of image {source.sop} has no result of this version")
            answer: dict[str, Any] = {"study_instance_uid": source.study, "joints": []}
            if len(stored.joints) > 1:
                with self.network:
                    left = separate_beside(
                        pipeline, radiograph, [], known=stored.joints, known_labels=stored.labels, removed=[joint]
                    )
                answer |= _answer(left, [])
                replaced = self._store(source, left, stored)
            else:
                replaced = stored.objects
                self.journal.store(source.sop, [], replaced)
        return {**answer, "replaced": [each.sop for each in replaced]}

    def radiograph(self, source: Instance) -> Radiograph:
        """Return a radiograph, from memory if it was asked for lately."""
        with self._guard:
            if source.sop in self._radiographs:
                return self._radiographs[source.sop]
        radiograph = self.pacs.radiograph(source)
        with self._guard:
            self._radiographs[source.sop] = radiograph
        return radiograph

    def _locate(
        self, joints: Any, source: Instance, radiograph: Radiograph, stored: StoredResults, *, drawn: bool
    ) -> tuple[list[LocatedJoint], list[str]]:
        """Locate the joints to separate: those asked for, or those that have results, or those that are found.

        Returns:
            The joints, and what the search for them has to tell.
        """
        rows = _rows(joints, source)
        if not rows and stored.joints:
            # What somebody has drawn is not lost to a prediction that nobody asked for.
            return [joint.located for joint in stored.joints if drawn or joint.masks_from != "given"], []
        notes: list[str] = []
        if not rows and is_whole(radiograph):
            with self.network:
                found = find_rows(self.bundle.get().find, radiograph, f"image {source.sop}")
            rows, notes = list(found.rows), list(found.notes)
        return locate_beside(radiograph, source.sop, rows, stored.joints), notes

    def _store(self, source: Instance, results: SeparatedRadiograph, stored: StoredResults) -> list[Instance]:
        """Store what the PACS has not yet, take out what it replaces, and return that."""
        objects = results.objects.all
        there = {each.sop for each in stored.objects}
        new = [each for each in objects if str(each.SOPInstanceUID) not in there]
        untouched = {joint.name for joint in results.joints} - results.regions.keys()
        kept = {each.sop for name in untouched for each in stored.layers.get(name, {}).values()}
        kept |= {str(each.SOPInstanceUID) for each in objects}
        replaced = [each for each in stored.objects if each.sop not in kept]
        if new or replaced:
            self.journal.store(source.sop, new, replaced)
        return replaced


class _Clock:
    """Seconds of the steps of a request."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, step: str) -> None:
        now = time.perf_counter()
        self.laps[step] = round(now - self._last, 4)
        self._last = now


def _rows(joints: Any, source: Instance) -> list[JointRow]:
    """Return the rows of this image; none if none are given."""
    if not joints:
        return []
    if not isinstance(joints, list):
        raise InputError(f"joints: expected a list of joints, got {type(joints).__name__}")
    every = read_joints(joints, Path())
    for row in every:
        if row.segmentation:
            raise InputError(f"{row.where}: segmentation is a file's name, send masks as label")
    rows = select_rows(every, source.series, source.sop)
    if len(rows) > MOST_JOINTS:
        raise InputError(f"joints: expected at most {MOST_JOINTS} of one image, got {len(rows)}")
    return rows


def _answer(results: SeparatedRadiograph, asked: list[str]) -> dict[str, Any]:
    """Return what a client is told of the joints separated now and of the segmentation."""
    joints = []
    for joint in results.joints:
        if joint.name not in results.regions:
            continue
        record, layers = results.regions[joint.name].record, results.objects.layers[joint.name]
        joints.append(
            {
                "joint": joint.name,
                "asked": joint.name in asked,
                "box": list(joint.box),
                "centre": list(joint.middle),
                "angle": record["angle"],
                "angle_from": record["angle_from"],
                "confidence": record.get("confidence"),
                "overlap_px": record["overlap_px"],
                "overlap_mm2": record["overlap_mm2"],
                "mm": record["mm"],
                "masks": record["masks"],
                "soft_tissue": record["soft_tissue_level"],
                "warnings": [*record["warnings"], *record["notes"]],
                "upper": _uids(instance_of(layers[UPPER])),
                "lower": _uids(instance_of(layers[LOWER])),
            }
        )
    return {"joints": joints, "segmentation": _uids(instance_of(results.objects.segmentation))}


def _uids(instance: Instance) -> dict[str, str]:
    return {"series_instance_uid": instance.series, "sop_instance_uid": instance.sop}
