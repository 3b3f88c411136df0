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

"""Routes for batches, which separate joints of many images in a process of their own."""

from pathlib import Path
from typing import Any

import psutil
from anyio import to_thread
from fastapi import APIRouter, Depends, HTTPException
from monailabel.config import settings
from monailabel.endpoints import batch_infer
from monailabel.endpoints.user.auth import RBAC
from monailabel.interfaces.tasks.batch_infer import BatchInferImageType
from monailabel.interfaces.utils.app import app_instance
from monailabel.utils.async_tasks.utils import tasks

from scripts.errors import InputError
from scripts.inference.joint_list import read_joints
from serving.api.background_tasks import snapshot, status
from serving.api.parameters import BatchParameters, checked
from serving.api.request_body import JsonObject
from serving.pacs.journal import BusyError

for_all = [Depends(RBAC(settings.MONAI_LABEL_AUTH_ROLE_USER))]
for_admins = [Depends(RBAC(settings.MONAI_LABEL_AUTH_ROLE_ADMIN))]

router = APIRouter(prefix="/batch")


@router.post("/infer/{model}", dependencies=for_admins)
async def start(
    model: str,
    params: JsonObject,
    images: BatchInferImageType = BatchInferImageType.IMAGES_ALL,
    run_sync: bool = False,
) -> dict[str, Any]:
    """Start a batch; ``GET /batch/infer`` returns its state.

    ``params``: see :class:`serving.api.parameters.BatchParameters`. ``run_sync``: the answer comes when it has ended.
    """
    app = app_instance()
    if model not in app._infers:
        raise InputError(f"model: expected {' or '.join(app._infers)}, got {model[:64]!r}")
    values = checked(BatchParameters, params)
    if values.joints is not None:
        read_joints(values.joints, Path())

    def run() -> dict[str, Any]:
        request: dict[str, Any] = values.model_dump(exclude={"joints"})
        if run_sync:
            done: dict[str, Any] = app.batch_infer(
                {**request, "model": model, "images": images, "joints": values.joints}
            )
            return done
        if any(task["status"] in ("SUBMITTED", "RUNNING") for task in list(tasks("batch_infer"))):
            raise BusyError("a batch runs already: GET /batch/infer returns its state, DELETE /batch/infer stops it")
        if values.joints is not None:
            # A command line holds 128 KiB.
            request["rows"] = app.batch_rows.keep(values.joints)
        return snapshot(batch_infer.run(model, images, request))

    return await to_thread.run_sync(run)


@router.get("/infer", dependencies=for_all)
@router.get("/infer/", dependencies=for_all, include_in_schema=False)
async def state(all: bool = False, check_if_running: bool = False) -> Any:
    """Return the state of the last batch."""
    if all or check_if_running:
        found = batch_infer.status(all, check_if_running)
        return [snapshot(task) for task in found] if all else snapshot(found)
    found = status("batch_infer")
    if found is None:
        raise HTTPException(404, "no batch was started")
    return found


@router.delete("/infer", dependencies=for_admins)
@router.delete("/infer/", dependencies=for_admins, include_in_schema=False)
async def stop() -> dict[str, Any] | None:
    """Stop the running batch."""

    def end() -> dict[str, Any] | None:
        try:
            stopped = batch_infer.stop()
        except (psutil.Error, StopIteration):
            # It has ended meanwhile.
            return None
        return snapshot(stopped) if stopped else None

    return await to_thread.run_sync(end)
