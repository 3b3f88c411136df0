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

"""What MONAI Label's clients send: requests for joints, and masks; checked first, answered off the event loop."""

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
from fastapi.responses import FileResponse, JSONResponse, Response
from monailabel.config import settings
from monailabel.endpoints.infer import send_response
from monailabel.endpoints.user.auth import RBAC
from monailabel.interfaces.datastore import DefaultLabelTag
from monailabel.interfaces.utils.app import app_instance
from starlette.background import BackgroundTasks
from starlette.datastructures import UploadFile

from scripts.errors import InputError
from scripts.inference.joint_list import FIELD_MM
from serving import label_map
from serving.pacs.client import Instance, Pacs, encoded

SUFFIXES = (*label_map.VOLUMES, ".dcm", ".bin", ".bin.gz")
AT_ONCE = CapacityLimiter(4)
"""Requests that fetch, compute and store at a time; the others wait their turn."""

OWN = {"model", "image", "label", "file", "session_id"}
"""Keys that parameters may not set: they are the request's own."""

router = APIRouter(dependencies=[Depends(RBAC(settings.MONAI_LABEL_AUTH_ROLE_USER))])


class Output(StrEnum):
    """What the answer holds."""

    image = "image"
    json = "json"
    all = "all"
    dicom_seg = "dicom_seg"


@router.get("/info/")
async def info() -> dict[str, Any]:
    """Return MONAI Label's description of the app, and ``region_mm``, the side of the region around a click."""
    about: dict[str, Any] = await to_thread.run_sync(app_instance().info, limiter=AT_ONCE)
    return {**about, "region_mm": FIELD_MM}


@router.post("/infer/{model}")
async def infer(request: Request, model: str, image: str = "", output: Output | None = None) -> Response:
    """Separate joints of a radiograph of the PACS.

    ``image`` is its SOP Instance UID, or its Series Instance UID. The form has ``params``, JSON with ``joints``, and
    may have ``label``, a file with masks for them. ``output``: the label map (``image``), where everything is and all
    figures (``json``), both (``all``), or the segmentation as DICOM (``dicom_seg``).
    """
    if not image:
        raise InputError("image is missing: the UID of a radiograph in the PACS expected")
    async with request.form(max_files=2, max_fields=8) as form:
        if "file" in form:
            raise InputError("file: images come from the PACS, name one by image")
        params = _params(form.get("params"))
        drawn = form.get("label")
        if drawn is not None and not isinstance(drawn, UploadFile):
            raise InputError("label: a file expected")
        with _saved(drawn) as label:
            asked: dict[str, Any] = {**params, "model": model, "image": image}
            if label is not None:
                asked["label"] = str(label)
            if output == Output.json:
                asked["result_write_to_file"] = False
            return await to_thread.run_sync(_answer, asked, output, limiter=AT_ONCE)


@router.put("/datastore/label")
async def save_label(request: Request, image: str = "") -> dict[str, str]:
    """Separate joints again with the masks that a client has drawn: those in ``params``, or all that have results."""
    async with request.form(max_files=1, max_fields=8) as form:
        params = _params(form.get("params"))
        drawn = form.get("label")
        if not isinstance(drawn, UploadFile):
            raise InputError("label: a file expected")
        with _saved(drawn) as label:
            datastore = app_instance().datastore()
            saved = await to_thread.run_sync(
                datastore.save_label, image, str(label), DefaultLabelTag.FINAL, params, limiter=AT_ONCE
            )
            return {"image": image, "label": saved}


@router.get("/datastore/image")
@router.head("/datastore/image", include_in_schema=False)
async def image_file(image: str = "") -> Response:
    """The DICOM file of an image, which is not written to the disk for it."""

    def fetched() -> Response:
        pacs = app_instance().datastore().pacs
        return _object(pacs, pacs.find(image))

    return await to_thread.run_sync(fetched, limiter=AT_ONCE)


@router.put("/datastore/image", include_in_schema=False)
@router.put("/datastore/", include_in_schema=False)
async def add_image() -> None:
    """Refused, before anything of it is written."""
    raise InputError("images come from the PACS: store them there")


def _params(text: Any) -> dict[str, Any]:
    if text is None or text == "":
        return {}
    try:
        params = json.loads(text)
    except (TypeError, ValueError) as error:
        raise InputError("params is not JSON") from error
    if not isinstance(params, dict):
        raise InputError("params: an object expected")
    for key in OWN & params.keys():
        raise InputError(f"params: {key} is not for parameters")
    return params


@contextmanager
def _saved(drawn: UploadFile | None) -> Iterator[Path | None]:
    """A file with what was sent; only the suffix of its name is the client's, and that is one of a few."""
    if drawn is None:
        yield None
        return
    name = (drawn.filename or "").lower()
    suffix = next((suffix for suffix in sorted(SUFFIXES, key=len, reverse=True) if name.endswith(suffix)), None)
    if suffix is None:
        raise InputError(f"label: a file named like one of {', '.join(SUFFIXES)} expected")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"label{suffix}"
        with path.open("wb") as file:
            while chunk := drawn.file.read(2**20):
                file.write(chunk)
        yield path


def _answer(asked: dict[str, Any], output: Output | None) -> Response:
    app = app_instance()
    result = app.infer(asked)
    if output == Output.dicom_seg:
        if result.get("file"):
            os.unlink(result["file"])
        return _segmentation(app, result["params"])
    tasks = BackgroundTasks()
    made = send_response(app.datastore(), result, output, tasks)
    answer = made if isinstance(made, Response) else JSONResponse(made)
    if isinstance(made, FileResponse) or tasks.tasks:
        answer.background = tasks
    return answer


def _segmentation(app: Any, params: dict[str, Any]) -> Response:
    """The stored object, as it is."""
    where = params["segmentation"]
    instance = Instance(params["study_instance_uid"], where["series_instance_uid"], where["sop_instance_uid"])
    return _object(app.datastore().pacs, instance)


def _object(pacs: Pacs, where: Instance) -> Response:
    """An object of the PACS as a file."""
    named = {"Content-Disposition": f'attachment; filename="{where.sop}.dcm"'}
    return Response(encoded(pacs.fetch(where)), media_type="application/dicom", headers=named)
