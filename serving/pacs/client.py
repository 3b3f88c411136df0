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

"""Client of a PACS by DICOMweb: find and fetch radiographs, store and delete objects."""

import logging
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from io import BytesIO
from pathlib import Path
from typing import Any

import requests
from dicomweb_client import DICOMwebClient
from pydicom import Dataset, dcmread

from scripts.dicom.private_block import is_layer
from scripts.dicom.reader import MAKER, MODALITIES, Radiograph, read_radiograph
from scripts.errors import InputError
from serving.pacs.dicom_json import headers_of, text_of
from serving.pacs.errors import NotInPacsError, PacsAwayError, failures_as_errors

logger = logging.getLogger(__name__)

ANY_SYNTAX = (("application/dicom", "*"),)
"""Transfer syntax of objects: as they are stored, without transcoding."""

PAGE = 1000
"""Images of one search request."""

_UID = re.compile(r"[0-9]+(\.[0-9]+)+")


@dataclass(frozen=True)
class Instance:
    """Identity of an object: Study, Series and SOP Instance UID."""

    study: str
    series: str
    sop: str


class Pacs:
    """Connection to a PACS.

    Args:
        url: address of the DICOMweb services.
        orthanc: address of Orthanc's own interface, if the PACS is an Orthanc: it deletes objects, which older versions
            of its DICOMweb do not. Without it DICOMweb's DELETE is used.
        session: for HTTP, with credentials if the PACS requires them.
        prefixes: ``qido_url_prefix``, ``wado_url_prefix``, ``stow_url_prefix``, if the services have them.
        timeout: seconds to wait for an answer.
    """

    def __init__(
        self,
        url: str,
        *,
        orthanc: str = "",
        session: requests.Session | None = None,
        prefixes: Mapping[str, Any] | None = None,
        timeout: float = 20,
    ) -> None:
        self.url = url.rstrip("/")
        self.orthanc = orthanc.rstrip("/")
        self.timeout = timeout
        self.session = session or requests.Session()
        # Orthanc takes half a second to compress the 10 MB of a radiograph, twenty times as long as sending them.
        self.session.headers["Accept-Encoding"] = "identity"
        self.client = DICOMwebClient(
            self.url, session=self.session, chunk_size=2**31, timeout=timeout, **(prefixes or {})
        )
        self.client.set_http_retry_params(retry=False)

    def find(self, image: str) -> Instance:
        """Find the radiograph of an image id.

        Args:
            image: SOP Instance UID of a radiograph, or Series Instance UID of a series that holds a single one.

        Raises:
            InputError: the id is not a UID, or the series holds several radiographs.
            NotInPacsError: there is no such radiograph.
            PacsAwayError: the PACS does not answer.
        """
        if not is_uid(image):
            raise InputError(f"image: expected a SOP or Series Instance UID, got {image[:64]!r}")
        for keyword in ("SOPInstanceUID", "SeriesInstanceUID"):
            found = list(self._search({keyword: image}))
            if len(found) == 1:
                return found[0]
            if found:
                raise InputError(
                    f"series {image}: expected one radiograph, got {len(found)}; name one by its SOP Instance UID"
                )
        raise NotInPacsError(f"image {image}: no such radiograph in the PACS")

    def radiographs(self) -> list[Instance]:
        """List all radiographs, without layers of this software.

        Raises:
            PacsAwayError: the PACS does not answer.
        """
        found: dict[str, Instance] = {}
        for modality in MODALITIES:
            for instance in self._search({"Modality": modality}):
                found[instance.sop] = instance
        return list(found.values())

    def of_patient(self, patient: str) -> list[Instance]:
        """List the radiographs that a patient's id finds; archives differ in what they take for the same id.

        Raises:
            PacsAwayError: the PACS does not answer.
        """
        return list(self._search({"PatientID": patient}))

    def segmentations(self, *makers: str) -> list[Instance]:
        """List all segmentations.

        Args:
            makers: manufacturers; a segmentation is listed too if the PACS does not tell its manufacturer.

        Raises:
            PacsAwayError: the PACS does not answer.
        """
        found = self._instances({"Modality": "SEG"})
        return [_instance(item) for item in found if not makers or text_of(item, "00080070") in (*makers, "")]

    def _search(self, filters: dict[str, str]) -> Iterator[Instance]:
        """Yield the radiographs among the objects that a search finds."""
        for item, instance in ((item, _instance(item)) for item in self._instances(filters)):
            if "00080060" not in item or "00080008" not in item:
                # Some archives tell less of an object than was asked for.
                header = next(iter(self.metadata(instance.study, instance.series, instance.sop)), Dataset())
                radiograph = header.get("Modality") in MODALITIES and not is_layer(header)
            else:
                # A search tells nothing of our private block. A radiograph compressed again is DERIVED\PRIMARY.
                layer = item["00080008"].get("Value", [])[:2] == ["DERIVED", "SECONDARY"]
                ours = layer and text_of(item, "00080070") == MAKER
                radiograph = text_of(item, "00080060") in MODALITIES and not ours
            if radiograph:
                yield instance

    def _instances(self, filters: dict[str, str]) -> Iterator[dict[str, Any]]:
        """Yield all objects that a search finds, in DICOM's JSON; the last page is that which brings nothing new."""
        offset, seen = 0, set()
        while True:
            with failures_as_errors("search"):
                found = self.client.search_for_instances(
                    search_filters=filters, fields=["00080008", "00080060", "00080070"], limit=PAGE, offset=offset
                )
            new = [item for item in found if text_of(item, "00080018") not in seen]
            yield from new
            seen |= {text_of(item, "00080018") for item in new}
            offset += len(found)
            if not new or "SOPInstanceUID" in filters:
                return

    def metadata(self, study: str, series: str, sop: str = "") -> list[Dataset]:
        """Return the headers of all objects of a series, or of one of them; none if there is none.

        Raises:
            PacsAwayError: the PACS does not answer.
        """
        try:
            with failures_as_errors("metadata"):
                of_series = self.client.retrieve_series_metadata
                found = (
                    [self.client.retrieve_instance_metadata(study, series, sop)] if sop else of_series(study, series)
                )
        except NotInPacsError:
            return []
        return list(headers_of(found))

    def fetch(self, instance: Instance) -> Dataset:
        """Fetch an object as it is stored, with its File Meta Information.

        Raises:
            NotInPacsError: the PACS has no such object.
            PacsAwayError: the PACS does not answer.
        """
        with failures_as_errors("fetch"):
            return self.client.retrieve_instance(instance.study, instance.series, instance.sop, media_types=ANY_SYNTAX)

    def radiograph(self, instance: Instance) -> Radiograph:
        """Fetch a radiograph and read it.

        Raises:
            NotInPacsError: the PACS has no such object.
            InputError: the radiograph cannot be used, see :func:`scripts.dicom.reader.read_radiograph`.
            PacsAwayError: the PACS does not answer.
        """
        dataset = self.fetch(instance)
        with tempfile.TemporaryDirectory() as folder:
            # Error messages quote the file name.
            path = Path(folder) / instance.sop
            dataset.save_as(path, enforce_file_format=True)
            del dataset
            return read_radiograph(path)

    def store(self, objects: Sequence[Dataset]) -> None:
        """Store objects in one request.

        Raises:
            PacsAwayError: the PACS does not answer, or has not stored all of them.
        """
        # Sent as they are; only a dataset read from a file has complete File Meta Information.
        files = [dcmread(BytesIO(encode(each))) for each in objects]
        with failures_as_errors("store"):
            answer = self._post(files)
        # Count the stored objects: with a full disk Orthanc lists objects neither as stored nor as failed.
        stored = {str(item.ReferencedSOPInstanceUID) for item in answer.get("ReferencedSOPSequence") or []}
        unsure = [each for each in objects if str(each.SOPInstanceUID) not in stored]
        lost = sum(not self._holds(each) for each in unsure)
        if lost:
            failed = answer.get("FailedSOPSequence") or []
            reasons = sorted({f"{int(item.get('FailureReason', 0)):04X}H" for item in failed})
            why = f"({', '.join(reasons) or 'no reason given'})"
            raise PacsAwayError(f"the PACS did not store {lost} of {len(objects)} objects {why}")

    def _post(self, files: Sequence[Dataset]) -> Dataset:
        """Send objects; return the answer, also of a PACS that refuses some of them by 409 (PS3.18, table 10.5.3-1)."""
        try:
            return self.client.store_instances(files)
        except requests.HTTPError as error:
            if error.response is None or error.response.status_code != HTTPStatus.CONFLICT:
                raise
            with suppress(ValueError):
                return Dataset.from_json(error.response.json())
            return Dataset()

    def _holds(self, dataset: Dataset) -> bool:
        """Return whether the PACS has an object, for which its answer to a store may have no word."""
        with failures_as_errors("search"):
            uid = str(dataset.SOPInstanceUID)
            study = str(dataset.StudyInstanceUID)
            found = self.client.search_for_instances(study, search_filters={"SOPInstanceUID": uid})
        return any(text_of(item, "00080018") == uid for item in found)

    def remove(self, objects: Sequence[Instance]) -> None:
        """Delete objects; missing ones are ignored.

        Raises:
            RemovalRefusedError: the PACS does not allow to delete objects.
            PacsAwayError: the PACS does not answer.
        """
        for instance in objects:
            try:
                with failures_as_errors("removal"):
                    if self.orthanc:
                        self._remove_from_orthanc(instance)
                    else:
                        self.client.delete_instance(instance.study, instance.series, instance.sop)
            except NotInPacsError:
                continue

    def _remove_from_orthanc(self, instance: Instance) -> None:
        lookup = self.session.post(f"{self.orthanc}/tools/lookup", data=instance.sop, timeout=self.timeout)
        lookup.raise_for_status()
        for item in lookup.json():
            if item["Type"] == "Instance":
                self.session.delete(f"{self.orthanc}/instances/{item['ID']}", timeout=self.timeout).raise_for_status()


def encode(dataset: Dataset) -> bytes:
    """Return the bytes of an object's file."""
    content = BytesIO()
    dataset.save_as(content, enforce_file_format=True)
    return content.getvalue()


def is_uid(text: str) -> bool:
    """Return whether a text is a UID (DICOM PS3.5, section 9.1)."""
    return len(text) <= 64 and _UID.fullmatch(text) is not None


def _instance(item: dict[str, Any]) -> Instance:
    return Instance(*(text_of(item, tag) for tag in ("0020000D", "0020000E", "00080018")))
