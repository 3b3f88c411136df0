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

"""Reception of an object: checked, on the disk and in the journal before it is acknowledged."""

import hashlib
import logging
import threading
from io import BytesIO
from typing import cast

from pydicom import Dataset, dcmread
from pydicom.dataelem import RawDataElement
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.events import Event

from scripts.dicom.header import quiet
from serving.node.arrivals import Arrivals
from serving.node.object_limit import LimitedBytes
from serving.node.received import RECEIVED, SENT, SEPARATED, Received, ReceivedObjects
from serving.node.spool import Spool
from serving.pacs.client import is_uid

logger = logging.getLogger(__name__)

SUCCESS, NO_RESOURCES, NO_MATCH, NOT_UNDERSTOOD = 0x0000, 0xA700, 0xA900, 0xC000
"""Statuses of C-STORE (DICOM PS3.4, table B.2-1)."""

LARGEST_READ = 1024
"""Bytes of an element that is looked at; pixels are not."""

UNDEFINED = 0xFFFFFFFF
"""Length of an element that is ended by a delimiter."""

IDENTITY = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")


class Reception:
    """Reception of objects by C-STORE.

    Args:
        received: the journal.
        spool: where objects are kept.
        arrivals: is told of each object.
        largest: bytes of an object that is taken.
    """

    def __init__(self, received: ReceivedObjects, spool: Spool, arrivals: Arrivals, largest: int) -> None:
        self.received = received
        self.spool = spool
        self.arrivals = arrivals
        self.largest = largest
        self._guard = threading.Lock()

    def store(self, event: Event) -> int:
        """Take an object; return the status by which it is answered."""
        request = cast(C_STORE, event.request)
        sop, data = str(request.AffectedSOPInstanceUID), request.DataSet or BytesIO()
        if (isinstance(data, LimitedBytes) and data.dropped) or len(data.getbuffer()) > self.largest:
            logger.warning("object %s refused: expected at most %s bytes, got more", _named(sop), f"{self.largest:,}")
            return NO_RESOURCES
        content = event.encoded_dataset()
        header = _header(content)
        if header is None:
            logger.warning("object %s refused: its data set cannot be read", _named(sop))
            return NOT_UNDERSTOOD
        uids = {keyword: str(header.get(keyword) or "") for keyword in IDENTITY}
        asked = {"SOPClassUID": str(request.AffectedSOPClassUID), "SOPInstanceUID": sop}
        for keyword, uid in uids.items():
            if not is_uid(uid) or asked.get(keyword, uid) != uid:
                logger.warning("object %s refused: its %s is not the announced one, or none", _named(sop), keyword)
                return NO_MATCH
        # Before it is in the journal: else it would be worked on at once.
        self.arrivals.arrived(uids["StudyInstanceUID"], event.assoc.is_alive)
        try:
            self._keep(sop, uids["StudyInstanceUID"], hashlib.sha256(data.getbuffer()).hexdigest(), content)
        except OSError as error:
            logger.error("object %s refused: it cannot be kept (%s)", sop, error.strerror)
            return NO_RESOURCES
        return SUCCESS

    def _keep(self, sop: str, study: str, sha256: str, content: bytes) -> None:
        """Keep an object, unless the same one is here already, or its results are sent."""
        with self._guard:
            former = self.received.find(sop)
            if former and former.sha256 == sha256 and former.state in (RECEIVED, SEPARATED, SENT):
                return
            name = f"{sop}-{sha256[:16]}"
            self.spool.keep(name, content)
            try:
                self.received.put(Received(sop, study, sha256, name))
            except OSError:
                self.spool.remove(name)
                raise
            if former and former.file != name:
                self.spool.remove(former.file)


def _header(content: bytes) -> Dataset | None:
    """Return the header of an object; None if it cannot be read, or if the last element is cut off."""
    try:
        with quiet():
            dataset = dcmread(BytesIO(content), defer_size=LARGEST_READ)
            last = dataset.get_item(max(dataset.keys()), keep_deferred=True)
            end = last.value_tell + last.length if isinstance(last, RawDataElement) and last.length != UNDEFINED else 0
            if end > len(content):
                return None
            for keyword in IDENTITY:
                dataset.get(keyword)
        return dataset
    except Exception as error:  # whatever broken bytes raise; its text may be the patient's
        logger.debug("%s in a data set", type(error).__name__)
        return None


def _named(uid: str) -> str:
    """Return a UID for the log; what is none may be anything."""
    return uid if is_uid(uid) else "without a UID"
