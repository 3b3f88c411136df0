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

"""Routes for inference, labels and images, for MONAI Label's clients; answered off the event loop."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from monailabel.config import settings
from monailabel.endpoints.user.auth import RBAC
from monailabel.interfaces.datastore import DefaultLabelTag
from monailabel.interfaces.utils.app import app_instance
from requests_toolbelt import MultipartEncoder
from starlette.datastructures import UploadFile

from scripts.errors import InputError
from scripts.physics import FIELD_MM
from serving import label_map
from serving.api.parameters import InferParameters, LabelParameters, checked
from serving.api.request_body import read_form
from serving.pacs.client import Instance, Pacs, encode

SUFFIXES = (*label_map.VOLUMES, ".dcm", ".bin", ".bin.gz")
BINARY = "application/octet-stream"
LIMITER = CapacityLimiter(4)
"""Limit of requests that fetch, compute and store at a time; the others wait."""

RESERVED = {"image", "file", "session_id"}
"""Keys that ``params`` may not hold: the request sets them elsewhere."""

router = APIRouter(dependencies=[Depends(RBAC(settings.MONAI_LABEL_AUTH_ROLE_USER))])


class Output(StrEnum):
    """Content of the answer."""

    image = "image"
    json = "json"
    all = "all"
    dicom_seg = "dicom_seg"


@router.get("/info/")
async def info() -> dict[str, Any]:
    """Return MONAI Label's description of the app, and ``region_mm``, the side of the region around a click."""
    about: dict[str, Any] = await to_thread.run_sync(app_instance().info, limiter=LIMITER)
    return {**about, "region_mm": FIELD_MM}


@router.post("/infer/{model}")
async def infer(request: Request, model: str, image: str = "", output: Output | None = None) -> Response:
    """Separate joints of a radiograph of the PACS.

    ``image`` is its SOP Instance UID, or its Series Instance UID. The form has ``params``, JSON with ``joints``, and
    may have ``label``, a file with masks for them. ``output``: the label map (``image``), UIDs and metrics of all
    results (``json``), both (``all``), or the segmentation as DICOM (``dicom_seg``).
    """
    if not image:
        raise InputError("image: expected the UID of a radiograph in the PACS, got nothing")
    async with read_form(request) as form:
        if form.file is not None:
            raise InputError("file: expected the UID of a radiograph in the PACS as image, got a file")
        params = checked(InferParameters, _without_reserved(form.params)).model_dump(exclude_none=True)
        with _saved(form.label) as label:
            app_request: dict[str, Any] = {**params, "model": model, "image": image}
            if label is not None:
                app_request["label"] = str(label)
            if output == Output.json:
                app_request["result_write_to_file"] = False
            return await to_thread.run_sync(_answer, app_request, output, limiter=LIMITER)


@router.get("/proposals")
async def propose_joints(image: str = "") -> dict[str, Any]:
    """Find the joints of a radiograph of the PACS: ``image`` its SOP Instance UID. Nothing is separated or stored."""
    if not image:
        raise InputError("image: expected the UID of a radiograph in the PACS, got nothing")
    found: dict[str, Any] = await to_thread.run_sync(app_instance().separator.propose, image, limiter=LIMITER)
    return found


@router.delete("/results")
async def remove_result(image: str = "", joint: str = "") -> dict[str, Any]:
    """Take the results of a joint of a radiograph out of the PACS: ``image`` its SOP Instance UID, ``joint`` a name."""
    if not (image and joint):
        raise InputError(f"results: expected image and joint, got no {'joint' if image else 'image'}")
    removed: dict[str, Any] = await to_thread.run_sync(app_instance().separator.remove, image, joint, limiter=LIMITER)
    return removed


@router.put("/datastore/label")
async def save_label(request: Request, image: str = "") -> dict[str, str]:
    """Separate joints again with the masks that a client has drawn: those in ``params``, or all that have results."""
    async with read_form(request) as form:
        params = checked(LabelParameters, form.params).model_dump(exclude_none=True)
        if form.label is None:
            raise InputError("label: expected a file, got none")
        with _saved(form.label) as label:
            datastore = app_instance().datastore()
            saved = await to_thread.run_sync(
                datastore.save_label, image, str(label), DefaultLabelTag.FINAL, params, limiter=LIMITER
            )
            return {"image": image, "label": saved}


@router.get("/datastore/image")
@router.head("/datastore/image", include_in_schema=False)
async def image_file(image: str = "") -> Response:
    """Return the DICOM file of an image, without writing it to the disk."""

    def fetch() -> Response:
        pacs = app_instance().datastore().pacs
        return _dicom_file(pacs, pacs.find(image))

    return await to_thread.run_sync(fetch, limiter=LIMITER)


@router.put("/datastore/image", include_in_schema=False)
@router.put("/datastore/", include_in_schema=False)
async def add_image() -> None:
    """Refuse an image before any of it is written."""
    raise InputError("images come from the PACS: store them there")


def _without_reserved(params: dict[str, Any]) -> dict[str, Any]:
    for key in RESERVED & params.keys():
        raise InputError(f"params: expected no {key}, which the request sets elsewhere")
    return params


@contextmanager
def _saved(upload: UploadFile | None) -> Iterator[Path | None]:
    """Save an upload to a temporary file; of the client's file name only a known suffix is used."""
    if upload is None:
        yield None
        return
    name = (upload.filename or "").lower()
    suffix = next((suffix for suffix in sorted(SUFFIXES, key=len, reverse=True) if name.endswith(suffix)), None)
    if suffix is None:
        raise InputError(f"label: expected a file {', '.join(SUFFIXES)}, got {name[-64:]!r}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"label{suffix}"
        with path.open("wb") as file:
            while chunk := upload.file.read(2**20):
                file.write(chunk)
        yield path


def _answer(app_request: dict[str, Any], output: Output | None) -> Response:
    """Run the model and return the part of its result that was asked for."""
    app = app_instance()
    result = app.infer(app_request)
    if output == Output.dicom_seg:
        if result.get("file"):
            os.unlink(result["file"])
        return _segmentation(app, result["params"])
    file = result.get("file")
    if not file or output == Output.json:
        return JSONResponse(result["params"])
    # Removed before it is sent: a client on this machine saves it under the same name.
    name, content = Path(file).name, Path(file).read_bytes()
    os.unlink(file)
    if output == Output.image:
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(content, media_type=BINARY, headers=headers)
    fields = {"params": (None, json.dumps(result["params"]), "application/json"), "image": (name, content, BINARY)}
    parts = MultipartEncoder(fields=fields)
    return Response(parts.to_string(), media_type=parts.content_type)


def _segmentation(app: Any, params: dict[str, Any]) -> Response:
    """Return the segmentation as it is stored."""
    uids = params["segmentation"]
    instance = Instance(params["study_instance_uid"], uids["series_instance_uid"], uids["sop_instance_uid"])
    return _dicom_file(app.datastore().pacs, instance)


def _dicom_file(pacs: Pacs, instance: Instance) -> Response:
    """Return an object of the PACS as a file."""
    headers = {"Content-Disposition": f'attachment; filename="{instance.sop}.dcm"'}
    return Response(encode(pacs.fetch(instance)), media_type="application/dicom", headers=headers)
