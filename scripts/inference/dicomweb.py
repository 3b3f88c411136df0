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

"""A PACS by DICOMweb, as a source of radiographs and as a place for their results."""

import re
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from pydicom import Dataset, dcmread
from pydicom.datadict import tag_for_keyword

from scripts.dicom.reader import MAKER
from scripts.errors import InputError
from scripts.inference.find_images import ImageEntry, RadiographEntry
from scripts.inference.joint_list import JointRow, read_joints

MODALITIES = ("CR", "DX")
"""Modalities of radiographs, if a query names none."""

PAGE = 1000
"""Images of one search request."""

ATTEMPTS = 4
"""Requests to a PACS that is busy or away, a second apart, then two, then four."""

_UID = re.compile(r"[0-9]+(\.[0-9]+)+")


@dataclass(frozen=True, kw_only=True)
class PacsEntry(ImageEntry):
    """A radiograph in a PACS, fetched where it is separated.

    Attributes:
        url: address of the PACS.
        study, series, sop: UIDs of the radiograph.
        rows: of its joints.
    """

    url: str
    study: str
    series: str
    sop: str
    rows: Sequence[JointRow] = ()


def find_radiographs(url: str, query: str, joints: Any = None) -> list[PacsEntry]:
    """Search a PACS for radiographs (QIDO-RS), page by page, without layers of this software.

    Args:
        url: address of the DICOMweb services; user and password stand in ``~/.netrc``, or in the address.
        query: DICOM attributes and values as in an address, ``PatientID=12&StudyDate=20100101-``.
        joints: see :func:`scripts.inference.joint_list.read_joints`; images are named by their SOP Instance UID.

    Returns:
        Entries sorted by study and image.

    Raises:
        InputError: the query or the joint list cannot be read, the PACS does not answer, or it holds no such image.
    """
    filters = _filters(query)
    rows: dict[str, list[JointRow]] = defaultdict(list)
    for row in read_joints(joints, Path()) if joints else []:
        rows[row.image].append(row)
    found: dict[str, PacsEntry] = {}
    for modality in [filters["Modality"]] if "Modality" in filters else MODALITIES:
        for item in _instances(url, {**filters, "Modality": modality}):
            study, series, sop = (_text(item, tag) for tag in ("0020000D", "0020000E", "00080018"))
            made_here = item.get("00080008", {}).get("Value", [])[:2] == ["DERIVED", "SECONDARY"]
            if made_here and _text(item, "00080070") == MAKER:
                continue
            if not all(_UID.fullmatch(uid) for uid in (study, series, sop)):
                raise InputError(f"{host_of(url)}: expected UIDs of its images, got other text")
            found[sop] = PacsEntry(
                path=Path(sop),
                name=f"{study}/{sop}",
                url=url,
                study=study,
                series=series,
                sop=sop,
                rows=(*rows[""], *rows[sop]),
            )
    if not found:
        raise InputError(f"{host_of(url)}: holds no radiograph that fits the query")
    return sorted(found.values(), key=lambda entry: entry.name)


@contextmanager
def fetched(entry: PacsEntry) -> Iterator[RadiographEntry]:
    """Fetch a radiograph as it is stored (WADO-RS); the file is there while this lasts.

    Raises:
        InputError: the PACS does not answer, or has no such object any more.
    """
    with _sentences(entry.url, f"fetch of {entry.sop}"):
        dataset = _client(entry.url).retrieve_instance(
            entry.study, entry.series, entry.sop, media_types=(("application/dicom", "*"),)
        )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / entry.sop
        dataset.save_as(path, enforce_file_format=True)
        del dataset
        yield RadiographEntry(path=path, name=entry.name, file=entry.sop, rows=entry.rows, listed=entry.sop)


def storage(url: str | None) -> Callable[[Sequence[Dataset]], None] | None:
    """Return a function that stores objects in a PACS; none if no PACS is named."""
    return Storage(url) if url else None


