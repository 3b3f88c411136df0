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

"""DICOMweb proxy that brings the PACS to the viewer's origin, for reading and storing only."""

import re
from collections.abc import AsyncIterator

import httpx
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response, StreamingResponse
from monailabel.config import settings
from monailabel.endpoints.user.auth import RBAC

from scripts.errors import InputError
from serving.pacs.errors import PacsAwayError, PacsFailsError, PacsRefusesError

PATH = "/pacs"
"""Path at which the viewer finds the PACS."""

READ_PATH = re.compile(r"(studies|series|instances)(/[A-Za-z0-9.,_-]+)*/?")
STORE_PATH = re.compile(r"studies(/[0-9.]+)?/?")
REQUEST_HEADERS = ("accept", "content-type")
RESPONSE_HEADERS = ("content-type", "content-length", "content-encoding", "warning")

router = APIRouter(dependencies=[Depends(RBAC(settings.MONAI_LABEL_AUTH_ROLE_USER))])


def plain_lists(query: bytes) -> bytes:
    """Return a query whose lists of attributes have plain commas: Orthanc 1.10 splits a list before it decodes it."""
    return re.sub(b"includefield=[^&]*", lambda found: found.group().replace(b"%2C", b","), query, flags=re.IGNORECASE)


class Upstream:
    """HTTP client of the proxy, created at its first use."""

    def __init__(self) -> None:
        self._client: httpx.AsyncClient | None = None

    def client(self) -> httpx.AsyncClient:
        """Return the client, which belongs to the running event loop."""
        if self._client is None:
            user, password = settings.MONAI_LABEL_DICOMWEB_USERNAME, settings.MONAI_LABEL_DICOMWEB_PASSWORD
            self._client = httpx.AsyncClient(
                auth=(user, password) if user else None,
                timeout=settings.MONAI_LABEL_DICOMWEB_PROXY_TIMEOUT,
                trust_env=False,
                # See serving.pacs.client: compressing takes longer than sending.
                headers={"Accept-Encoding": "identity"},
            )
        return self._client

    async def close(self) -> None:
        """Close all connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None


upstream = Upstream()


@router.get(PATH + "/{path:path}", include_in_schema=False)
@router.get("/proxy/dicom/{path:path}", include_in_schema=False)
async def read(request: Request, path: str) -> Response:
    """Search (QIDO-RS) and retrieve (WADO-RS)."""
    if not READ_PATH.fullmatch(path) or ".." in path:
        raise InputError(f"path: expected studies, series or instances of DICOMweb, got {path[:64]!r}")
    return await _pass_on(request, path, _prefix(path), None)


@router.post(PATH + "/{path:path}", include_in_schema=False)
async def store(request: Request, path: str) -> Response:
    """Store segmentations that the viewer saves (STOW-RS)."""
    if not STORE_PATH.fullmatch(path):
        raise InputError(f"path: expected studies of DICOMweb, got {path[:64]!r}")
    return await _pass_on(request, path, settings.MONAI_LABEL_STOW_PREFIX, request.stream())


def _prefix(path: str) -> str | None:
    """Return the prefix for a path: searches end in studies, series or instances, the rest are retrievals."""
    searches = path.rstrip("/").rsplit("/", 1)[-1] in ("studies", "series", "instances")
    return settings.MONAI_LABEL_QIDO_PREFIX if searches else settings.MONAI_LABEL_WADO_PREFIX


async def _pass_on(request: Request, path: str, prefix: str | None, content: AsyncIterator[bytes] | None) -> Response:
    pacs = settings.MONAI_LABEL_STUDIES.rstrip("/")
    address = "/".join(part for part in (pacs, (prefix or "").strip("/"), path) if part)
    headers = {name: request.headers[name] for name in REQUEST_HEADERS if name in request.headers}
    client = upstream.client()
    try:
        where = httpx.URL(address, query=plain_lists(request.scope["query_string"]))
        sent = client.build_request(request.method, where, headers=headers, content=content)
        answer = await client.send(sent, stream=True)
        if answer.status_code in (401, 403):
            # Told as it is, the viewer would ask its user to log in here.
            await answer.aclose()
            raise PacsRefusesError
        if answer.status_code >= 500:
            await answer.aclose()
            raise PacsFailsError(f"the PACS failed at this request ({answer.status_code})")
        kept = {name: answer.headers[name] for name in RESPONSE_HEADERS if name in answer.headers}
        if "json" in answer.headers.get("content-type", ""):
            body = await answer.aread()
            await answer.aclose()
            kept.pop("content-length", None)
            kept.pop("content-encoding", None)
            # The PACS writes addresses of its own, which would be another origin for the viewer.
            return Response(body.replace(pacs.encode(), _own_address(request).encode()), answer.status_code, kept)
    except httpx.InvalidURL as error:
        raise InputError("query: expected one of DICOMweb, got something else") from error
    except httpx.HTTPError as error:
        raise PacsAwayError("the PACS does not answer; try again when it is back") from error
    return StreamingResponse(_body(answer), answer.status_code, kept)


async def _body(answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for chunk in answer.aiter_raw():
            yield chunk
    finally:
        await answer.aclose()


def _own_address(request: Request) -> str:
    """Return the address of the proxy, as the viewer sees it."""
    # Several proxies in a row write a list, the one nearest to the viewer first.
    scheme = request.headers.get("x-forwarded-proto", "").split(",")[0].strip().lower()
    if scheme not in ("http", "https"):
        scheme = request.url.scheme
    return f"{scheme}://{request.headers.get('host', '')}{PATH}"
