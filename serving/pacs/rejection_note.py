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

"""Rejection note: tells an archive that lets nobody take objects out to show some of them no more."""

from collections.abc import Sequence

from highdicom.ko import KeyObjectSelection, KeyObjectSelectionDocument
from pydicom import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid

from scripts.dicom.reader import MAKER

SERIES_NUMBER = 10019


def rejection_note(objects: Sequence[Dataset]) -> Dataset:
    """Make a Key Object Selection Document that rejects objects of one study, replaced or removed by a user.

    Args:
        objects: their headers at least.

    Returns:
        The document, with the same UIDs for the same objects.

    Source:
        IHE Radiology, Imaging Object Change Management (RAD-66), rejection for quality reasons; DICOM PS3.3, A.35.4.
    """
    uids = sorted(str(each.SOPInstanceUID) for each in objects)
    content = KeyObjectSelection(
        document_title=codes.DCM.RejectedForQualityReasons,
        referenced_objects=objects,
        description="Layers or masks that were replaced or removed. Research use only.",
    )
    return KeyObjectSelectionDocument(
        evidence=objects,
        content=content,
        series_instance_uid=generate_uid(entropy_srcs=["rejection series", *uids]),
        series_number=SERIES_NUMBER,
        sop_instance_uid=generate_uid(entropy_srcs=["rejection", *uids]),
        instance_number=1,
        manufacturer=MAKER,
    )
