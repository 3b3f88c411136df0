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

"""From a request to results in the PACS: which image, which joints, whose masks, and what came of it."""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from scripts.dicom.layer_image import JOINT, LAYER, LAYER_NAMES, PRIVATE_CREATOR, PRIVATE_GROUP
from scripts.dicom.reader import Radiograph
from scripts.errors import InputError
from scripts.inference.incremental import Separated, place_beside, separate
from scripts.inference.joint_list import JointRow, read_joints, rows_of
from scripts.inference.regions import LARGEST_WHOLE
from scripts.physics import LOWER, UPPER
from serving.bundle import Bundle
from serving.pacs.client import Instance, Pacs
from serving.pacs.journal import Journal, instance_of
from serving.pacs.stored_results import StoredResults, stored_results

logger = logging.getLogger(__name__)

KEPT = 4
"""Radiographs kept in memory between two requests, some 20 MB each."""

MOST_JOINTS = 32
"""Joints in a request: two hands have 28."""


class JointSeparator:
    """Separates joints of radiographs in a PACS, and stores what comes of it there.

    Args:
        pacs: where radiographs come from and results go.
        journal: stores them.
        bundle: separates.
    """

    def __init__(self, pacs: Pacs, journal: Journal, bundle: Bundle) -> None:
        self.pacs = pacs
        self.journal = journal
        self.bundle = bundle
        self._kept: OrderedDict[str, Radiograph] = OrderedDict()
        self._guard = threading.Lock()
        # The network fills all cores: two at once would take longer each and no less together.
        self._network = threading.Lock()

    def __call__(
        self, image: str, joints: Any = None, label_map: Callable[[Radiograph], np.ndarray] | None = None
    ) -> tuple[Separated, Radiograph, dict[str, Any]]:
        """Separate joints of one radiograph.

        Args:
            image: SOP Instance UID of a radiograph, or Series Instance UID if it is the only one of its series.
            joints: rows as :func:`scripts.inference.joint_list.read_joints` takes them; rows of other images are passed
                over. Without any: the joints that have results already, but for those whose masks somebody has drawn
                (unless there are new ones in ``label_map``); without results the whole of a small image.
            label_map: (rows, columns), 0..3, of a radiograph: masks for these joints; predicted if not given.

        Returns:
            What came of it, the radiograph, and the answer for the client: where everything is, and the figures.

        Raises:
            InputError: the image, the joints or the masks cannot be used.
            NotInPacsError: the PACS has no such image.
            PacsAwayError: the PACS does not answer, or has not stored the result; no part of it is kept.
            BusyError: another request is at work on this image.
        """
        clock = _Clock()
        where = self.pacs.find(image)
        clock.lap("find")
        with self.journal.alone(where.sop):
            gone = self.journal.left_over(where.sop)
            radiograph = self.radiograph(where)
            clock.lap("fetch")
            labels = None if label_map is None else label_map(radiograph)
            loaded = self.bundle.get()
            stored = stored_results(self.pacs, radiograph, loaded.software, gone)
            clock.lap("look up")
            rows = _rows(joints, where)
            if not rows and not stored.joints and max(radiograph.levels.shape) > LARGEST_WHOLE:
                size = "{} rows x {} columns".format(*radiograph.levels.shape)
                raise InputError(f"image {where.sop}: {size}, more than one joint: name its joints")
            if rows or not stored.joints:
                asked = place_beside(radiograph, where.sop, rows, stored.joints)
            else:
                # What somebody has drawn is not lost to a prediction that nobody asked for.
                asked = [joint.placed for joint in stored.joints if labels is not None or joint.masks_from != "given"]
            with self._network:
                made = separate(
                    radiograph,
                    asked,
                    network=loaded.network,
                    inferer=loaded.inferer,
                    software=loaded.software,
                    labels=labels,
                    known=stored.joints,
                    known_labels=stored.labels,
                )
            clock.lap("separate")
            replaced = self._store(where, made, stored)
            clock.lap("store")
        answer = {
            "version": loaded.software.version,
            "weights_sha256": loaded.software.weights_sha256,
            **_named(where),
            **_answer(made, stored, [joint.name for joint in asked]),
            "replaced": [each.sop for each in replaced],
            "latencies": clock.laps,
        }
        return made, radiograph, answer

    def radiograph(self, where: Instance) -> Radiograph:
        """A radiograph, from memory if it was asked for lately."""
        with self._guard:
            if where.sop in self._kept:
                self._kept.move_to_end(where.sop)
                return self._kept[where.sop]
        radiograph = self.pacs.radiograph(where)
        with self._guard:
            self._kept[where.sop] = radiograph
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return radiograph

    def _store(self, where: Instance, made: Separated, stored: StoredResults) -> list[Instance]:
        there = {each.sop for each in stored.objects}
        new = [each for each in made.objects if str(each.SOPInstanceUID) not in there]
        now = {each.name for each in made.joints}
        kept = {
            each.sop for name, of in stored.layers.items() if name in now - made.figures.keys() for each in of.values()
        }
        kept |= {str(each.SOPInstanceUID) for each in made.objects}
        replaced = [each for each in stored.objects if each.sop not in kept]
        if new or replaced:
            self.journal.store(where.sop, new, replaced)
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


def _rows(joints: Any, where: Instance) -> list[JointRow]:
    """The rows of this image; none if none are given."""
    if not joints:
        return []
    if not isinstance(joints, list):
        raise InputError("joints: a list of joints expected")
    every = read_joints(joints, Path())
    for row in every:
        if row.segmentation:
            raise InputError(f"{row.where}: segmentation is a file's name, send masks as label")
    rows = rows_of(every, where.series, where.sop)
    if len(rows) > MOST_JOINTS:
        raise InputError(f"joints: {len(rows)} of one image, {MOST_JOINTS} at most expected")
    return rows


def _named(where: Instance) -> dict[str, str]:
    return {
        "study_instance_uid": where.study,
        "series_instance_uid": where.series,
        "sop_instance_uid": where.sop,
    }


def _answer(made: Separated, stored: StoredResults, asked: Sequence[str]) -> dict[str, Any]:
    places: dict[str, dict[int, Instance]] = {name: dict(of) for name, of in stored.layers.items()}
    segmentation = None
    for each in made.objects:
        where = instance_of(each)
        if each.Modality == "SEG":
            segmentation = where
        else:
            block = each.private_block(PRIVATE_GROUP, PRIVATE_CREATOR)
            layer = UPPER if block[LAYER].value == LAYER_NAMES[UPPER] else LOWER
            places.setdefault(str(block[JOINT].value), {})[layer] = where
    joints = []
    for joint in made.joints:
        if joint.name not in made.figures:
            continue
        figures = made.figures[joint.name]
        joints.append(
            {
                "joint": joint.name,
                "asked": joint.name in asked,
                "box": list(joint.box),
                "centre": list(joint.middle),
                "overlap_px": figures["overlap_px"],
                "overlap_mm2": figures["overlap_mm2"],
                "masks": figures["masks"],
                "soft_tissue": figures["soft_tissue_level"],
                "warnings": [*figures["warnings"], *figures["notes"]],
                "upper": _place(places[joint.name][UPPER]),
                "lower": _place(places[joint.name][LOWER]),
            }
        )
    return {"joints": joints, "segmentation": _place(segmentation) if segmentation else None}


def _place(where: Instance) -> dict[str, str]:
    return {"series_instance_uid": where.series, "sop_instance_uid": where.sop}
