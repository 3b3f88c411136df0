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

"""Middleware for every request: allowed origins, size of the body, and a sentence for each failure."""

import errno
import logging
import re
import traceback
from collections.abc import Mapping
from urllib.parse import urlsplit

import requests
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from monailabel.interfaces.exception import MONAILabelException
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from scripts.errors import InputError
from serving.api.request_body import NotThisTypeError
from serving.pacs.errors import NotInPacsError, PacsAwayError, PacsFailsError
from serving.pacs.journal import BusyError

logger = logging.getLogger(__name__)

LARGEST_BODY = 96 * 2**20
"""Largest body of a request, bytes: a label map of the largest radiograph, one byte a pixel, and some more."""

LOOPBACK = re.compile(r"(localhost|127\.0\.0\.1|\[?::1\]?)")


class TooLargeError(InputError):
    """Error for a body over the limit."""


STATUS: dict[type[Exception], int] = {
    TooLargeError: 413,
    NotThisTypeError: 415,
    NotInPacsError: 404,
    InputError: 400,
    BusyError: 409,
    PacsFailsError: 502,
    PacsAwayError: 503,
}
"""HTTP status of each kind of failure; the first that fits counts."""

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM)
"""Reasons of the system for which a file cannot be written."""


def answer_for(error: Exception) -> JSONResponse:
    """Return the answer to a request that failed: a sentence in ``detail``, without internals of the server."""
    if isinstance(error, MONAILabelException):
        return JSONResponse({"detail": error.msg}, 400)
    if isinstance(error, RequestValidationError):
        return JSONResponse({"detail": _sentence(error)}, 422)
    for kind, status in STATUS.items():
        if isinstance(error, kind):
            return JSONResponse({"detail": str(error)}, status)
    if isinstance(error, requests.RequestException):
        return JSONResponse({"detail": f"another service did not answer as expected ({type(error).__name__})"}, 502)
    if isinstance(error, OSError) and error.errno in FULL:
        logger.error("the server cannot write: %s", error.strerror)
        return JSONResponse({"detail": f"the server cannot write ({error.strerror}); nothing was stored"}, 507)
    # Only the traceback is logged: the text of an error may quote a DICOM header.
    logger.error("%s in a request\n%s", type(error).__name__, "".join(traceback.format_tb(error.__traceback__)))
    return JSONResponse({"detail": f"the server failed ({type(error).__name__}); its log says more"}, 500)


def _sentence(error: RequestValidationError) -> str:
    """Return a sentence for what FastAPI found wrong in a path, a query or a form."""
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"][1:]) or "request"
    return f"{name}: {first['msg'][:1].lower()}{first['msg'][1:]}, got {str(first.get('input'))[:48]!r}"


def answer_failures(app: FastAPI) -> None:
    """Answer all failures in an app by :func:`answer_for`."""

    async def handler(_: Request, error: Exception) -> JSONResponse:
        return answer_for(error)

    for kind in (*STATUS, OSError, MONAILabelException, RequestValidationError):
        app.add_exception_handler(kind, handler)
    app.add_middleware(FaultHandler)


class FaultHandler:
    """Middleware that answers faults of the program by :func:`answer_for`, before uvicorn logs their text."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        started = False

        async def sending(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, sending)
        except Exception as error:
            answer = answer_for(error)
            if not started:
                await answer(scope, receive, send)


class Guard:
    """Middleware that refuses requests of foreign pages and large bodies.

    A page of another origin may send requests only if that origin is listed: otherwise any page that is open in a
    radiologist's browser could read the PACS through it. The page can read the refusal.

    Args:
        app: the guarded app.
        origins: other origins whose pages may send requests, e.g. ``https://viewer.example.org``; ``*`` for all.
        hosts: names of this server; loopback names are always allowed.
        largest: limit of a body, bytes.
        headers: of every answer.
    """

    def __init__(
        self,
        app: ASGIApp,
        origins: list[str] | None = None,
        hosts: list[str] | None = None,
        largest: int = LARGEST_BODY,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.app = app
        self.headers = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
        self.origins = {origin.rstrip("/") for origin in origins or []}
        self.hosts = {host for host in hosts or [] if host}
        self.largest = largest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        headers = Headers(scope=scope)
        origin, host = headers.get("origin", ""), headers.get("host", "")
        allowed = not origin or self._is_allowed(origin, host)

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *self.headers]
            # A foreign page may read the answers that it is allowed to get, and every refusal.
            if message["type"] == "http.response.start" and origin and (allowed or message["status"] >= 400):
                message["headers"] = [
                    *(pair for pair in message["headers"] if not pair[0].startswith(b"access-control-")),
                    (b"access-control-allow-origin", origin.encode("latin-1") if allowed else b"*"),
                    (b"access-control-allow-headers", b"authorization, content-type, accept"),
                    (b"access-control-allow-methods", b"GET, HEAD, POST, PUT, DELETE, OPTIONS"),
                    (b"vary", b"Origin"),
                ]
            await send(message)

        refusal = self._refusal(scope, headers, host, origin, allowed)
        if refusal is not None:
            return await refusal(scope, receive, sending)
        await self.app(scope, self._counting(receive), sending)

    def _refusal(self, scope: Scope, headers: Headers, host: str, origin: str, allowed: bool) -> JSONResponse | None:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return JSONResponse({"detail": f"host: expected a name, got {host[:64]!r}"}, 400)
        if not LOOPBACK.fullmatch(name) and name not in self.hosts and "*" not in self.hosts:
            return JSONResponse(
                {"detail": f"host: expected a name of this server, got {name[:64]!r}; add it to BLS_GAN_HOSTS"}, 421
            )
        if not allowed:
            detail = f"origin: expected one of MONAI_LABEL_CORS_ORIGINS, got {origin[:64]!r}"
            return JSONResponse({"detail": detail}, 403)
        if scope["method"] == "OPTIONS" and origin:
            return JSONResponse({}, 200)
        packed = headers.get("content-encoding", "identity").strip().lower()
        if packed != "identity":
            return answer_for(NotThisTypeError(f"content-encoding: expected none, got {packed[:64]!r}"))
        length = headers.get("content-length", "0")
        if length.isdigit() and int(length) > self.largest:
            return answer_for(self._too_large(int(length)))
        return None

    def _is_allowed(self, origin: str, host: str) -> bool:
        try:
            page = urlsplit(origin)
        except ValueError:
            return False
        if page.netloc == host or "*" in self.origins or origin in self.origins:
            return True
        return not self.origins and LOOPBACK.fullmatch(page.hostname or "") is not None

    def _counting(self, receive: Receive) -> Receive:
        count = 0

        async def counted() -> Message:
            nonlocal count
            message = await receive()
            count += len(message.get("body", b""))
            if count > self.largest:
                raise self._too_large(count)
            return message

        return counted

    def _too_large(self, size: int) -> TooLargeError:
        return TooLargeError(f"request: expected at most {self.largest:,} bytes, got {size:,} or more")
