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

"""What this software has made of the radiographs in the PACS, whatever its version and weights were."""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from threading import Lock

from pydicom import Dataset

from scripts.dicom.provenance import Software
from scripts.dicom.reader import MAKER
from scripts.inference.incremental import KnownJoint
from serving.pacs.client import Instance, Pacs
from serving.pacs.journal import Journal
from serving.pacs.stored_results import stored_joints

REMEMBERED = 10_000
"""Results that are kept in memory, some 2 KB each."""


@dataclass
class Made:
    """Results of one radiograph, made by one version with one file of weights.

    Attributes:
        source: the radiograph.
        software: what made them.
        segmentation: where theirs is: other joints, or other masks, have another one.
        corrected: whether somebody has drawn masks of at least one joint.
        joints: all of them, once they have been looked up.
        layers: of each joint, where its lower and its upper layer are.
    """

    source: Instance
    software: Software
    segmentation: Instance
    corrected: bool
    joints: list[KnownJoint] | None = None
    layers: dict[str, dict[int, Instance]] = field(default_factory=dict)

    @property
    def header(self) -> Dataset:
        """Of the radiograph, as far as its results tell."""
        header = Dataset()
        header.StudyInstanceUID, header.SeriesInstanceUID = self.source.study, self.source.series
        header.SOPInstanceUID = self.source.sop
        return header


class Results:
    """Finds results in the PACS by their segmentations, and remembers those that it has seen.

    Args:
        pacs: where to look.
        journal: tells what does not count.
    """

    def __init__(self, pacs: Pacs, journal: Journal) -> None:
        self.pacs = pacs
        self.journal = journal
        self._seen: OrderedDict[str, list[Made]] = OrderedDict()
        self._guard = Lock()

    def all(self, newest: Sequence[str] = ()) -> list[Made]:
        """All results: a radiograph has some for each version and weights.

        Args:
            newest: SHA-256 of weights; results of the first ones come first.

        Raises:
            PacsAwayError: the PACS does not answer.
        """
        gone = self.journal.gone()
        found = [made for where in self.pacs.segmentations(MAKER) if where.sop not in gone for made in self._of(where)]
        place = {sha256: number for number, sha256 in enumerate(newest)}
        return sorted(
            found,
            key=lambda made: (
                place.get(made.software.weights_sha256 or "", len(place)),
                made.source.sop,
                made.software.version,
                made.software.weights_sha256 or "",
            ),
        )

    def joints(self, made: Made) -> list[KnownJoint]:
        """Joints of a result that have both layers; fills in ``layers`` too.

        Raises:
            PacsAwayError: the PACS does not answer.
        """
        if made.joints is None:
            made.joints, made.layers = stored_joints(self.pacs, made.header, made.software, self.journal.gone())
        return made.joints

    def _of(self, where: Instance) -> list[Made]:
        with self._guard:
            if where.sop in self._seen:
                self._seen.move_to_end(where.sop)
                return self._seen[where.sop]
        headers = self.pacs.metadata(where.study, where.series)
        found = [made for header in headers for made in _made(where, header)]
        with self._guard:
            self._seen[where.sop] = found
            while len(self._seen) > REMEMBERED:
                self._seen.popitem(last=False)
        return found


def _made(where: Instance, header: Dataset) -> Iterator[Made]:
    if header.get("Manufacturer") != MAKER or header.SOPInstanceUID != where.sop:
        return
    weights = str(header.get("DeviceSerialNumber") or "none")
    software = Software(str(header.get("SoftwareVersions") or ""), None if weights == "none" else weights)
    corrected = any(
        item.get("SegmentAlgorithmType") not in (None, "AUTOMATIC") for item in header.get("SegmentSequence") or []
    )
    for series in header.get("ReferencedSeriesSequence") or []:
        for instance in series.get("ReferencedInstanceSequence") or []:
            source = Instance(where.study, str(series.SeriesInstanceUID), str(instance.ReferencedSOPInstanceUID))
            yield Made(source, software, where, corrected)
