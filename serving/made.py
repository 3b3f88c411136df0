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

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydicom import Dataset

from scripts.dicom.identity import Software
from scripts.dicom.reader import MAKER
from serving.pacs import Instance, Pacs


@dataclass(frozen=True)
class Made:
    """Results of one radiograph, made by one version with one file of weights.

    Attributes:
        source: the radiograph.
        software: what made them.
        corrected: whether somebody has drawn masks of at least one joint.
    """

    source: Instance
    software: Software
    corrected: bool

    @property
    def header(self) -> Dataset:
        """Of the radiograph, as far as its results tell."""
        header = Dataset()
        header.StudyInstanceUID, header.SeriesInstanceUID = self.source.study, self.source.series
        header.SOPInstanceUID = self.source.sop
        return header


def made_results(pacs: Pacs, newest: Sequence[str] = ()) -> list[Made]:
    """Find all results by their segmentations: a radiograph has one for each version and weights.

    Args:
        pacs: where to look.
        newest: SHA-256 of weights; results of the first ones come first.

    Raises:
        PacsAwayError: the PACS does not answer.
    """
    found = [
        made
        for study, series in pacs.series_of("SEG", MAKER)
        for header in pacs.metadata(study, series)
        if header.get("Manufacturer") == MAKER
        for made in _made(study, header)
    ]
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


def _made(study: str, header: Dataset) -> Iterator[Made]:
    weights = str(header.get("DeviceSerialNumber") or "none")
    software = Software(str(header.get("SoftwareVersions") or ""), None if weights == "none" else weights)
    corrected = any(
        item.get("SegmentAlgorithmType") not in (None, "AUTOMATIC") for item in header.get("SegmentSequence") or []
    )
    for series in header.get("ReferencedSeriesSequence") or []:
        for instance in series.get("ReferencedInstanceSequence") or []:
            source = Instance(study, str(series.SeriesInstanceUID), str(instance.ReferencedSOPInstanceUID))
            yield Made(source, software, corrected)
