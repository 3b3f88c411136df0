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

"""Stored report of joint spaces of one radiograph in the PACS."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from pydicom import Dataset

from scripts.dicom.provenance import Software
from scripts.errors import InputError
from scripts.measurement.joint_series import JointSeries
from scripts.measurement.read_report import evidence, read_series
from scripts.measurement.structured_report import report_series_uid
from serving.pacs.client import Instance, Pacs
from serving.pacs.errors import NotInPacsError

logger = logging.getLogger(__name__)


@dataclass
class StoredReport:
    """Report of one radiograph, of one version and its weights.

    Attributes:
        instances: its objects in the PACS; more than one where it lets nobody take the former out.
        series: its joints.
        evidence: UIDs of the radiographs that it refers to.
    """

    instances: list[Instance] = field(default_factory=list)
    series: Sequence[JointSeries] = ()
    evidence: Sequence[Dataset] = ()


def stored_report(pacs: Pacs, source: Dataset, software: Software, gone: Collection[str] = ()) -> StoredReport:
    """Look up the report of a radiograph; an empty one if there is none.

    Args:
        pacs: where to look.
        source: Study and SOP Instance UID of the radiograph.
        software: version and weights.
        gone: SOP Instance UIDs of objects that do not count any more.

    Raises:
        PacsAwayError: the PACS does not answer.
    """
    study, uid = str(source.StudyInstanceUID), str(report_series_uid(source, software))
    report = StoredReport()
    for header in pacs.metadata(study, uid):
        instance = Instance(study, uid, str(header.SOPInstanceUID))
        if instance.sop in gone:
            continue
        try:
            dataset = pacs.fetch(instance)
            report.series, report.evidence = read_series(dataset), evidence(dataset)
        except NotInPacsError:
            continue
        except InputError as error:
            # Anybody may store objects under these UIDs.
            logger.warning("passed over a report that is none of ours (%s)", error)
            continue
        report.instances.append(instance)
    return report
