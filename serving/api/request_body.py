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

"""Bodies of requests: forms and JSON, read whole or refused, never taken for an empty one."""

import math
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request
from pydantic_core import from_json
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import FormParser, MultiPartException, MultiPartParser

from scripts.errors import InputError

LARGEST_NUMBER = 2**53
"""Largest number in JSON: what a double holds exactly (RFC 8259, section 6)."""

LARGEST_FIELD = 16 * 2**20
"""Bytes of a field of a form that is no file."""


class NotThisTypeError(InputError):
    """Error for a body of another media type."""


@dataclass(frozen=True)
class Form:
    """Form of a request.

    Attributes:
        params: from its field of JSON; empty if there is none.
        label: file with masks.
        file: file with an image.
    """

    params: dict[str, Any]
    label: UploadFile | None = None
    file: UploadFile | None = None


@asynccontextmanager
async def read_form(request: Request, field: str = "params") -> AsyncIterator[Form]:
    """Read a form, multipart or URL-encoded.

    Args:
        request: whose body it is; one without a body is an empty form.
        field: that holds JSON.

    Raises:
        NotThisTypeError: the body is no form.
        InputError: it is broken, holds neither this field nor a file, or its JSON is none.
    """
    form = await _parse(request)
    try:
        if form is None:
            yield Form({})
            return
        known = {name: form.get(name) for name in (field, "label", "file")}
        if all(value is None for value in known.values()):
            raise InputError(f"form: expected {field} or label, got neither")
        text, label, file = known.values()
        if isinstance(text, UploadFile):
            raise InputError(f"{field}: expected text, got a file")
        for name, value in (("label", label), ("file", file)):
            if isinstance(value, str):
                raise InputError(f"{name}: expected a file, got text")
        values = parse_object(text, field) if text else {}
        yield Form(values, *(each if isinstance(each, UploadFile) else None for each in (label, file)))
    finally:
        if form is not None:
            await form.close()


async def _parse(request: Request) -> FormData | None:
    """Parse a form; return nothing if the request has no body."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    tail, stream = bytearray(), request.stream()

    async def watched() -> AsyncGenerator[bytes, None]:
        async for chunk in stream:
            tail[:] = (bytes(tail) + chunk)[-512:] if len(chunk) < 512 else chunk[-512:]
            yield chunk

    try:
        if kind == "multipart/form-data":
            parser = MultiPartParser(
                request.headers, watched(), max_files=2, max_fields=16, max_part_size=LARGEST_FIELD
            )
            form = await parser.parse()
            # A parser of streams does not tell that the last part is cut off: its file would be missing.
            if b"--" + _boundary(request) + b"--" not in bytes(tail):
                await form.close()
                raise InputError("form: expected all parts up to the last boundary, got a part of it")
            return form
        if kind == "application/x-www-form-urlencoded":
            form = await FormParser(request.headers, watched(), max_part_size=LARGEST_FIELD).parse()
            return form if tail else None
    except MultiPartException as error:
        raise InputError(f"form: broken ({error.message})") from error
    except (KeyError, UnicodeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError("form: broken") from error
    async for _ in watched():
        pass
    if tail:
        raise NotThisTypeError(f"content-type: expected multipart/form-data, got {kind[:64] or 'none'}")
    return None


def _boundary(request: Request) -> bytes:
    for part in request.headers["content-type"].split(";")[1:]:
        name, _, value = part.strip().partition("=")
        if name.lower() == "boundary":
            return value.strip().strip('"').encode("latin-1")
    return b""


async def json_object(request: Request) -> dict[str, Any]:
    """Return the JSON object that is the body of a request; an empty one if there is no body.

    Raises:
        NotThisTypeError: the body is of another media type.
        InputError: it is no JSON, or no object.
    """
    body = await request.body()
    kind = request.headers.get("content-type", "application/json").split(";")[0].strip().lower()
    if not body:
        return {}
    if kind not in ("application/json", "text/plain", "text/json"):
        raise NotThisTypeError(f"content-type: expected application/json, got {kind[:64]!r}")
    if body.strip() == b"null":
        return {}
    return parse_object(body, "params")


JsonObject = Annotated[dict[str, Any], Depends(json_object)]
"""Type of a route's argument that is the body of the request."""


def parse_object(text: str | bytes, what: str) -> dict[str, Any]:
    """Parse a JSON object.

    Args:
        text: at most 200 levels deep.
        what: name of the parameter, for refusals.

    Raises:
        InputError: it is no JSON, too deep, no object, or holds numbers over :data:`LARGEST_NUMBER`.
    """
    try:
        parsed = from_json(text, allow_inf_nan=False)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{what}: expected JSON, got something else") from error
    if not isinstance(parsed, dict):
        raise InputError(f"{what}: expected an object, got {type(parsed).__name__}")
    for number in _numbers(parsed):
        if not math.isfinite(number) or abs(number) > LARGEST_NUMBER:
            raise InputError(f"{what}: expected numbers up to {LARGEST_NUMBER:,}, got a larger one")
    return parsed


def _numbers(parsed: Any) -> Iterator[float]:
    waiting = [parsed]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, (int, float)):
            # An integer may be too large to compare with a float.
            yield value if isinstance(value, float) or value.bit_length() < 64 else math.inf
