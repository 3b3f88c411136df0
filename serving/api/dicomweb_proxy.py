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

"""The PACS on the viewer's own origin: a DICOMweb proxy that only reads and stores."""

import re
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import httpx
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response, StreamingResponse
from monailabel.config import settings
from monailabel.endpoints.user.auth import RBAC

from scripts.errors import InputError
from serving.pacs.client import PacsAwayError

PATH = "/pacs"
"""Where the viewer finds the PACS."""

READ = re.compile(r"(studies|series|instances)(/[A-Za-z0-9.,_-]+)*/?")
STORE = re.compile(r"studies(/[0-9.]+)?/?")
ASKED = ("accept", "content-type")
ANSWERED = ("content-type", "content-length", "content-encoding", "warning")

router = APIRouter(dependencies=[Depends(RBAC(settings.MONAI_LABEL_AUTH_ROLE_USER))])


class Upstream:
    """The one HTTP client of the proxy, made when it is first needed."""

    def __init__(self) -> None:
        self._client: httpx.AsyncClient | None = None

    def client(self) -> httpx.AsyncClient:
        """For the event loop that serves."""
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
        """Let go of all connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None


upstream = Upstream()


@router.get(PATH + "/{path:path}", include_in_schema=False)
@router.get("/proxy/dicom/{path:path}", include_in_schema=False)
async def read(request: Request, path: str) -> Response:
    """QIDO-RS and WADO-RS."""
    if not READ.fullmatch(path) or ".." in path:
        raise InputError("studies, series or instances of DICOMweb expected")
    return await _pass_on(request, path, _prefix(path), None)


@router.post(PATH + "/{path:path}", include_in_schema=False)
async def store(request: Request, path: str) -> Response:
    """STOW-RS, for segmentations that the viewer saves."""
    if not STORE.fullmatch(path):
        raise InputError("studies of DICOMweb expected")
    return await _pass_on(request, path, settings.MONAI_LABEL_STOW_PREFIX, request.stream())


def _prefix(path: str) -> str | None:
    """Searches end in studies, series or instances, all else is retrieved."""
    searches = path.rstrip("/").rsplit("/", 1)[-1] in ("studies", "series", "instances")
    return settings.MONAI_LABEL_QIDO_PREFIX if searches else settings.MONAI_LABEL_WADO_PREFIX


async def _pass_on(request: Request, path: str, prefix: str | None, content: AsyncIterator[bytes] | None) -> Response:
    pacs = settings.MONAI_LABEL_STUDIES.rstrip("/")
    address = "/".join(part for part in (pacs, (prefix or "").strip("/"), path) if part)
    headers = {name: request.headers[name] for name in ASKED if name in request.headers}
    client = upstream.client()
    try:
        sent = client.build_request(
            request.method, httpx.URL(address, query=request.url.query.encode()), headers=headers, content=content
        )
        answer = await client.send(sent, stream=True)
        kept = {name: answer.headers[name] for name in ANSWERED if name in answer.headers}
        if "json" in answer.headers.get("content-type", ""):
            body = await answer.aread()
            await answer.aclose()
            kept.pop("content-length", None)
            kept.pop("content-encoding", None)
            # Addresses of pixels, as the PACS writes them, lead past this proxy: another origin for the viewer.
            return Response(body.replace(pacs.encode(), _own(request).encode()), answer.status_code, kept)
    except httpx.HTTPError as error:
        raise PacsAwayError("the PACS does not answer; try again when it is back") from error
    return StreamingResponse(_body(answer), answer.status_code, kept)


async def _body(answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for chunk in answer.aiter_raw():
            yield chunk
    finally:
        await answer.aclose()


def _own(request: Request) -> str:
    """Address of the proxy, as the viewer sees it."""
    scheme = request.headers.get("x-forwarded-proto", urlsplit(str(request.url)).scheme)
    return f"{scheme}://{request.headers.get('host', '')}{PATH}"
