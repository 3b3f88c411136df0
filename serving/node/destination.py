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

"""Destinations of results: a DICOM node by C-STORE, or DICOMweb services by STOW-RS."""

import os
from collections.abc import Sequence
from typing import Protocol

import requests
from pydicom import Dataset

from serving.node.options import Options
from serving.node.storage_user import StorageUser
from serving.node.web_store import WebStore
from serving.pacs.client import Pacs
from serving.pacs.journal import Journal


class Destination(Protocol):
    """Destination of results."""

    name: str
    """Address, for the log."""

    def send(self, source: str, objects: Sequence[Dataset]) -> None:
        """Send all results of one radiograph; those that are there already are no fault.

        Args:
            source: SOP Instance UID of the radiograph.
            objects: its results.

        Raises:
            PacsAwayError: not all of them were taken.
            SkippedInput: they are not to be sent.
        """


def destination_of(options: Options) -> Destination:
    """Return the destination that the options name."""
    if options.peer:
        return StorageUser(options.peer, options.aet, options.send_tls_files)
    session = requests.Session()
    if user := os.environ.get("MONAI_LABEL_DICOMWEB_USERNAME"):
        session.auth = (user, os.environ.get("MONAI_LABEL_DICOMWEB_PASSWORD", ""))
    if files := options.send_tls_files:
        session.verify = files.authority
        session.cert = (files.certificate, files.key) if files.certificate else None
    pacs = Pacs(options.store, orthanc=options.orthanc, session=session)
    return WebStore(pacs, Journal(pacs, options.folder))