class Storage:
    """Storage of DICOM objects in a PACS (STOW-RS).

    Args:
        url: address of the DICOMweb services.
    """

    def __init__(self, url: str) -> None:
        self.url = url

    def __call__(self, objects: Sequence[Dataset]) -> None:
        """Store objects in one request.

        Raises:
            InputError: the PACS does not answer, or has not stored all of them.
        """
        # Only a dataset that was read from a file has complete File Meta Information.
        files = [dcmread(BytesIO(_encode(each))) for each in objects]
        with _sentences(self.url, "store"):
            answer = _client(self.url).store_instances(files)
        stored = {str(item.ReferencedSOPInstanceUID) for item in answer.get("ReferencedSOPSequence") or []}
        lost = sum(str(each.SOPInstanceUID) not in stored and not self._holds(each) for each in objects)
        if lost:
            raise InputError(f"{host_of(self.url)}: expected to store {len(objects)} objects, {lost} were not stored")

    def _holds(self, dataset: Dataset) -> bool:
        """Return whether the PACS has an object, for which its answer to a store may have no word."""
        uid = str(dataset.SOPInstanceUID)
        with _sentences(self.url, "search"):
            study = str(dataset.StudyInstanceUID)
            found = _client(self.url).search_for_instances(study, search_filters={"SOPInstanceUID": uid})
        return any(_text(item, "00080018") == uid for item in found)


def host_of(url: str) -> str:
    """Return the machine and port of an address, without user and password."""
    return urlsplit(url).netloc.rpartition("@")[2] or url


def _filters(query: str) -> dict[str, str]:
    if not all("=" in part for part in query.split("&") if part):
        raise InputError("query: expected KEYWORD=VALUE&KEYWORD=VALUE, got a part without =")
    filters = dict(parse_qsl(query, keep_blank_values=True))
    for keyword in filters:
        if tag_for_keyword(keyword) is None:
            raise InputError(f"query: expected keywords of DICOM, such as PatientID=12, got {keyword[:64]!r}")
    return filters


def _instances(url: str, filters: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Yield all objects that a search finds; the last page is that which brings nothing new."""
    offset, seen = 0, set()
    while True:
        with _sentences(url, "search"):
            found = _client(url).search_for_instances(
                search_filters=dict(filters), fields=["00080008", "00080070"], limit=PAGE, offset=offset
            )
        new = [item for item in found if _text(item, "00080018") not in seen]
        yield from new
        seen |= {_text(item, "00080018") for item in new}
        offset += len(found)
        if not new:
            return


@lru_cache(maxsize=4)
def _client(url: str) -> Any:
    import requests
    from dicomweb_client import DICOMwebClient

    session = requests.Session()
    # Compressing a radiograph takes longer than sending it.
    session.headers["Accept-Encoding"] = "identity"
    parts = urlsplit(url)
    if parts.username:
        session.auth = (unquote(parts.username), unquote(parts.password or ""))
    plain = parts._replace(netloc=host_of(url)).geturl().rstrip("/")
    client = DICOMwebClient(plain, session=session, chunk_size=2**31, timeout=60)
    client.set_http_retry_params(retry=True, max_attempts=ATTEMPTS, wait_exponential_multiplier=1000)
    return client


@contextmanager
def _sentences(url: str, action: str) -> Iterator[None]:
    """Raise failures of an action as errors whose message is a sentence for the user."""
    try:
        import dicomweb_client  # noqa: F401
        import requests
    except ImportError as error:
        sentence = (
            "studies, store: expected dicomweb-client, got none; pip install --requirement requirements-serving.txt"
        )
        raise InputError(sentence) from error
    try:
        yield
    except InputError:
        raise
    except requests.HTTPError as error:
        status = error.response.status_code if error.response is not None else "no status"
        raise InputError(f"{host_of(url)}: answered {status} to a {action}") from error
    except requests.RequestException as error:
        raise InputError(f"{host_of(url)}: does not answer a {action} ({type(error).__name__})") from error
    except (ValueError, KeyError, AttributeError) as error:
        raise InputError(f"{host_of(url)}: did not answer a {action} in DICOMweb") from error


def _encode(dataset: Dataset) -> bytes:
    content = BytesIO()
    dataset.save_as(content, enforce_file_format=True)
    return content.getvalue()


def _text(item: Mapping[str, Any], tag: str) -> str:
    return str((item.get(tag, {}).get("Value") or [""])[0])
