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

"""Index of the results in the PACS, of all versions and weights."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Lock

from cachetools import LRUCache
from pydicom import Dataset

from scripts.dicom.provenance import Software
from scripts.dicom.reader import MAKER
from scripts.inference.incremental import KnownJoint
from serving.pacs.client import Instance, Pacs
from serving.pacs.journal import Journal
from serving.pacs.result_lookup import stored_joints

CACHED = 10_000
"""Results kept in memory, some 2 KB each."""


@dataclass
class Result:
    """Results of one radiograph, by one version with one file of weights.

    Attributes:
        source: the radiograph.
        software: version and weights.
        segmentation: their segmentation: other joints, or other masks, have another one.
        corrected: True if somebody has drawn masks of at least one joint.
        joints: all of them, once they have been looked up.
        layers: by the joint's name and the bone, once they have been looked up.
    """

    source: Instance
    software: Software
    segmentation: Instance
    corrected: bool
    joints: list[KnownJoint] | None = None
    layers: dict[str, dict[int, Instance]] = field(default_factory=dict)

    @property
    def header(self) -> Dataset:
        """Header of the radiograph, as far as its results tell."""
        header = Dataset()
        header.StudyInstanceUID, header.SeriesInstanceUID = self.source.study, self.source.series
        header.SOPInstanceUID = self.source.sop
        return header


class ResultIndex:
    """Index of the results in the PACS, found by their segmentations.

    Args:
        pacs: where to look.
        journal: tells what does not count.
    """

    def __init__(self, pacs: Pacs, journal: Journal) -> None:
        self.pacs = pacs
        self.journal = journal
        self._results: LRUCache[str, list[Result]] = LRUCache(CACHED)
        self._guard = Lock()

    def all(self, newest: Sequence[str] = ()) -> list[Result]:
        """Return all results: a radiograph has some for each version and weights.

        Args:
            newest: SHA-256 of weights; results of the first ones come first.

        Raises:
            PacsAwayError: the PACS does not answer.
        """
        gone = self.journal.gone()
        segmentations = [each for each in self.pacs.segmentations(MAKER) if each.sop not in gone]
        rank = {sha256: number for number, sha256 in enumerate(newest)}
        return sorted(
            (result for segmentation in segmentations for result in self._of(segmentation)),
            key=lambda result: (
                rank.get(result.software.weights_sha256 or "", len(rank)),
                result.source.sop,
                result.software.version,
                result.software.weights_sha256 or "",
            ),
        )

    def joints(self, result: Result) -> list[KnownJoint]:
        """Return the joints of a result that have both layers; fills in ``layers`` too.

        Raises:
            PacsAwayError: the PACS does not answer.
        """
        if result.joints is None:
            result.joints, result.layers = stored_joints(self.pacs, result.header, result.software, self.journal.gone())
        return result.joints

    def _of(self, segmentation: Instance) -> list[Result]:
        with self._guard:
            if segmentation.sop in self._results:
                return self._results[segmentation.sop]
        headers = self.pacs.metadata(segmentation.study, segmentation.series)
        results: list[Result] = []
        for header in headers:
            # Anybody may store a segmentation that says it is of this maker.
            with suppress(AttributeError, TypeError):
                results += list(_read(segmentation, header))
        with self._guard:
            self._results[segmentation.sop] = results
        return results


def _read(segmentation: Instance, header: Dataset) -> Iterator[Result]:
    if header.get("Manufacturer") != MAKER or header.SOPInstanceUID != segmentation.sop:
        return
    weights = str(header.get("DeviceSerialNumber") or "none")
    software = Software(str(header.get("SoftwareVersions") or ""), None if weights == "none" else weights)
    corrected = any(
        item.get("SegmentAlgorithmType") not in (None, "AUTOMATIC") for item in header.get("SegmentSequence") or []
    )
    for series in header.get("ReferencedSeriesSequence") or []:
        for instance in series.get("ReferencedInstanceSequence") or []:
            uid = str(instance.ReferencedSOPInstanceUID)
            source = Instance(segmentation.study, str(series.SeriesInstanceUID), uid)
            yield Result(source, software, segmentation, corrected)
