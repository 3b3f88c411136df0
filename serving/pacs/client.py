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

"""A PACS by DICOMweb: find radiographs, fetch them, store objects, take objects out."""

import logging
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import requests
from dicomweb_client import DICOMwebClient
from pydicom import Dataset, dcmread

from scripts.dicom.reader import MAKER, MODALITIES, Radiograph, read_radiograph
from scripts.errors import InputError

logger = logging.getLogger(__name__)

ANY_SYNTAX = (("application/dicom", "*"),)
"""As it is stored: nothing is decoded and encoded on the way."""

PAGE = 1000
"""Images asked for at a time."""

_UID = re.compile(r"[0-9]+(\.[0-9]+)+")


class PacsAwayError(RuntimeError):
    """The PACS does not answer, or not as it should; its text is a sentence for the user."""


class NotInPacsError(InputError):
    """What was asked for is not in the PACS."""


@dataclass(frozen=True)
class Instance:
    """Where an object is: Study, Series and SOP Instance UID."""

    study: str
    series: str
    sop: str


class Pacs:
    """One PACS.

    Args:
        url: of its DICOMweb services.
        orthanc: of Orthanc's own interface, where the PACS is an Orthanc: it takes objects out, which older versions of
            its DICOMweb do not. Without it DICOMweb's DELETE is used.
        session: for HTTP, with credentials where the PACS wants some.
        prefixes: ``qido_url_prefix``, ``wado_url_prefix``, ``stow_url_prefix``, where the services have some.
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
        # Orthanc compresses 10 MB of a radiograph in half a second: twenty times what sending them takes.
        self.session.headers["Accept-Encoding"] = "identity"
        self.client = DICOMwebClient(
            self.url, session=self.session, chunk_size=2**31, timeout=timeout, **(prefixes or {})
        )
        self.client.set_http_retry_params(retry=False)

    def find(self, image: str) -> Instance:
        """The radiograph that an image id means.

        Args:
            image: SOP Instance UID of a radiograph, or Series Instance UID of a series that holds a single one.

        Raises:
            InputError: it is no UID; or the series holds several radiographs.
            NotInPacsError: there is no such radiograph.
            PacsAwayError: the PACS does not answer.
        """
        if not is_uid(image):
            raise InputError(f"image is {image[:64]!r}, a SOP or Series Instance UID expected")
        for keyword in ("SOPInstanceUID", "SeriesInstanceUID"):
            found = list(self._search({keyword: image}))
            if len(found) == 1:
                return found[0]
            if found:
                raise InputError(f"series {image}: {len(found)} radiographs, name one by its SOP Instance UID")
        raise NotInPacsError(f"image {image}: no such radiograph in the PACS")

    def radiographs(self) -> list[Instance]:
        """All radiographs, layers that this software made left out.

        Raises:
            PacsAwayError: the PACS does not answer.
        """
        found: dict[str, Instance] = {}
        for modality in MODALITIES:
            for where in self._search({"Modality": modality}):
                found[where.sop] = where
        return list(found.values())

    def segmentations(self, *makers: str) -> list[Instance]:
        """All segmentations.

        Args:
            makers: only of these; of a PACS that does not tell the maker all there are.

        Raises:
            PacsAwayError: the PACS does not answer.
        """
        found = self._instances({"Modality": "SEG"})
        return [_instance(item) for item in found if not makers or _text(item, "00080070") in (*makers, "")]

    def _search(self, filters: dict[str, str]) -> Iterator[Instance]:
        for item in self._instances(filters):
            derived = "DERIVED" in item.get("00080008", {}).get("Value", []) and _text(item, "00080070") == MAKER
            if _text(item, "00080060") in MODALITIES and not derived:
                yield _instance(item)

    def _instances(self, filters: dict[str, str]) -> Iterator[dict[str, Any]]:
        offset = 0
        while True:
            with self._answering("search"):
                found = self.client.search_for_instances(
                    search_filters=filters, fields=["00080008", "00080060", "00080070"], limit=PAGE, offset=offset
                )
            yield from found
            offset += len(found)
            if len(found) < PAGE:
                return

    def metadata(self, study: str, series: str) -> list[Dataset]:
        """Headers of all objects of a series; none if there is no such series.

        Raises:
            PacsAwayError: the PACS does not answer.
        """
        try:
            with self._answering("metadata"):
                found = self.client.retrieve_series_metadata(study, series)
        except NotInPacsError:
            return []
        # Pixels come as addresses, which nobody follows here.
        return [
            Dataset.from_json({tag: value for tag, value in item.items() if "BulkDataURI" not in value})
            for item in found
        ]

    def fetch(self, where: Instance) -> Dataset:
        """One object as it is stored, with its File Meta Information.

        Raises:
            NotInPacsError: it is not there.
            PacsAwayError: the PACS does not answer.
        """
        with self._answering("fetch"):
            return self.client.retrieve_instance(where.study, where.series, where.sop, media_types=ANY_SYNTAX)

    def radiograph(self, where: Instance) -> Radiograph:
        """Fetch a radiograph and read it.

        Raises:
            NotInPacsError: it is not there.
            InputError: it cannot be used, see :func:`scripts.dicom.reader.read_radiograph`.
            PacsAwayError: the PACS does not answer.
        """
        dataset = self.fetch(where)
        with tempfile.TemporaryDirectory() as folder:
            # Its name is what refusals quote.
            path = Path(folder) / where.sop
            dataset.save_as(path, enforce_file_format=True)
            return read_radiograph(path)

    def store(self, objects: Sequence[Dataset]) -> None:
        """Send objects in one request.

        Raises:
            PacsAwayError: the PACS does not answer, or has not taken all of them.
        """
        # The client sends a dataset as it is: only one that comes from a file has all that a file has to have.
        files = [dcmread(BytesIO(encoded(each))) for each in objects]
        with self._answering("store"):
            answer = self.client.store_instances(files)
        # What counts is what the PACS says it has: with a full disk Orthanc names objects neither as stored nor failed.
        stored = {str(item.ReferencedSOPInstanceUID) for item in answer.get("ReferencedSOPSequence") or []}
        lost = sum(str(each.SOPInstanceUID) not in stored for each in objects)
        if lost:
            failed = answer.get("FailedSOPSequence") or []
            reasons = sorted({f"{int(item.get('FailureReason', 0)):04X}H" for item in failed})
            why = ", ".join(reasons) or "no word why"
            raise PacsAwayError(f"the PACS did not take {lost} of {len(objects)} objects ({why})")

    def remove(self, objects: Sequence[Instance]) -> None:
        """Take objects out; what is not there is passed over.

        Raises:
            PacsAwayError: the PACS does not answer, or lets nobody take objects out.
        """
        for where in objects:
            try:
                with self._answering("removal"):
                    if self.orthanc:
                        self._remove_from_orthanc(where)
                    else:
                        self.client.delete_instance(where.study, where.series, where.sop)
            except NotInPacsError:
                continue

    def _remove_from_orthanc(self, where: Instance) -> None:
        looked_up = self.session.post(f"{self.orthanc}/tools/lookup", data=where.sop, timeout=self.timeout)
        looked_up.raise_for_status()
        for item in looked_up.json():
            if item["Type"] == "Instance":
                self.session.delete(f"{self.orthanc}/instances/{item['ID']}", timeout=self.timeout).raise_for_status()

    @contextmanager
    def _answering(self, what: str) -> Iterator[None]:
        """Say in a sentence what of the PACS failed."""
        try:
            yield
        except requests.HTTPError as error:
            status = error.response.status_code if error.response is not None else 0
            if status in (404, 410) and what not in ("search", "store"):
                raise NotInPacsError("the object is not in the PACS any more") from error
            raise PacsAwayError(f"the PACS answered {status} to a {what}") from error
        except requests.RequestException as error:
            logger.warning("%s: %s", what, type(error).__name__)
            raise PacsAwayError("the PACS does not answer; try again when it is back") from error
        except (ValueError, KeyError, AttributeError) as error:
            logger.debug("%s", what, exc_info=error)
            raise PacsAwayError(f"the PACS answered a {what} with something that is no DICOMweb") from error


def encoded(dataset: Dataset) -> bytes:
    """The file of an object."""
    content = BytesIO()
    dataset.save_as(content, enforce_file_format=True)
    return content.getvalue()


def is_uid(text: str) -> bool:
    """Whether a text is a UID (DICOM PS3.5, section 9.1)."""
    return len(text) <= 64 and _UID.fullmatch(text) is not None


def _instance(item: dict[str, Any]) -> Instance:
    return Instance(*(_text(item, tag) for tag in ("0020000D", "0020000E", "00080018")))


def _text(item: dict[str, Any], tag: str) -> str:
    return str((item.get(tag, {}).get("Value") or [""])[0])
